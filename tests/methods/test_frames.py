from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from styleswap import ops, tensors
from styleswap.media import Pixels
from styleswap.methods import frames
from tests.helpers import example

LAKE = tensors.to_pixels(example("lake", 320))


def apart(found: Pixels, want: torch.Tensor) -> Pixels:
    assert found.dtype == np.uint8 and found.shape == (*want.shape[2:], 3)
    return np.abs(found.astype(int) - tensors.to_pixels(want))


def test_mixing() -> None:
    other = 255 - LAKE[::-1]
    x, y = (tensors.from_pixels(frame.copy()) for frame in (LAKE, other))
    for share in (0.0, 0.3, 1.0):
        assert apart(frames.mixed(LAKE, other, share), torch.lerp(x, y, share)).max() <= 1


@given(st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_colours_of_another(seed: int) -> None:
    """Of any colours, black and white and the purest among them."""
    rng = np.random.default_rng(seed)
    x, colours = rng.integers(-100, 356, (2, 20, 31, 3)).clip(0, 255).astype(np.uint8)
    want = ops.with_colours_of(tensors.from_pixels(x), tensors.from_pixels(colours))
    assert apart(frames.with_colours_of(x, colours), want).max() <= 1


def test_its_own_colours_change_nothing() -> None:
    assert np.abs(frames.with_colours_of(LAKE, LAKE).astype(int) - LAKE).max() <= 1


@pytest.mark.parametrize("style", ["waves", "blooms", "tiles", "dots"])
def test_the_colours_of_a_style(style: str) -> None:
    told = ops.colour_statistics(example(style, 200))
    want = ops.colours_like(tensors.from_pixels(LAKE), *told)
    found = apart(frames.colours_like(LAKE, *told), want)
    assert found.mean() < 0.7 and found.max() <= 3
    assert np.abs(frames.colours_like(LAKE, *told).astype(int) - LAKE).mean() > 5


def test_a_faint_grid_does_not_show() -> None:
    """As paint has one, of 2, 4 and 8 pixels."""
    y, x = np.mgrid[:240, :320]
    told = ops.colour_statistics(example("waves", 200))
    for period in (2, 4, 8):
        grid = 40 * ((x % period == 0) & (y % period == 0))
        frame = (0.7 * LAKE[:240, :320] + grid[: len(LAKE), :, None]).astype(np.uint8)
        want = ops.colours_like(tensors.from_pixels(frame), *told)
        assert apart(frames.colours_like(frame, *told), want).mean() < 1


def test_a_flat_frame_becomes_the_mean() -> None:
    mean, covariance = ops.colour_statistics(example("waves", 200))
    found = frames.colours_like(np.full((9, 9, 3), 77, np.uint8), mean, covariance)
    assert np.abs(found - 255 * mean[:, 0].numpy()).max() <= 1
