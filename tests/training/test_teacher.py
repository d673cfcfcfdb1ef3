from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from styleswap import ops, weights
from styleswap.errors import StyleSwapError
from styleswap.nets.perceptual import PerceptualNetwork
from styleswap.specs import LAYERS
from styleswap.training.teacher import load_teacher
from tests.helpers import noise, random_network

EXACT = {"conv1_1": 4, "conv1_2": 4, "conv2_1": 6, "conv2_2": 6, "conv3_1": 8}
IMITATION = {"conv1_1": 3, "conv2_1": 3, "conv3_1": 5, "conv4_1": 5, "conv4_2": 5, "conv5_1": 7}
MAPPED = {"conv1_1": 4, "conv4_1": 10, "conv5_1": 12}


def maps() -> dict[str, Tensor]:
    found = {}
    for i, (name, out) in enumerate(MAPPED.items()):
        found[f"{name}_to_vgg.weight"] = noise(out, IMITATION[name], 1, 1, seed=i) - 0.5
        found[f"{name}_to_vgg.bias"] = noise(out, seed=i + 10)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An exact network to relu3_1 and an imitation to the end, in the other order of names."""
    save_file(random_network(EXACT, seed=1).named_weights(), tmp_path / "z_exact.safetensors")
    imitation = random_network(IMITATION, seed=2).named_weights() | maps()
    save_file(imitation, tmp_path / "a_imitation.safetensors")
    return tmp_path


def test_exact_layers_win_and_others_are_mapped(folder: Path) -> None:
    teacher = load_teacher(str(folder))
    teacher.set_pooling("average")
    x = noise(2, 3, 32, 48)
    found = teacher.features(x)
    assert tuple(found) == LAYERS
    exact = random_network(EXACT, seed=1).features(x, ("relu1_1", "relu2_1", "relu3_1"))
    for layer, f in exact.items():
        assert torch.equal(found[layer], f)
    imitation = random_network(IMITATION, seed=2).features(x, ("relu4_1", "conv4_2", "relu5_1"))
    for layer, f in imitation.items():
        name = layer.replace("relu", "conv")
        if name in MAPPED:
            w, b = maps()[f"{name}_to_vgg.weight"], maps()[f"{name}_to_vgg.bias"]
            f = torch.einsum("oi,bihw->bohw", w[:, :, 0, 0], f) + b.view(1, -1, 1, 1)
        torch.testing.assert_close(found[layer], f)
    assert teacher.channels() == {k: v.shape[1] for k, v in found.items()}
    assert [teacher.channels()[n] for n in LAYERS] == [4, 6, 8, 10, 5, 12]


def test_layers_are_given_as_asked_for(folder: Path) -> None:
    teacher = load_teacher(str(folder))
    x = noise(1, 3, 32, 32)
    order = ("relu5_1", "relu2_1")
    found = teacher.features(x, order)
    assert tuple(found) == order
    assert torch.equal(found["relu5_1"], teacher.features(x)["relu5_1"])
    assert torch.equal(
        teacher.style_matrix("relu2_1", found["relu2_1"]), ops.gram(found["relu2_1"])
    )
    assert torch.equal(teacher.content_map("relu2_1", found["relu2_1"]), found["relu2_1"])


def test_pooling_reaches_every_network(folder: Path) -> None:
    teacher = load_teacher(str(folder))
    x = noise(1, 3, 32, 32)
    teacher.set_pooling("average")
    average = teacher.features(x)
    teacher.set_pooling("max")
    largest = teacher.features(x)
    for layer in LAYERS:
        assert torch.equal(average[layer], largest[layer]) == (layer == "relu1_1")


def test_it_is_frozen(folder: Path) -> None:
    teacher = load_teacher(str(folder))
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())


def test_missing_layers(folder: Path) -> None:
    (folder / "a_imitation.safetensors").unlink()
    with pytest.raises(StyleSwapError, match="has no relu4_1, conv4_2, relu5_1; give"):
        load_teacher(str(folder))


def test_no_files(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "none"):
        with pytest.raises(StyleSwapError, match="no safetensors files"):
            load_teacher(str(source))


@pytest.mark.parametrize("data", [b"", b"\xff" * 64], ids=["empty", "junk"])
def test_a_damaged_file(data: bytes, folder: Path) -> None:
    (folder / "m.safetensors").write_bytes(data)
    with pytest.raises(StyleSwapError, match=r"m\.safetensors"):
        load_teacher(str(folder))


def test_vgg19(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = {n: 4 + 4 * int(n[4]) for n in weights.VGG19_CONVS}  # narrower than it is
    w = random_network(shapes).named_weights()
    torchvisions = {
        f"features.{number}.{part}": w[f"{name}.{part}"]
        for name, (number, _) in weights.VGG19_CONVS.items()
        for part in ("weight", "bias")
    }
    monkeypatch.setattr(weights, "vgg19_features", lambda: torchvisions)
    teacher = load_teacher("vgg19")
    x = noise(1, 3, 32, 32)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    literal = PerceptualNetwork(w, pooling="max").features(
        (x - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1), LAYERS
    )
    for layer, f in teacher.features(x).items():
        torch.testing.assert_close(f, literal[layer], rtol=1e-3, atol=1e-4)
    assert teacher.channels() == {n: 4 + 4 * int(n[4]) for n in LAYERS}
