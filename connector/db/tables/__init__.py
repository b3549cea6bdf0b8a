"""All tables, imported so that the metadata is whole."""

from __future__ import annotations

from connector.db.tables.accounts import ApiKey, Fact, Workspace
from connector.db.tables.asking import Asking, SlackQuestion, SlackReply, SlackSeen
from connector.db.tables.backfills import Backfill
from connector.db.tables.classifiers import Classifier, Label, Source, SourceEvent
from connector.db.tables.digests import Digest
from connector.db.tables.examples import (
    Embedding,
    Example,
    Image,
    Import,
    ImportProblem,
    Labelling,
)
from connector.db.tables.outbound import Delivery, DeliveryAttempt, Endpoint, Event, Webhook
from connector.db.tables.people import LoginThrottle, OneTimeLink, Person, PersonSession
from connector.db.tables.predictions import Prediction, Review, ReviewSkip
from connector.db.tables.records import AuditEntry, Tally
from connector.db.tables.retention import Derivative, Removal, Thumbnail
from connector.db.tables.rules import Action, Rule
from connector.db.tables.training import ModelVersion, Study, TrainingRun
from connector.db.tables.undos import Undo, UndoItem
from connector.db.tables.watched import WatchedFile, WatchedFolder, WrittenFile
from connector.db.types import Base

__all__ = [
    "Action",
    "ApiKey",
    "Asking",
    "AuditEntry",
    "Backfill",
    "Base",
    "Classifier",
    "Delivery",
    "DeliveryAttempt",
    "Derivative",
    "Digest",
    "Embedding",
    "Endpoint",
    "Event",
    "Example",
    "Fact",
    "Image",
    "Import",
    "ImportProblem",
    "Label",
    "Labelling",
    "LoginThrottle",
    "ModelVersion",
    "OneTimeLink",
    "Person",
    "PersonSession",
    "Prediction",
    "Removal",
    "Review",
    "ReviewSkip",
    "Rule",
    "SlackQuestion",
    "SlackReply",
    "SlackSeen",
    "Source",
    "SourceEvent",
    "Study",
    "Tally",
    "Thumbnail",
    "TrainingRun",
    "Undo",
    "UndoItem",
    "WatchedFile",
    "WatchedFolder",
    "Webhook",
    "Workspace",
    "WrittenFile",
]
