import io
from pathlib import Path

import pytest
import torch

from models import backbone
from models.download import Source
from models.errors import ModelError

# One of each way of building a classifier: a linear layer of many names, a convolution, attention.
FAMILIES = {
    "squeezenet1_1": 512 + 2 * 256,
    "mobilenet_v3_small": 1024 + 2 * 48,
    "resnet18": 512 + 2 * 256,
    "shufflenet_v2_x0_5": 1024 + 2 * 96,
    "mnasnet0_5": 1280 + 2 * 48,
    "efficientnet_b0": 1280 + 2 * 112,
    "densenet121": 1024 + 2 * 1024,
    "googlenet": 1024 + 2 * 832,
    "inception_v3": 2048 + 2 * 192,
    "vgg11": 4096 + 2 * 512,
    "convnext_tiny": 768 + 2 * 384,
    "vit_b_16": 768,
    "swin_t": 768,
    "maxvit_t": 512 + 2 * 256,
}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_gives_its_pooled_features(name: str) -> None:
    # On torch's "meta" device shapes are computed and numbers are not: quick for any network.
    with torch.device("meta"):
        module = backbone.headless(backbone.bare(name))
        module = backbone.with_texture(module, 224)
        assert backbone.embedding_dim(module, 224) == FAMILIES[name]
    assert not module.training
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_the_texture_is_mean_and_deviation_of_the_stage_before(tmp_path: Path) -> None:
    plain = backbone.headless(backbone.bare("resnet18"))
    pictures = torch.rand(2, 3, 96, 96)
    maps: list[torch.Tensor] = []
    handle = plain.layer3.register_forward_hook(lambda _m, _i, output: maps.append(output))
    with torch.inference_mode():
        features = plain(pictures)
        handle.remove()
        whole = backbone.with_texture(plain, 96)(pictures)
    assert torch.allclose(whole[:, :512], features)
    assert torch.allclose(whole[:, 512:768], maps[0].mean((2, 3)), atol=1e-5)
    assert torch.allclose(whole[:, 768:], maps[0].flatten(2).std(2, correction=0), atol=1e-5)


def saved(state: object, path: Path) -> Source:
    file = io.BytesIO()
    torch.save(state, file)
    path.write_bytes(file.getvalue())
    return Source("squeezenet1_1", path, "a file", "00")


def test_weights_in_half_precision_and_wrappers_are_taken(tmp_path: Path) -> None:
    network = backbone.bare("squeezenet1_1")
    state = {f"module.{key}": value.half() for key, value in network.state_dict().items()}
    built = backbone.build(saved({"state_dict": state, "epoch": 3}, tmp_path / "w.pth"))
    assert (built.input_size, built.dim) == (256, 1024)
    assert built.weights == "pretrained"
    parameters = dict(built.module.named_parameters())
    assert all(parameter.dtype == torch.float32 for parameter in parameters.values())
    first = network.state_dict()["features.0.weight"].half().float()
    assert any(torch.equal(parameter, first) for parameter in parameters.values())


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    state = backbone.bare("squeezenet1_1").state_dict()
    del state["features.0.weight"]
    state["head.weight"] = torch.zeros(1)
    state["classifier.1.bias"] = torch.zeros(7)
    with pytest.raises(ModelError) as caught:
        backbone.build(saved(state, tmp_path / "w.pth"))
    assert caught.value.code == "weights_do_not_fit"
    for part in ("missing: features.0.weight", "unknown: head.weight", "size: classifier.1.bias"):
        assert part in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"text", None])
def test_files_that_are_no_weights_are_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    source = saved([1, 2, 3], path)
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        backbone.build(source)
    assert caught.value.code == "weights_unreadable"


def test_old_densenet_names_are_understood(tmp_path: Path) -> None:
    with torch.device("meta"):
        network = backbone.bare("densenet121")
    key = "features.denseblock1.denselayer1.norm1.weight"
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    state = {name: torch.zeros(shape) for name, shape in shapes.items()}
    state["features.denseblock1.denselayer1.norm.1.weight"] = state.pop(key) + 7
    source = saved(state, tmp_path / "w.pth")
    built = backbone.build(Source("densenet121", source.path, "a file", "00"))
    loaded = dict(built.module.named_parameters())
    assert float(next(v for name, v in loaded.items() if name.endswith(key))[0]) == 7
