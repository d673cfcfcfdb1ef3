from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from styleswap import ops
from styleswap.losses import (
    PerceptualLoss,
    colour_distance,
    colour_quantiles,
    relative_error,
    relative_errors,
)
from styleswap.specs import STYLE_LAYERS
from tests.helpers import TINY, noise, random_network, small

NET = random_network(TINY, {"relu2_1": 10})
ONES = dict.fromkeys(STYLE_LAYERS, 1.0)


def loss(
    content: dict[str, float] | None = None, style: dict[str, float] | None = None
) -> PerceptualLoss:
    objective = PerceptualLoss(NET, content or {"conv4_2": 1.0}, style or ONES)
    objective.set_content(noise(1, 3, 48, 40))
    objective.set_style([(noise(1, 3, 32, 32, seed=1) ** 3, 1.0)])
    return objective


def test_relative_error_by_hand() -> None:
    x, target = torch.tensor([[1.0, 2.0], [0.0, 5.0]]), torch.tensor([[1.0, 4.0], [3.0, 4.0]])
    each = relative_errors(x, target)
    assert each.tolist() == pytest.approx([4 / 17, 10 / 25])
    assert relative_error(x, target).item() == pytest.approx((4 / 17 + 10 / 25) / 2)


@given(st.floats(1e-3, 1e3), st.integers(0, 99))
def test_relative_error_is_a_share_of_the_target(scale: float, seed: int) -> None:
    x, target = noise(2, 3, 4, seed=seed), noise(2, 3, 4, seed=seed + 100)
    assert relative_error(x, x).item() == 0
    assert relative_error(torch.zeros_like(target), target * scale).item() == pytest.approx(1, 1e-2)
    ratio = relative_error(x * scale, target * scale) / relative_error(x, target)
    assert ratio.item() == pytest.approx(1, rel=1e-2)


def test_relative_error_with_a_zero_target_is_finite() -> None:
    x = noise(1, 4).requires_grad_(True)
    error = relative_error(x, torch.zeros(1, 4))
    (slope,) = torch.autograd.grad(error, x)
    assert error.isfinite() and slope.isfinite().all()


def test_relative_error_broadcasts_and_is_float32() -> None:
    x = noise(3, 2, 2)
    one = relative_errors(x, x[:1])
    assert one.shape == (3,) and one[0] == 0 and (one[1:] > 0).all()
    assert relative_errors(x.bfloat16(), x.bfloat16()).dtype == torch.float32


def test_content_is_zero_at_the_content_and_style_at_the_style() -> None:
    objective = loss()
    content, style = objective(noise(1, 3, 48, 40))
    assert content.item() == pytest.approx(0, abs=1e-9) and style.item() > 1e-2
    content, style = objective(noise(1, 3, 48, 40, seed=2))
    assert content.item() > 1e-3
    objective.set_style([(noise(1, 3, 48, 40, seed=2), 0.3)])
    assert objective(noise(1, 3, 48, 40, seed=2))[1].item() == pytest.approx(0, abs=1e-9)


def test_content_is_measured_through_the_head() -> None:
    objective = loss({"relu2_1": 1.0})
    x, content = noise(1, 3, 48, 40, seed=2), noise(1, 3, 48, 40)
    mine, target = (
        NET.head("relu2_1")(NET.features(y, ["relu2_1"])["relu2_1"]) for y in (x, content)
    )
    literal = (mine - target).square().sum() / target.square().sum()
    assert objective(x)[0].item() == pytest.approx(literal.item(), rel=1e-4)


def by_layer(x: torch.Tensor) -> dict[str, tuple[float, float]]:
    """What each style layer, and as content the same layer, adds at a weight of 1."""
    out = {}
    for layer in STYLE_LAYERS:
        content, style = loss({layer: 1.0}, {layer: 1.0})(x)
        out[layer] = content.item(), style.item()
    return out


@pytest.mark.parametrize("layer", STYLE_LAYERS)
def test_every_layer_has_its_weight(layer: str) -> None:
    x = noise(1, 3, 48, 40, seed=3)
    alone = by_layer(x)
    content, style = loss(ONES, ONES)(x)
    weights = ONES | {layer: 3.5}
    more_content, more_style = loss(weights, weights)(x)
    assert (more_content - content).item() == pytest.approx(2.5 * alone[layer][0], rel=1e-3)
    assert (more_style - style).item() == pytest.approx(2.5 * alone[layer][1], rel=1e-3)
    assert min(alone[layer]) > 1e-4  # else the lines above would hold for a weight that is lost


def test_layers_may_be_asked_for_in_any_order() -> None:
    x = noise(1, 3, 48, 40, seed=3)
    forth, back = loss()(x), loss(style=dict(reversed(ONES.items())))(x)
    assert back[1].item() == pytest.approx(forth[1].item())


def test_two_styles_are_the_weighted_mean_of_their_gram_matrices() -> None:
    a, b = noise(1, 3, 32, 32, seed=1), noise(1, 3, 40, 48, seed=2) ** 2
    grams = [
        {n: NET.style_matrix(n, f) for n, f in NET.features(x, STYLE_LAYERS).items()}
        for x in (a, b)
    ]
    objective = loss()
    for weights, share in (((1.0, 1.0), 0.5), ((7.0, 7.0), 0.5), ((3.0, 1.0), 0.75)):
        objective.set_style(zip((a, b), weights, strict=True))
        assert list(objective.style) == list(STYLE_LAYERS)
        for layer, target in objective.style.items():
            mean = share * grams[0][layer] + (1 - share) * grams[1][layer]
            torch.testing.assert_close(target, mean)


def test_a_second_style_replaces_the_first() -> None:
    objective = loss()
    x = noise(1, 3, 32, 32, seed=5)
    objective.set_style([(x, 1.0)])
    for layer, f in NET.features(x, STYLE_LAYERS).items():
        torch.testing.assert_close(objective.style[layer], NET.style_matrix(layer, f))


@pytest.mark.parametrize("which", [0, 1], ids=["content", "style"])
def test_gradients_reach_every_pixel(which: int) -> None:
    objective = PerceptualLoss(small(), {"conv4_2": 1.0}, ONES)
    objective.set_content(noise(1, 3, 48, 48))
    objective.set_style([(noise(1, 3, 48, 48, seed=1) ** 3, 1.0)])
    x = noise(1, 3, 48, 48, seed=2).requires_grad_(True)
    (slope,) = torch.autograd.grad(objective(x)[which], x)
    assert slope.isfinite().all() and (slope.abs().sum(1) > 0).all()


def test_targets_carry_no_graph_and_inputs_stay() -> None:
    content, style = noise(1, 3, 40, 40).requires_grad_(True), noise(1, 3, 40, 40, seed=1)
    before = content.detach().clone(), style.clone()
    objective = loss()
    objective.set_content(content)
    objective.set_style([(style.requires_grad_(True), 1.0)])
    targets = [*objective.content.values(), *objective.style.values()]
    assert not any(t.requires_grad for t in targets)
    objective(content)
    assert torch.equal(content, before[0]) and torch.equal(style, before[1])


def test_without_heads_style_is_the_plain_gram_matrix() -> None:
    net = random_network(TINY)
    objective = PerceptualLoss(net, {"conv4_2": 1.0}, {"relu3_1": 1.0})
    x = noise(1, 3, 32, 32)
    objective.set_style([(x, 1.0)])
    f = net.features(x, ["relu3_1"])["relu3_1"]
    torch.testing.assert_close(objective.style["relu3_1"], ops.gram(f))


def test_colour_distance_by_hand() -> None:
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 48, 60)
    black = torch.zeros(1, 3, 30, 30)
    # Along the axes red is 1, 0, 0; thrice 1, 1, 0 by sqrt(2); thrice 1, -1, 0 by sqrt(2).
    assert colour_distance(red, colour_quantiles(black)).item() == pytest.approx(3 / 9)
    half = torch.cat([red[..., :30], torch.zeros(1, 3, 48, 30)], 3)
    assert colour_distance(half, colour_quantiles(black)).item() == pytest.approx(1 / 6, rel=0.05)


@given(st.integers(0, 99))
def test_colours_count_and_their_places_do_not(seed: int) -> None:
    x = noise(1, 3, 1, 3, seed=seed).repeat_interleave(30, 3).repeat(1, 1, 90, 1)
    target = colour_quantiles(x)
    assert colour_distance(x.roll(30, 3).transpose(2, 3), target).item() == pytest.approx(0)
    assert colour_distance(torch.cat([x, x]), target).item() < 2e-3
    assert colour_distance(x.roll(1, 1), target).item() > 1e-4
