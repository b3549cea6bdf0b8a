"""Usage: python run_onnx.py model.onnx picture.jpg (needs onnxruntime, NumPy and Pillow alone)."""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
metadata = session.get_modelmeta().custom_metadata_map
side = 2 * json.loads(metadata["colabel"])["input_size"]
picture = Image.open(sys.argv[2])
picture.draft("RGB", (side, side))  # lets a large JPEG be decoded at a fraction of its size
pixels = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
answer = session.run(["probabilities"], {"pictures": pixels[None]})[0][0]
print(json.dumps(dict(zip(json.loads(metadata["labels"]), answer.tolist(), strict=True))))
