import pytest
import torch
from albums import album

from models.pretrain.course import Course, Settings
from models.pretrain.pictures import Library, gather

SHORT = Settings(passes=4, batch=16, rate=0.05, sides=(32, 32))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return gather([album(tmp_path_factory.mktemp("album") / "a", 50)])


def test_the_average_follows_the_network(library: Library) -> None:
    made = Course(library, SHORT, None)
    before = {key: value.clone() for key, value in made.average.state_dict().items()}
    made.step()
    now, average = made.network.state_dict(), made.average.state_dict()
    weight = 1 - 2 / 11
    for key in ("features.0.0.weight", "features.0.1.running_mean"):
        expected = before[key] + (now[key] - before[key]) * weight
        assert torch.allclose(average[key], expected, atol=1e-6)


def test_the_course_ends_with_gentle_views_at_the_last_side() -> None:
    settings = Settings(sides=(48, 64, 80), finish=0.2)
    looks = [settings.look(share) for share in (0.0, 0.39, 0.41, 0.79, 0.81, 1.0)]
    assert [side for side, _ in looks] == [48, 48, 64, 64, 80, 80]
    assert [strength.tones for _, strength in looks] == [True] * 4 + [False] * 2
    with pytest.raises(ValueError, match="a course has"):
        Settings(passes=0)
