from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example as such_as
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from styleswap import ops
from tests.helpers import noise

PIXELS = hnp.arrays(
    np.float32,
    st.tuples(st.just(1), st.just(3), st.integers(1, 5), st.integers(1, 5)),
    elements=st.floats(0, 1, width=32),
)


def test_gram_of_two_channels_by_hand() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, -4.0]]]])
    # (1 + 4) / 2, (3 - 8) / 2, (9 + 16) / 2
    assert ops.gram(features).tolist() == [[[2.5, -2.5], [-2.5, 12.5]]]


def test_gram_is_of_each_picture_alone() -> None:
    x = noise(3, 4, 5, 6)
    together = ops.gram(x)
    assert together.shape == (3, 4, 4)
    for i in range(3):
        torch.testing.assert_close(together[i], ops.gram(x[i : i + 1])[0])


@given(st.integers(1, 3), st.integers(1, 3))
def test_gram_does_not_depend_on_how_much_of_a_texture_there_is(down: int, across: int) -> None:
    x = noise(1, 3, 4, 5)
    torch.testing.assert_close(ops.gram(x.repeat(1, 1, down, across)), ops.gram(x))


def test_gram_is_float32_under_autocast() -> None:
    x = noise(1, 8, 256, 256)  # in bfloat16 a sum of this many would be off by percents
    exact = ops.gram(x.double())
    with torch.autocast("cpu", torch.bfloat16):
        g = ops.gram(x)
        halves = ops.gram(x.bfloat16())
    assert g.dtype == halves.dtype == torch.float32
    torch.testing.assert_close(g, exact.float(), rtol=1e-5, atol=0)
    torch.testing.assert_close(halves, ops.gram(x.bfloat16().float()), rtol=1e-5, atol=0)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_gradient_of_gram(layout: torch.memory_format) -> None:
    x = noise(2, 3, 4, 5).contiguous(memory_format=layout).requires_grad_(True)
    weight = noise(2, 3, 3, seed=1)  # not symmetric
    (found,) = torch.autograd.grad((ops.gram(x) * weight).sum(), x)
    f = x.flatten(2)
    (literal,) = torch.autograd.grad((f @ f.mT / 20 * weight).sum(), x)
    torch.testing.assert_close(found, literal)
    assert found.is_contiguous(memory_format=layout)


def test_total_variation_by_hand() -> None:
    x = torch.tensor([[[[0.0, 1.0], [0.5, 0.25]]]])
    down = (0.5**2 + 0.75**2) / 2
    across = (1.0**2 + 0.25**2) / 2
    assert ops.total_variation(x).item() == pytest.approx(down + across)
    assert ops.total_variation(torch.full((2, 3, 4, 5), 0.7)).item() == 0


def test_total_variation_sees_both_directions_alike() -> None:
    x = noise(1, 3, 6, 6)
    torch.testing.assert_close(ops.total_variation(x), ops.total_variation(x.mT))
    stripes = torch.tensor([0.0, 1.0]).repeat(3).expand(1, 3, 6, 6)
    assert ops.total_variation(stripes).item() == ops.total_variation(stripes.mT).item() == 1


def test_luma_is_rec_709() -> None:
    pure = torch.eye(3).view(3, 3, 1, 1)
    assert ops.luma(pure).flatten().tolist() == pytest.approx([0.2126, 0.7152, 0.0722])
    torch.testing.assert_close(ops.luma(torch.ones(1, 3, 2, 2)), torch.ones(1, 1, 2, 2))


@given(PIXELS)
def test_with_colours_of_keeps_brightness_and_range(array: np.ndarray) -> None:
    x = torch.from_numpy(array)
    colours = x.flip(1).roll(1, 3)
    y = ops.with_colours_of(x, colours)
    torch.testing.assert_close(ops.luma(y), ops.luma(x), rtol=0, atol=1e-5)
    assert y.min() >= -1e-6 and y.max() <= 1 + 1e-6


@given(PIXELS)
@such_as(np.array([[[[0.0]], [[0.0]], [[1e-5]]]], np.float32))  # so dark that colours round away
def test_with_colours_of_itself_changes_nothing(array: np.ndarray) -> None:
    x = torch.from_numpy(array)
    torch.testing.assert_close(ops.with_colours_of(x, x), x, rtol=0, atol=2e-6)


def test_with_colours_of_takes_the_colours() -> None:
    grey = torch.full((1, 3, 1, 1), 0.5)
    colours = torch.tensor([0.6, 0.4, 0.3]).view(1, 3, 1, 1)
    y = ops.with_colours_of(grey, colours)
    # There is room for all of the chroma, so the differences of the channels are the colours'.
    torch.testing.assert_close(y - ops.luma(y), colours - ops.luma(colours))
    # Where there is not, the hue stays: every channel's chroma shrinks by the same share.
    bright = torch.full((1, 3, 1, 1), 0.95)
    y = ops.with_colours_of(bright, colours)
    share = (y - ops.luma(y)) / (colours - ops.luma(colours))
    assert y.max().item() == pytest.approx(1)
    assert 0 < share.min() < 1
    torch.testing.assert_close(share, share.mean().expand_as(share), rtol=1e-3, atol=0)


def test_inputs_are_not_changed() -> None:
    x, y = noise(1, 3, 5, 5), noise(1, 3, 5, 5, seed=1)
    before = x.clone(), y.clone()
    ops.gram(x), ops.total_variation(x), ops.luma(x), ops.with_colours_of(x, y)
    assert torch.equal(x, before[0]) and torch.equal(y, before[1])


@pytest.mark.parametrize("of", [ops.total_variation, ops.luma])
@settings(deadline=None)
@given(seed=st.integers(0, 9))
def test_gradients(of: object, seed: int) -> None:
    x = noise(1, 3, 3, 4, seed=seed).double().requires_grad_(True)
    assert torch.autograd.gradcheck(of, (x,))  # type: ignore[arg-type]


def test_gradient_of_gram() -> None:
    """The computation is in float32, too coarse for finite differences: 2 (A f) / n instead."""
    f = noise(1, 3, 4, 5).requires_grad_(True)
    a = noise(1, 3, 3, seed=1)
    (slope,) = torch.autograd.grad((ops.gram(f) * a).sum(), f)
    by_hand = ((a + a.mT) @ f.detach().flatten(2) / 20).view_as(f)
    torch.testing.assert_close(slope, by_hand)


def test_gradient_of_with_colours_of() -> None:
    x = (0.3 + 0.4 * noise(1, 3, 3, 3)).double().requires_grad_(True)
    colours = (0.3 + 0.4 * noise(1, 3, 3, 3, seed=1)).double().requires_grad_(True)
    assert torch.autograd.gradcheck(ops.with_colours_of, (x, colours))
