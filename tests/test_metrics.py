from __future__ import annotations

import math

import pytest
import torch

from styleswap import ops
from styleswap.metrics import content_distance, psnr, ssim, style_distance
from styleswap.specs import STYLE_LAYERS
from tests.helpers import TINY, example, noise, random_network, small

NET = random_network(TINY, {"relu3_1": 12})


def test_distances_are_zero_to_itself() -> None:
    x = noise(1, 3, 40, 48)
    assert style_distance(NET, x, x) == pytest.approx(dict.fromkeys(STYLE_LAYERS, 0), abs=1e-9)
    assert content_distance(NET, x, x) == pytest.approx(0, abs=1e-9)


def test_style_distance_by_its_formula() -> None:
    x, style = noise(1, 3, 40, 48), noise(1, 3, 32, 36, seed=1) ** 2  # of different sizes
    head = NET.head("relu3_1").weight.flatten(1)
    found = style_distance(NET, x, style, ["relu3_1", "relu1_1"])
    assert list(found) == ["relu3_1", "relu1_1"]
    for layer, w in (("relu3_1", head), ("relu1_1", torch.eye(4))):
        g = [w @ ops.gram(NET.features(y, [layer])[layer])[0] @ w.T for y in (x, style)]
        literal = (g[0] - g[1]).square().sum() / g[1].square().sum()
        assert found[layer] == pytest.approx(literal.item(), rel=1e-3)


def test_style_distance_is_relative_to_the_style() -> None:
    a, b = noise(1, 3, 40, 48), noise(1, 3, 40, 48, seed=1) ** 2
    forth, back = style_distance(NET, a, b), style_distance(NET, b, a)
    assert all(abs(forth[n] - back[n]) > 1e-3 for n in STYLE_LAYERS)


def test_content_distance_by_its_formula() -> None:
    x, content = noise(1, 3, 40, 48), noise(1, 3, 40, 48, seed=1)
    f, t = (NET.features(y, ["relu2_1"])["relu2_1"] for y in (x, content))
    literal = (f - t).square().sum() / t.square().sum()
    assert content_distance(NET, x, content, "relu2_1") == pytest.approx(literal.item(), rel=1e-4)
    assert content_distance(NET, x, content) != content_distance(NET, x, content, "relu2_1")
    mine, target = (
        NET.head("relu3_1")(NET.features(y, ["relu3_1"])["relu3_1"]) for y in (x, content)
    )
    literal = (mine - target).square().sum() / target.square().sum()
    assert content_distance(NET, x, content, "relu3_1") == pytest.approx(literal.item(), rel=1e-4)


def test_style_knows_no_place_and_content_does() -> None:
    net = small()
    x = example("swirls", 192)
    moved = x.roll((64, 64), (2, 3))
    style = style_distance(net, moved, x)
    assert max(style.values()) < 0.1 < 0.2 < content_distance(net, moved, x)


def test_a_flat_picture_is_far_from_a_style() -> None:
    style = example("tiles", 128)
    flat = style.mean((2, 3), keepdim=True).expand_as(style)
    near = style_distance(small(), style[..., 16:], style)
    far = style_distance(small(), flat, style)
    assert all(far[n] > 5 * near[n] and far[n] > 0.1 for n in STYLE_LAYERS)


def test_no_graph_is_kept() -> None:
    x = noise(1, 3, 40, 40).requires_grad_(True)
    assert isinstance(content_distance(NET, x, x), float)
    assert x.grad is None and torch.is_grad_enabled()


def test_psnr_by_its_formula() -> None:
    x = noise(1, 3, 20, 30)
    assert psnr(x, x) == math.inf
    assert psnr(x + 0.1, x) == pytest.approx(20, abs=1e-3)  # 10 log10(1 / 0.01)
    assert psnr(x - 25 / 255, x) == pytest.approx(20.17, abs=0.01)


def test_ssim() -> None:
    x = example("swirls", 96)
    assert ssim(x, x) == pytest.approx(1, abs=1e-9)
    faint, strong = (ssim(x + k * (noise(*x.shape) - 0.5), x) for k in (0.1, 0.5))
    assert 1 > faint > strong > 0
    # Two flat pictures differ in brightness alone: (2 a b + c) / (a^2 + b^2 + c).
    one, other = torch.full((1, 3, 16, 16), 0.4), torch.full((1, 3, 16, 16), 0.6)
    assert ssim(one, other) == pytest.approx((0.48 + 1e-4) / (0.52 + 1e-4), rel=1e-4)
    assert math.isnan(ssim(one[..., :9], other[..., :9]))
