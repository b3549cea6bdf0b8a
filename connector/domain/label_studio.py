"""What Label Studio takes in: tasks with annotations and predictions, and how they are labelled.

Its own names: a *task* is a picture, an *annotation* what a person said of it, a *prediction* what
a model did; in both, a *result* of the type "choices" names labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from connector.domain.exchange_names import Paths
from connector.domain.exchange_rows import Picture
from connector.domain.resources import iso

# What the control and the picture are called in the configuration, and where tasks keep it.
FROM_NAME, TO_NAME, IMAGE = "label", "image", "image"
CHOICES = "choices"
TASKS_A_CHUNK = 200


@dataclass
class Addresses:
    """Where Label Studio finds the pictures: at ours, or below a `root` of its own.

    Below a root they lie as in the zip of folders: "/data/local-files/?d=pictures", for example.
    """

    base: str
    root: str = ""
    _paths: Paths = field(default_factory=Paths)

    def of(self, picture: Picture) -> str:
        """Return the address of the next picture."""
        if not self.root:
            return f"{self.base}/{picture.id}/image"
        return f"{self.root.rstrip('/')}/{quote(self._paths.path(picture))}"


def stream(pictures: Iterable[Picture], addresses: Addresses) -> Iterator[bytes]:
    """Yield a JSON array of tasks."""
    parts: list[str] = ["["]
    for count, picture in enumerate(pictures):
        told = json.dumps(task(picture, addresses.of(picture)), ensure_ascii=False)
        parts.append(f"{',' if count else ''}\n{told}")
        if len(parts) > TASKS_A_CHUNK:
            yield "".join(parts).encode()
            parts = []
    yield "".join([*parts, "\n]\n"]).encode()


def task(picture: Picture, address: str) -> dict[str, Any]:
    """Return a picture as a task: annotated, or with what the model made of it."""
    data = {
        IMAGE: address,
        "name": picture.name,
        "sha256": picture.sha256,
        "source": picture.origin,
        "labelled_by": picture.labelled_by,
    }
    annotations, predictions = [], []
    if picture.label is not None:
        annotations.append(
            {
                "result": [_result(f"{picture.id}-a", picture.label)],
                "was_cancelled": False,
                "ground_truth": False,
                "created_at": iso(picture.labelled_at),
            }
        )
    elif picture.guess is not None:
        predictions.append(
            {
                "model_version": f"version {picture.guess.version}",
                "score": round(picture.guess.confidence, 4),
                "result": [_result(f"{picture.id}-p", picture.guess.label)],
            }
        )
    return {"data": data, "annotations": annotations, "predictions": predictions}


def _result(identity: str, label: str) -> dict[str, Any]:
    return {
        "id": identity,
        "from_name": FROM_NAME,
        "to_name": TO_NAME,
        "type": CHOICES,
        "value": {CHOICES: [label]},
    }


def configuration(labels: Sequence[str]) -> str:
    """Return the labelling interface, to be pasted into a project's settings."""
    choices = "\n".join(f"    <Choice value={quoteattr(label)}/>" for label in labels)
    return (
        "<View>\n"
        f'  <Image name="{TO_NAME}" value="${IMAGE}"/>\n'
        f'  <Choices name="{FROM_NAME}" toName="{TO_NAME}" choice="single" showInline="true">\n'
        f"{choices}\n"
        "  </Choices>\n"
        "</View>\n"
    )
