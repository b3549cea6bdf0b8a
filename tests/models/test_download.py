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


def test_missing_weights_say_what_it_costs_and_how_to_add_them(
    no_internet: None, tmp_path: Path
) -> None:
    with pytest.raises(WeightsMissing) as caught:
        download.find("resnet18", folder(tmp_path / "w", "squeezenet1_1.pth"))
    message = str(caught.value)
    for part in ("resnet18", "small network", "COLABEL_WEIGHTS", str(tmp_path / "w")):
        assert part in message
    assert not list((tmp_path / "hub").rglob("*.pth"))


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
