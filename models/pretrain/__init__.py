"""The recipe that made colabel's own backbone, for whoever wants to make a better one.

`python -m models.pretrain --help` says how; models/weights/colabel_small.md is the model card.
"""
