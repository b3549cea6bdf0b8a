import pickle

import pytest

from models.errors import ModelError, NotEnoughExamples, UnreadablePicture, WeightsMissing


@pytest.mark.parametrize("kind", [ModelError, UnreadablePicture, NotEnoughExamples, WeightsMissing])
def test_an_error_survives_the_way_between_processes(kind: type[ModelError]) -> None:
    error = kind("What happened; do this.", code="special")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (str(copy), copy.detail, copy.code) == (
        "What happened; do this.",
        "What happened; do this.",
        "special",
    )


def test_each_kind_has_its_own_code() -> None:
    kinds = [ModelError, UnreadablePicture, NotEnoughExamples, WeightsMissing]
    assert len({kind("x").code for kind in kinds}) == len(kinds)
