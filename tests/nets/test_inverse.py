from __future__ import annotations

import pytest
import torch
from torch import Tensor

from styleswap.nets.inverse import LAYERS, NORMALISED, InverseNetwork, new_inverse
from styleswap.nets.perceptual import SMALL_CHANNELS
from tests.helpers import noise, small


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
    """Brighter features give the same picture where nothing tells how bright they were."""
    for layer in LAYERS:
        net, f = network(layer), features(layer, 1, 9, 9)
        normalised = (net(f) - net(4 * f)).abs().mean() < 1e-2 * net(f).std()
        assert normalised == (layer in NORMALISED)
    net = network(NORMALISED[0])
    with torch.no_grad():
        for part in net.modules():
            if isinstance(part, torch.nn.Linear):
                part.weight.copy_(0.01 * noise(*part.weight.shape))
    f = features(NORMALISED[0], 1, 9, 9)
    assert (net(f) - net(4 * f)).abs().mean() > 0.05  # and here it is told


def test_flat_and_tiny_features() -> None:
    for layer in LAYERS:
        for f in (torch.zeros_like(features(layer, 1, 4, 4)), features(layer, 1, 2, 2)):
            assert network(layer)(f).isfinite().all()
