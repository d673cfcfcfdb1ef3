"""Of `adain`, `wct` and `swap`: what they share, from picture to picture."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import Tensor

from styleswap import media, metrics, ops, tensors
from styleswap.engine import Engine, Progress, Request, StyleChoice
from styleswap.specs import METHODS
from tests.helpers import ROOT, colourful, example, picture, small

METHOD_IDS = ("adain", "wct", "swap")
every = pytest.mark.parametrize("method", METHOD_IDS)
LAKE = picture(ROOT / "examples" / "content" / "lake.jpg", 256)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine("cpu")


@functools.cache
def style(name: str) -> StyleChoice:
    return StyleChoice(media.open_picture(ROOT / "examples" / "style" / f"{name}.jpg"))


def run(
    engine: Engine, method: str, *styles: StyleChoice, content: Any = LAKE, **knobs: Any
) -> list[Progress]:
    params = METHODS[method].params(**{"size": max(content.size)} | knobs)
    return list(engine.run(Request(method, content, list(styles), params)))


def paint(engine: Engine, method: str, *styles: StyleChoice, **knobs: Any) -> Tensor:
    return run(engine, method, *styles, **knobs)[-1].image


@functools.cache
def plain(engine: Engine, method: str, name: str, strength: float = 1.0) -> Tensor:
    """The photograph in one style, painted once for all tests that only look at it."""
    return paint(engine, method, style(name), strength=strength)


def far(x: Tensor, name: str) -> float:
    """The style's distance."""
    return sum(metrics.style_distance(small(), x, example(name, 256)).values())


@every
@pytest.mark.parametrize("name", ["waves", "blooms", "tiles"])
def test_the_style_is_plain_and_the_content_recognisable(
    engine: Engine, method: str, name: str
) -> None:
    x = tensors.from_pil(LAKE)
    y = plain(engine, method, name)
    assert y.shape == x.shape and y.min() >= 0 and y.max() <= 1
    assert far(y, name) < (0.6 if method == "swap" else 0.45) * far(x, name)
    # Nearer to its photograph than to another picture.
    apart = metrics.content_distance(small(), y, x)
    assert apart < 0.9 * metrics.content_distance(small(), y, x.flip(3))
    # Nothing dark, nothing faded.
    ends = sorted(p.mean().item() for p in (x, example(name, 256)))
    assert ends[0] - 0.08 < y.mean().item() < ends[1] + 0.08
    assert y.std() > 0.6 * min(x.std(), example(name, 256).std())


@every
def test_strength(engine: Engine, method: str) -> None:
    x = tensors.from_pil(LAKE)
    distances = [
        far(plain(engine, method, "waves", strength), "waves") for strength in (0.0, 0.5, 1.0)
    ]
    assert distances[0] > distances[1] > distances[2]
    kept = plain(engine, method, "waves", 0.0)
    assert (kept - x).abs().mean() < 0.08


@every
def test_the_photographs_colours(engine: Engine, method: str) -> None:
    y = plain(engine, method, "waves")
    kept = paint(engine, method, style("waves"), keep_colours=True)
    torch.testing.assert_close(ops.luma(kept), ops.luma(y), rtol=0, atol=2e-3)
    x = tensors.from_pil(LAKE)
    chroma = [(p - ops.luma(p)).mean((2, 3)) for p in (kept, x, y)]
    assert (chroma[0] - chroma[1]).norm() < 0.5 * (chroma[2] - chroma[1]).norm()


@every
def test_several_styles(engine: Engine, method: str) -> None:
    both = [style("waves"), style("blooms")]
    one, other = (plain(engine, method, name) for name in ("waves", "blooms"))
    mostly = paint(engine, method, StyleChoice(both[0].picture, None, 3.0), both[1])
    half = paint(engine, method, *both)
    for mix in (mostly, half):
        assert all((mix - y).abs().mean() > 0.01 for y in (one, other))
    assert (mostly - one).square().mean() < (half - one).square().mean()
    # One style twice is that style.
    torch.testing.assert_close(paint(engine, method, both[0], both[0]), one, rtol=0, atol=0.03)


@every
def test_brush_size(engine: Engine, method: str) -> None:
    one, large = (paint(engine, method, style("dots"), style_scale=k) for k in (0.5, 2.0))
    assert (one - large).abs().mean() > 0.01


@every
def test_odd_pictures(engine: Engine, method: str) -> None:
    """Flat, grey, tiny and odd-sized ones, on either side."""
    flat = colourful(90, 70).point(lambda _: 128)
    black = colourful(64, 64).point(lambda _: 0)
    grey = colourful(101, 77).convert("L").convert("RGB")
    tiny = colourful(32, 32)
    for content, styled in (
        (flat, LAKE),
        (LAKE, flat),
        (black, black),
        (grey, LAKE),
        (LAKE, grey),
        (grey, tiny),
        (tiny.resize((64, 64)), LAKE.resize((900, 700))),
    ):
        y = paint(engine, method, StyleChoice(styled), content=content)
        assert y.isfinite().all() and y.shape[2:] == content.size[::-1]


@every
def test_neither_picture_is_changed(engine: Engine, method: str) -> None:
    content, styled = colourful(80, 64), colourful(70, 70).rotate(90)
    before = content.tobytes(), styled.tobytes()
    paint(engine, method, StyleChoice(styled), content=content)
    assert (content.tobytes(), styled.tobytes()) == before


def test_wct_goes_from_coarse_to_fine(engine: Engine) -> None:
    steps = run(engine, "wct", style("waves"))
    assert [(p.i, p.n) for p in steps] == [(i, 4) for i in (1, 2, 3, 4)]
    # The fewer levels, the fewer of the deep layers' textures.
    one = paint(engine, "wct", style("waves"), levels=1)
    assert far(one, "waves") > far(steps[-1].image, "waves")


def test_swap_takes_patches_of_the_size_asked_for(engine: Engine) -> None:
    made = [paint(engine, "swap", style("tiles"), patch=p) for p in (1, 3, 7)]
    assert (made[0] - made[1]).abs().mean() > 0.01 < (made[1] - made[2]).abs().mean()


def test_swap_refines(engine: Engine) -> None:
    """The paper's other mode: by optimisation, from the inverse network's picture on."""
    steps = run(engine, "swap", style("waves"), refine=30)
    assert [(p.i, p.n) for p in steps] == [(i + 1, 32) for i in range(32)]
    losses = [p.losses["content"] for p in steps[2:]]
    assert losses[-1] < 0.7 * losses[0]
