from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from styleswap import weights
from styleswap.errors import StyleSwapError
from styleswap.nets import adain, inverse
from styleswap.nets.inverse import LAYERS, NORMALISED, InverseNetwork, cut, new_inverse, padded
from styleswap.nets.perceptual import SMALL_CHANNELS
from tests.helpers import example, noise, small


def network(layer: str, seed: int = 0) -> InverseNetwork:
    net = new_inverse(torch.Generator().manual_seed(seed), layer)
    return net.eval().requires_grad_(False)


def features(layer: str, *shape: int) -> Tensor:
    return noise(shape[0], SMALL_CHANNELS[layer.replace("relu", "conv")], *shape[1:])


@pytest.mark.parametrize("layer", LAYERS)
def test_a_picture_as_large_as_the_features_came_of(layer: str) -> None:
    net = network(layer)
    f = small().features(noise(2, 3, 48, 64), [layer])[layer]
    y = net(f)
    assert y.shape == (2, 3, 48, 64) and net.factor == 48 // f.shape[2]
    assert abs(y.mean().item() - 0.5) < 0.25  # near mid-grey to begin with


@pytest.mark.parametrize("layer", LAYERS)
def test_each_picture_by_itself(layer: str) -> None:
    net, f = network(layer), features(layer, 3, 5, 6)
    f[1] *= 3
    torch.testing.assert_close(net(f)[1:2], net(f[1:2]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_weight_is_trained(layer: str) -> None:
    net = new_inverse(torch.Generator().manual_seed(0), layer)
    y = net(features(layer, 2, 6, 6))
    (y * noise(*y.shape, seed=1)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_where_it_is_normalised() -> None:
    """Brighter features give the same picture where nothing tells how bright they were: `network`
    has no map to colours yet."""
    for layer in LAYERS:
        net, f = network(layer), features(layer, 1, 9, 9)
        normalised = (net(f) - net(4 * f)).abs().mean() < 1e-2 * net(f).std()
        assert normalised == (layer in NORMALISED)
    net = network(NORMALISED[0])
    with torch.no_grad():
        for part in net.modules():
            if isinstance(part, torch.nn.Linear):
                part.weight.copy_(noise(*part.weight.shape))
    f = features(NORMALISED[0], 1, 9, 9)
    assert (net(f) - net(4 * f)).abs().mean() > 0.05  # and here it is told


@pytest.mark.parametrize("layer", LAYERS)
def test_colours_are_linear_in_the_features(layer: str) -> None:
    net = network(layer)
    with torch.no_grad():
        net.last.weight.zero_()
        net.colours.weight.copy_(noise(*net.colours.weight.shape))
        net.colours.bias.copy_(torch.tensor([0.1, 0.2, 0.3]))
    # Enlarging bilinearly leaves an even slope as it is, away from the border.
    slope = torch.arange(6.0)[None, None, :, None] * torch.rand(
        2, features(layer, 1, 1, 1).shape[1], 1, 1
    )
    f = slope.expand(-1, -1, -1, 5)
    wanted = F.conv2d(f, net.colours.weight, net.colours.bias)
    found = F.avg_pool2d(net(f), net.factor)
    torch.testing.assert_close(found[:, :, 1:-1], wanted[:, :, 1:-1], rtol=1e-4, atol=1e-4)


def test_flat_and_tiny_features() -> None:
    for layer in LAYERS:
        for f in (torch.zeros_like(features(layer, 1, 4, 4)), features(layer, 1, 2, 2)):
            assert network(layer)(f).isfinite().all()


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 4, 8]))
@settings(deadline=None)
def test_what_is_padded_is_cut_again(height: int, width: int, multiple: int) -> None:
    x = noise(1, 3, height, width)
    y = padded(x, multiple)
    assert y.shape[2] % multiple == 0 == y.shape[3] % multiple
    assert torch.equal(cut(y, height, width), x)
    assert torch.equal(y[..., 0, 0], x[..., 0, 0]) and torch.equal(y[..., -1, -1], x[..., -1, -1])
    assert cut(3 * y - 1, height, width).min() >= 0 and cut(3 * y, height, width).max() <= 1


@pytest.mark.parametrize("layer", LAYERS)
def test_what_comes_back(layer: str) -> None:
    """Of pictures that were not trained on: as sharp, bright and rich in contrast as they were."""
    net = inverse.load(layer)
    assert not any(p.requires_grad for p in net.parameters())
    photograph, style = {
        "relu1_1": (32, 24),
        "relu2_1": (26, 19),
        "relu3_1": (22.5, 17.5),
        "relu4_1": (19, 15),
    }[layer]
    for name in ("lake", "blooms", "dots", "glass"):
        x = example(name, 256)[..., :160, :160]
        y = net(small().features(x, [layer])[layer]).clamp(0, 1)
        psnr = -10 * (y - x).square().mean().log10()
        assert psnr > (photograph if name == "lake" else style)
        assert y.mean().item() == pytest.approx(x.mean().item(), abs=0.03)
        assert y.std().item() == pytest.approx(x.std().item(), rel=0.15)


def test_weights_that_are_not_there(tmp_path: object) -> None:
    with pytest.raises(StyleSwapError, match="MANIFEST"):
        inverse.load("relu3_1", tmp_path)  # type: ignore[arg-type]
    names = {name for name, entry in weights.manifest().items() if entry.kind == "inverse"}
    assert names == {*(inverse.name_of(layer) for layer in LAYERS), adain.NAME}
