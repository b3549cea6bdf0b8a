from pathlib import Path

import pytest
import torch

from models import download, fetch
from models.errors import ModelError, WeightsMissing


@pytest.fixture
def no_internet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, and a closed loopback port in the place of every proxy."""
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setattr(download, "_failed", {})
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_bytes(name.encode())
    return path


def test_the_folder_decides_when_nobody_named_a_network(tmp_path: Path) -> None:
    weights = folder(
        tmp_path / "w", "squeezenet1_1.pth", "mobilenet_v2-0a1b2c3d.pth", "notes.txt", "my_net.pth"
    )
    found = download.find(None, weights)
    assert (found.name, found.path.name) == ("mobilenet_v2", "mobilenet_v2-0a1b2c3d.pth")
    assert found.origin == "file mobilenet_v2-0a1b2c3d.pth"


def test_a_processor_is_not_asked_for_the_largest_network(tmp_path: Path) -> None:
    weights = folder(tmp_path / "w", "vit_h_14.pth", "resnet18.pth")
    assert download.find(None, weights, device="cpu").name == "resnet18"
    only_large = folder(tmp_path / "l", "vit_h_14.pth", "resnet152.pth")
    assert download.find(None, only_large, device="cpu").name == "resnet152"


def test_a_single_file_names_its_network_or_takes_the_given_name(tmp_path: Path) -> None:
    weights = folder(tmp_path / "w", "resnet18.pth", "mine.pth")
    assert download.find(None, weights / "resnet18.pth").name == "resnet18"
    given = download.find("resnet50", weights / "mine.pth")
    assert (given.name, given.path) == ("resnet50", weights / "mine.pth")


def test_the_key_follows_name_and_content(tmp_path: Path) -> None:
    weights = folder(tmp_path / "w", "resnet18.pth")
    first = download.find("resnet18", weights)
    assert first.key == download.find("resnet18", weights).key
    (weights / "resnet18.pth").write_bytes(b"retrained")
    assert first.key != download.find("resnet18", weights).key


def test_the_cache_is_used_before_the_internet(no_internet: None, tmp_path: Path) -> None:
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / "mobilenet_v2-7ebf99e0.pth").write_bytes(b"x")
    found = download.find("mobilenet_v2", None)
    assert found.path.parent == cache
    assert found.origin == "torchvision, mobilenet_v2-7ebf99e0.pth"


@pytest.mark.parametrize("name", [None, "resnet18"])
def test_without_better_weights_the_box_has_some_and_says_what_that_costs(
    no_internet: None, tmp_path: Path, name: str | None
) -> None:
    looked = folder(tmp_path / "w", "squeezenet1_1.pth") if name else None
    found = download.find(name, looked)
    assert (found.name, found.path) == ("colabel_small", download.BOXED)
    assert found.origin == "in the box"
    parts = [name or "mobilenet_v2", "network in the box", "on photos", "COLABEL_WEIGHTS"]
    for part in [*parts, *([str(looked)] if looked else [])]:
        assert part in str(found.missing)
    assert not list((tmp_path / "hub").rglob("*.pth"))


def test_what_cannot_be_downloaded_is_not_asked_for_again_at_once(
    no_internet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def nowhere(url: str, _folder: Path, **_options: object) -> Path:
        asked.append(url)
        raise WeightsMissing(f"{url} could not be downloaded (no answer within 8 s).")

    monkeypatch.setattr(fetch, "fetch", nowhere)
    first, second = download.find("resnet18", None), download.find("resnet18", None)
    assert first.missing == second.missing
    assert "no answer within 8 s" in str(second.missing)
    assert len(asked) == 1
    download.find("resnet50", None)
    assert len(asked) == 2
    monkeypatch.setattr(download, "_RETRY_SECONDS", 0.0)
    download.find("resnet18", None)
    assert len(asked) == 3


def test_the_box_may_be_asked_for_and_then_nothing_is_missing(no_internet: None) -> None:
    found = download.find("colabel_small", None)
    assert (found.path, found.missing) == (download.BOXED, None)


def test_own_weights_for_the_network_in_the_box_come_first_but_below_any_other(
    tmp_path: Path,
) -> None:
    own = folder(tmp_path / "own", "colabel_small.pth")
    assert download.find(None, own).path == own / "colabel_small.pth"
    assert download.find("colabel_small", own).path == own / "colabel_small.pth"
    both = folder(tmp_path / "both", "colabel_small.pth", "squeezenet1_1.pth")
    assert download.find(None, both).name == "squeezenet1_1"


def test_from_scratch_is_a_choice_that_says_what_it_costs() -> None:
    with pytest.raises(WeightsMissing, match="alone, which needs many more of them") as caught:
        download.find("scratch", None)
    assert "colabel_small" in caught.value.detail


def test_settings_that_cannot_work_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match="no torchvision classification network 'resnet'"
    ) as caught:
        download.find("resnet", None)
    assert caught.value.code == "unknown_backbone"
    with pytest.raises(ModelError, match="does not exist") as caught:
        download.find(None, tmp_path / "nowhere")
    assert caught.value.code == "weights_path_wrong"


def test_the_attempt_is_short() -> None:
    assert fetch.CONNECT_SECONDS <= 8


def test_the_addresses_are_those_of_torchvision() -> None:
    for name in download.DEFAULTS.values():
        assert download.ADDRESSES[name] == download.weights_entry(name, "").url
