import hashlib

import numpy as np
import pytest

from models.answers import Answers
from models.errors import ModelError
from models.track_record import TrackRecord

LABELS = ("cat", "dog", "Öl")


def shas(start: int, count: int) -> list[str]:
    return [hashlib.sha256(str(i).encode()).hexdigest() for i in range(start, start + count)]


def made(held_out: int, tuning: int) -> TrackRecord:
    rng = np.random.default_rng(0)

    def part(start: int, count: int) -> Answers:
        probabilities, targets = rng.dirichlet(np.ones(3), count), rng.integers(0, 3, count)
        return Answers.of(LABELS, shas(start, count), probabilities, targets)

    return TrackRecord(
        LABELS,
        part(0, held_out),
        part(1000, tuning),
        (tuple(shas(0, 2)),),
        tuple(shas(5000, 1)),
    )


def test_a_file_gives_back_what_was_put_in() -> None:
    before = made(7, 20)
    after = TrackRecord.from_bytes(before.to_bytes())
    assert (after.labels, after.groups) == (LABELS, before.groups)
    assert after.trained_on == tuple(shas(5000, 1))
    for one, other in ((before.held_out, after.held_out), (before.tuning, after.tuning)):
        assert one.hashes == other.hashes
        np.testing.assert_array_equal(one.targets, other.targets)
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-7)
        np.testing.assert_array_equal(one.predicted, other.predicted)


def test_hashes_that_end_in_nothing_are_kept_whole() -> None:
    odd = ["ab" * 31 + "00", "00" * 32]
    part = Answers.of(LABELS, odd, np.full((2, 3), 1 / 3), np.zeros(2, np.int64))
    kept = TrackRecord.from_bytes(TrackRecord(LABELS, part, part).to_bytes())
    assert list(kept.held_out.hashes) == odd


def test_no_pictures_at_all_keep_their_shape() -> None:
    kept = TrackRecord.from_bytes(made(0, 4).to_bytes()).held_out
    assert kept.probabilities.shape == (0, 3)
    assert (len(kept.confidence), len(kept.predicted), len(kept.right)) == (0, 0, 0)


def test_ten_thousand_answers_fit_in_a_megabyte() -> None:
    assert len(made(2_000, 8_000).to_bytes()) < 1_000_000


def test_other_files_are_refused_with_a_sentence() -> None:
    with pytest.raises(ModelError, match="record file"):
        TrackRecord.from_bytes(b"something else")
