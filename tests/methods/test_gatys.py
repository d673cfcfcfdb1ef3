from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example as such_as
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from styleswap import metrics, ops
from styleswap.methods import gatys
from styleswap.methods.base import Job, Step, Style
from styleswap.methods.gatys import (
    CONTENT,
    GRIP,
    REACH,
    SMALLEST_SIDE,
    SOFT,
    held,
    history,
    plan_scales,
    weigh_frequencies,
)
from styleswap.nets.perceptual import PerceptualNetwork, Pooling
from styleswap.specs import GatysParams, knobs
from styleswap.tensors import at_side, cover, resize
from tests.helpers import example, noise, small

CPU = torch.device("cpu")


def job(
    content: Tensor, styles: Sequence[Tensor], weights: Sequence[float] = (1.0, 1.0), **knobs: Any
) -> Job:
    return Job(
        content=content,
        styles=tuple(Style(x, None, w) for x, w in zip(styles, weights, strict=False)),
        params=GatysParams(network="small", **knobs),
        device=CPU,
        half=False,
        perceptual=lambda name, pooling: small(pooling),
        inverse=lambda layer: pytest.fail("no inverse network is needed"),
        adain=lambda: pytest.fail("no AdaIN is needed"),
        trained=lambda name: pytest.fail("no trained style is needed"),
        weights=lambda name: pytest.fail("no trained style is needed"),
        write=lambda picture: pytest.fail("no picture is needed"),
        written=lambda found: pytest.fail("no network of its own is needed"),
    )


def run(*args: Any, **knobs: Any) -> list[Step]:
    return list(gatys.run(job(*args, **knobs)))


def paint(content: Tensor, style: Tensor, **knobs: Any) -> Tensor:
    return run(content, [style], **knobs)[-1].image


def style_loss(x: Tensor, style: Tensor) -> float:
    style = at_side(style, max(x.shape[2:]))
    return sum(metrics.style_distance(small(), x, style).values())


@pytest.fixture(scope="module")
def lake() -> Tensor:
    return example("lake", 96)


@pytest.fixture(scope="module")
def swirls() -> Tensor:
    return example("swirls", 128)


# --- the picture --------------------------------------------------------------------------------


def test_it_takes_the_style_and_keeps_the_content(lake: Tensor, swirls: Tensor) -> None:
    steps = run(lake, [swirls], steps=25)
    result = steps[-1].image
    assert result.shape == lake.shape and result.dtype == torch.float32
    assert result.min() >= 0 and result.max() <= 1 and not result.requires_grad
    assert style_loss(result, swirls) < style_loss(lake, swirls) / 5
    painted = metrics.content_distance(small(), cover(swirls, *lake.shape[2:]), lake)
    assert metrics.content_distance(small(), result, lake) < 0.2 * painted
    # Apart from any network: light and dark lie where they lay. A flat picture would have neither.
    lumas = torch.stack([ops.luma(x).flatten() for x in (result, lake)])
    assert torch.corrcoef(lumas)[0, 1] > 0.65
    # What the last step says of itself is what is measured from outside.
    assert steps[-1].losses["style"] == pytest.approx(style_loss(result, swirls), rel=0.02)
    content = metrics.content_distance(small(), result, lake)
    assert steps[-1].losses["content"] == pytest.approx(content, rel=0.02)
    total = [s.losses["total"] for s in steps]
    assert total[-1] < total[0] / 3 and set(steps[0].losses) == {"total", "content", "style"}


def test_steps_are_counted(lake: Tensor, swirls: Tensor) -> None:
    for n in (1, 5):
        steps = run(lake, [swirls], steps=n)
        assert [(s.i, s.n) for s in steps] == [(i, n) for i in range(1, n + 1)]
        assert all(s.image.shape[1] == 3 for s in steps)


def test_scales_go_from_coarse_to_the_size_of_the_content(swirls: Tensor) -> None:
    content = F.interpolate(example("lake", 96), (193, 200), mode="bilinear")
    sizes = [tuple(s.image.shape[2:]) for s in run(content, [swirls], steps=7)]
    assert sizes == [(97, 100)] * 2 + [(193, 200)] * 5


class Seen:
    """A perceptual network that notes when it is asked."""

    def __init__(self, name: str, asked: list[str]) -> None:
        self.name, self.asked, self.net = name, asked, small()

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        self.asked.append(self.name)
        return self.net.features(x, layers)

    def __getattr__(self, name: str) -> object:
        return getattr(self.net, name)


@pytest.mark.parametrize(("network", "drafted"), [("vgg19", 5), ("small", 0)])
def test_a_large_network_is_asked_only_after_a_draft(
    network: str, drafted: int, swirls: Tensor
) -> None:
    content = F.interpolate(example("lake", 96), (193, 200), mode="bilinear")
    asked: list[str] = []
    nets = {name: Seen(name, asked) for name in ("small", "vgg19")}
    order = job(content, [swirls], steps=10)
    order = replace(
        order,
        params=replace(cast(GatysParams, order.params), network=network),
        perceptual=cast(Any, lambda name, pooling: nets[name]),
    )
    last, totals = [], []
    for step in gatys.run(order):
        last.append(asked[-1])
        totals.append(step.losses["total"])
    # 2 steps of the coarse scale, and 3 of the fine one's 8
    assert last == ["small"] * drafted + [network] * (10 - drafted)
    # The draft does not start from the content again.
    assert totals[6] < totals[2]


@pytest.mark.parametrize(("height", "width"), [(97, 161), (33, 127), (32, 160), (101, 32)])
def test_odd_sizes_and_shapes(height: int, width: int, swirls: Tensor) -> None:
    content = noise(1, 3, height, width)
    result = paint(content, swirls[..., :61, :97], steps=2)
    assert result.shape == content.shape and result.isfinite().all()


def test_a_long_thin_style(lake: Tensor) -> None:
    result = paint(lake, noise(1, 3, 16, 160), steps=2)
    assert result.shape == lake.shape and result.isfinite().all()


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize(("content", "style"), [(0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (0.0, 1.0)])
def test_flat_pictures_give_a_finite_one(optimizer: str, content: float, style: float) -> None:
    c, s = torch.full((1, 3, 40, 48), content), torch.full((1, 3, 40, 48), style)
    steps = run(c, [s], steps=4, optimizer=optimizer)
    assert steps[-1].image.isfinite().all()
    assert all(torch.tensor(list(step.losses.values())).isfinite().all() for step in steps)


def test_inputs_are_not_changed(lake: Tensor, swirls: Tensor) -> None:
    before = lake.clone(), swirls.clone()
    for keep_colours in (False, True):
        for start in ("content", "style"):
            run(lake, [swirls], steps=3, keep_colours=keep_colours, start=start)
    assert torch.equal(lake, before[0]) and torch.equal(swirls, before[1])


def test_a_step_is_not_changed_by_later_ones(lake: Tensor, swirls: Tensor) -> None:
    work = gatys.run(job(lake, [swirls], steps=6))
    first = [next(work).image for _ in range(4)]
    copies = [x.clone() for x in first]
    list(work)
    assert all(torch.equal(x, y) for x, y in zip(first, copies, strict=True))
    assert not torch.equal(first[1], first[3])


def test_grad_mode_does_not_leak(lake: Tensor, swirls: Tensor) -> None:
    for step in gatys.run(job(lake, [swirls], steps=3)):
        assert torch.is_grad_enabled() and not step.image.requires_grad
    assert torch.is_grad_enabled()
    assert not any(p.grad is not None or p.requires_grad for p in small().parameters())


# --- every setting ------------------------------------------------------------------------------

CHANGES: dict[str, Any] = {
    "steps": 10,
    "style_strength": 4.0,
    "style_scale": 0.4,
    "keep_colours": True,
    "start": "style",
    "seed": 1,
    "optimizer": "adam",
    "pooling": "max",
    "content_layers": "relu3_1",
    "style_layers": "relu1_1 relu2_1 relu3_1 relu4_1 relu5_1=4",
    "tv": 10.0,
}
# The engine makes the content of this size, and the job's `perceptual` reads the network's name.
ELSEWHERE = {"size", "network", "finish"}


def test_every_setting_is_known_here() -> None:
    assert {k.name for k in knobs(GatysParams)} == CHANGES.keys() | ELSEWHERE


@pytest.fixture(scope="module")
def usual(lake: Tensor, swirls: Tensor) -> Tensor:
    return paint(lake, swirls, steps=8, start="noise")


def test_the_same_settings_give_the_same_picture(
    usual: Tensor, lake: Tensor, swirls: Tensor
) -> None:
    torch.rand(3)  # a global generator must not matter
    assert torch.equal(paint(lake, swirls, steps=8, start="noise"), usual)


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_is_read(name: str, usual: Tensor, lake: Tensor, swirls: Tensor) -> None:
    values = {"steps": 8, "start": "noise"} | {name: CHANGES[name]}
    assert (paint(lake, swirls, **values) - usual).abs().max() > 2e-3


def test_layer_weights_are_read(lake: Tensor, swirls: Tensor) -> None:
    one = run(lake, [swirls], steps=1, start="noise")[0].losses
    three = run(lake, [swirls], steps=1, start="noise", content_layers="conv4_2=3")[0].losses
    assert three["content"] == pytest.approx(3 * one["content"], rel=1e-3)
    few = run(lake, [swirls], steps=1, start="noise", style_layers="relu1_1=2")[0].losses
    again = run(lake, [swirls], steps=1, start="noise", style_layers="relu1_1")[0].losses
    assert few["style"] == pytest.approx(2 * again["style"], rel=1e-3)


@pytest.mark.parametrize("network", ["auto", "small", "vgg19"])
@pytest.mark.parametrize("pooling", ["average", "max"])
def test_it_asks_for_the_network_of_its_settings(
    network: str, pooling: Pooling, lake: Tensor, swirls: Tensor
) -> None:
    asked: list[tuple[str, str]] = []

    def spy(name: str, pooling: Pooling) -> PerceptualNetwork:
        asked.append((name, pooling))
        return small(pooling)

    params = GatysParams(steps=1, network=network, pooling=pooling)
    list(gatys.run(replace(job(lake, [swirls]), params=params, perceptual=spy)))
    assert asked == [("small", pooling), (network, pooling)]


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_more_strength_is_more_style_and_less_content(
    optimizer: str, lake: Tensor, swirls: Tensor
) -> None:
    near, far = [], []
    steps = {"lbfgs": 10, "adam": 20}[optimizer]  # Adam needs more until it shows
    for strength in (0.05, 0.3, 4.0):
        x = paint(lake, swirls, steps=steps, style_strength=strength, optimizer=optimizer)
        near.append(metrics.content_distance(small(), x, lake))
        far.append(style_loss(x, swirls))
    assert near[0] < near[1] < near[2] and far[0] > 1.1 * far[1] > 1.2 * far[2]


def test_more_smoothness_is_smoother(lake: Tensor, swirls: Tensor) -> None:
    rough, usual, smooth = (
        ops.total_variation(paint(lake, swirls, steps=15, tv=tv)).item() for tv in (0, 3, 10)
    )
    assert rough > 1.02 * usual > 1.05 * smooth


def test_seeds_draw_the_noise_and_nothing_else(lake: Tensor, swirls: Tensor) -> None:
    a, b = (paint(lake, swirls, steps=1, start="noise", seed=s) for s in (3, 4))
    assert (a - b).abs().mean() > 0.05
    c, d = (paint(lake, swirls, steps=2, seed=s) for s in (3, 4))
    assert torch.equal(c, d)


def test_starts(lake: Tensor, swirls: Tensor) -> None:
    """The first step of L-BFGS hardly moves, so the result of one step is the start."""
    styles = [noise(1, 3, 64, 64), swirls]
    for start, want in (
        ("content", lake),
        ("style", cover(swirls, *lake.shape[2:])),  # the heavier of the two
    ):
        x = run(lake, styles, (1.0, 2.0), steps=1, start=start)[0].image
        torch.testing.assert_close(x, want, rtol=0, atol=0.02)
    x = run(lake, styles, (1.0, 2.0), steps=1, start="noise")[0].image
    assert x.std() > 0.1
    torch.testing.assert_close(x.mean((2, 3)), 0.5 * swirls.mean((2, 3)) + 0.25, rtol=0, atol=0.03)


def test_kept_colours_are_the_contents(swirls: Tensor) -> None:
    content = example("lake", 96)
    steps = run(content, [swirls], steps=6, keep_colours=True)
    for step in steps:
        torch.testing.assert_close(
            step.image, ops.with_colours_of(step.image, content), rtol=0, atol=1e-5
        )
    moved = (ops.luma(steps[-1].image) - ops.luma(content)).abs().mean()
    assert moved > 0.01  # the brush work is there
    free = paint(content, swirls, steps=6)
    assert (free - ops.with_colours_of(free, content)).abs().mean() > 0.01


def test_kept_colours_at_a_coarser_scale(swirls: Tensor) -> None:
    content = example("lake", 300)
    first = run(content, [swirls], steps=2, keep_colours=True)[0].image
    assert first.shape[2:] != content.shape[2:]
    small_content = resize(content, *first.shape[2:])
    torch.testing.assert_close(first, ops.with_colours_of(first, small_content), rtol=0, atol=1e-5)


def test_two_styles_mix(lake: Tensor, swirls: Tensor) -> None:
    other = example("dots", 128)
    alone = [paint(lake, s, steps=10) for s in (swirls, other)]
    mixed = run(lake, [swirls, other], (1.0, 1.0), steps=10)[-1].image
    leaning = run(lake, [swirls, other], (9.0, 1.0), steps=10)[-1].image
    to_first = [style_loss(x, swirls) for x in (alone[0], leaning, mixed, alone[1])]
    to_other = [style_loss(x, other) for x in (alone[0], leaning, mixed, alone[1])]
    assert to_first == sorted({*to_first}) and to_other == sorted({*to_other}, reverse=True)


@pytest.mark.parametrize("scale", [0.25, 1.0, 1.5])
def test_brush_size_is_the_size_of_the_style(
    scale: float, lake: Tensor, swirls: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A style picture that is twice as large has strokes of twice the size."""
    sizes: list[tuple[int, ...]] = []
    set_style = gatys.PerceptualLoss.set_style

    def spy(self: gatys.PerceptualLoss, pictures: Iterable[tuple[Tensor, float]]) -> None:
        pictures = list(pictures)
        sizes.extend(tuple(x.shape[2:]) for x, _ in pictures)
        set_style(self, pictures)

    monkeypatch.setattr(gatys.PerceptualLoss, "set_style", spy)
    run(example("lake", 300), [swirls], steps=2, style_scale=scale)
    side, other = max(swirls.shape[2:]), min(swirls.shape[2:])
    for (height, width), content in zip(sizes, (150, 300), strict=True):
        longer = max(content * scale, 32 * side / other)  # never too small for the network
        assert max(height, width) == pytest.approx(longer, abs=1)
        assert min(height, width) == pytest.approx(longer * other / side, abs=1)


# --- the content's distance ----------------------------------------------------------------------


def blobs(contrast: float) -> Tensor:
    """A grey texture: 3 is a plain one, 0.5 a pale one, 20 black and white."""
    x = noise(1, 3, 96, 96, seed=1)
    for _ in range(2):
        x = F.avg_pool2d(x, 5, 1, 2)
    return (0.5 + contrast * (x - x.mean())).clamp(0, 1)


def left(lake: Tensor, style: Tensor, **knobs: Any) -> float:
    """How far the result is from the content, as what it says of itself."""
    return run(lake, [style], steps=25, **knobs)[-1].losses["content"]


def test_every_style_leaves_as_much(
    lake: Tensor, swirls: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    styles = [swirls, blobs(3.0), example("ink", 96), example("dots", 96)]
    found = [left(lake, style) for style in styles]
    assert all(0.7 * CONTENT < x < 1.4 * CONTENT for x in found)
    monkeypatch.setattr(gatys, "REACH", 1.0)
    free = [left(lake, style) for style in styles[:2]]
    assert free[0] > 3 * free[1]  # at one weight for all


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_distance_follows_the_root_of_the_strength(optimizer: str, lake: Tensor) -> None:
    style = example("dots", 96)
    found = [left(lake, style, style_strength=s, optimizer=optimizer) for s in (0.5, 1.0, 2.0)]
    assert [x / found[1] for x in found] == pytest.approx([0.5**0.5, 1.0, 2**0.5], rel=0.15)


@pytest.mark.parametrize(
    ("layers", "share"), [("relu3_1", 1), ("relu1_1 conv4_2", 2), ("conv4_2=0.3", 0.3)]
)
def test_the_distance_is_that_of_the_layers_that_compare(
    layers: str, share: float, lake: Tensor
) -> None:
    found = left(lake, example("dots", 96), content_layers=layers)
    assert found == pytest.approx(share * CONTENT, rel=0.35)


@pytest.mark.parametrize("contrast", [0.5, 20.0])
def test_a_style_beyond_reach_is_not_given_up(contrast: float, lake: Tensor) -> None:
    """The weight is bounded: holding the content at any price would leave nothing of it."""
    style = blobs(contrast)
    result = paint(lake, style, steps=25)
    assert metrics.content_distance(small(), result, lake) > 1.3 * CONTENT
    assert style_loss(result, style) < 0.45 * style_loss(lake, style)


@given(st.floats(0.0, 1e6))
@such_as(0.0)
@such_as(1.0)
def test_the_weight_of_the_content_is_bounded(u: float) -> None:
    x = torch.tensor(u, dtype=torch.float64, requires_grad=True)
    loss = held(x)
    loss.backward()
    assert x.grad is not None
    assert x.grad.item() == pytest.approx(min(REACH, max(1 / REACH, u**GRIP)))
    # It is the integral of that weight.
    at = torch.linspace(0, u, 20_001, dtype=torch.float64)
    weight = (at**GRIP).clamp(1 / REACH, REACH)
    if u < 10:
        assert loss.item() == pytest.approx(torch.trapezoid(weight, at).item(), rel=1e-3, abs=1e-9)


# --- the border ---------------------------------------------------------------------------------


def texture(side: int) -> Tensor:
    """Blobs of black and white, alike everywhere and in every direction."""
    ripples = noise(1, 1, side + 16, side + 16, seed=8)
    for _ in range(3):
        ripples = F.avg_pool2d(ripples, 5, 1, 2)
    ripples = ripples[..., 8:-8, 8:-8]
    return (0.5 + 12 * (ripples - ripples.mean())).clamp(0, 1).expand(-1, 3, -1, -1)


def frame(padding: str, *seeds: int) -> float:
    """By how much the contrast of a painted texture's outer 3 px departs from the inside's.

    The mean of a picture for each of `seeds`: a single one differs by chance too.
    """
    net = PerceptualNetwork(small().named_weights(), padding=padding)  # type: ignore[arg-type]
    net.eval().requires_grad_(False)
    grey = torch.full((1, 3, 96, 96), 0.5)
    order = replace(job(grey, [texture(128)]), perceptual=lambda *_: net)
    edge, inside = torch.ones((2, 1, 1, 96, 96), dtype=torch.bool)
    edge[..., 3:-3, 3:-3] = False
    inside[edge] = False
    found = []
    for seed in seeds:
        params = GatysParams(steps=16, start="noise", style_strength=20, tv=0, seed=seed)
        *_, last = gatys.run(replace(order, params=params))
        y = ops.luma(last.image)
        contrast = (y - y[inside].mean()).abs()
        found.append(contrast[edge].mean() / contrast[inside].mean() - 1)
    return abs(float(sum(found)) / len(found))


def test_there_is_no_frame_at_the_border(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gatys, "REACH", 1.0)  # a grey content would hold the texture back
    assert frame("replicate", 1, 2, 3, 4) < 0.08
    monkeypatch.setattr(gatys, "MARGIN", 0)
    assert frame("zeros", 1, 2) > 0.2  # the measure does see one


# --- the helpers --------------------------------------------------------------------------------


@given(st.integers(32, 2048), st.integers(32, 2048), st.integers(1, 2000))
@such_as(400, 600, 3)
@such_as(2048, 2048, 1)
@such_as(191, 191, 150)
def test_plan_scales(height: int, width: int, steps: int) -> None:
    plan = plan_scales(height, width, steps)
    assert plan[-1][:2] == (height, width)
    assert sum(n for *_, n in plan) == steps and all(n >= 1 for *_, n in plan)
    for (h, w, coarse), (h2, w2, fine) in itertools.pairwise(plan):
        assert (h, w) == ((h2 + 1) // 2, (w2 + 1) // 2)
        assert coarse <= fine  # where a step costs four times as much, and more are needed
        assert min(h, w) >= SMALLEST_SIDE
    if steps >= 30 and min(height, width) >= 2 * SMALLEST_SIDE:
        assert min(plan[0][:2]) < 2 * SMALLEST_SIDE


# --- the optimiser's view -----------------------------------------------------------------------


def test_weighing_a_pure_wave_by_hand() -> None:
    """Four waves over 64 px are 1/16 cycles a pixel, and the mean is frequency 0."""
    wave = torch.cos(torch.arange(64) * 2 * torch.pi * 4 / 64).expand(1, 3, 32, 64)
    found = weigh_frequencies(0.25 + wave, 0.5)
    literal = 0.25 * SOFT**0.5 + wave * (1 / 16 + SOFT) ** 0.5
    torch.testing.assert_close(found, literal, rtol=1e-4, atol=1e-5)


@given(st.integers(1, 33), st.integers(1, 33), st.floats(0.1, 1.0))
def test_weighing_can_be_undone(height: int, width: int, power: float) -> None:
    x = noise(1, 3, height, width)
    back = weigh_frequencies(weigh_frequencies(x, power), -power)
    torch.testing.assert_close(back, x, rtol=1e-3, atol=1e-4)


def test_history_fits_into_memory() -> None:
    sides = (64, 256, 512, 1024, 2048)
    found = [history(torch.empty(1, 3, side, side, device="meta")) for side in sides]
    assert found == [50, 50, 50, 19, 10]
