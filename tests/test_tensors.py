from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from styleswap import tensors
from styleswap.tensors import at_side, cover, resize
from tests.helpers import colourful, noise

BYTES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))


@given(BYTES)
def test_bytes_survive_there_and_back(array: np.ndarray) -> None:
    x = tensors.from_pil(Image.fromarray(array))
    assert x.shape == (1, 3, *array.shape[:2]) and x.dtype == torch.float32
    back = tensors.to_pil(x)
    assert back.mode == "RGB" and np.array_equal(np.asarray(back), array)


def test_places_colours_and_range() -> None:
    x = tensors.from_pil(Image.new("RGB", (5, 4), (255, 128, 0)))
    assert x.shape == (1, 3, 4, 5)
    assert x[0, :, 3, 4].tolist() == pytest.approx([1, 128 / 255, 0])


def test_the_picture_stays_the_callers() -> None:
    picture = colourful(8, 6)
    before = picture.tobytes()
    tensors.from_pil(picture).zero_()
    assert picture.tobytes() == before


def test_to_pil_clamps_and_rounds_and_leaves_its_input() -> None:
    x = torch.tensor([-3.0, 0.4 / 255, 0.6 / 255, 100.4 / 255, 254.6 / 255, 7.0])
    x = x.expand(1, 3, 2, 6).clone().requires_grad_(True)
    before = x.detach().clone()
    row = np.asarray(tensors.to_pil(x))[0, :, 0]
    assert row.tolist() == [0, 0, 1, 100, 255, 255]
    assert torch.equal(x, before)


def test_half_precision_and_other_memory_formats() -> None:
    x = noise(1, 3, 6, 5)
    want = tensors.to_pil(x).tobytes()
    assert tensors.to_pil(x.contiguous(memory_format=torch.channels_last)).tobytes() == want
    half = np.asarray(tensors.to_pil(x.half())).astype(int)
    assert abs(half - np.asarray(tensors.to_pil(x))).max() <= 1


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are not listed here")
def test_a_picture_is_made_without_torch_s_helpers() -> None:
    script = """
import os, numpy, torch
from styleswap import tensors

torch.set_num_threads(3)
count = lambda: len(os.listdir("/proc/self/task"))
x = torch.from_numpy(numpy.zeros((1, 3, 600, 600), numpy.float32))
before = count()
tensors.to_pil(x)
after = count()
x.mul(2)
print(before == after, after < count())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["True", "True"], done.stderr


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P"])
def test_only_rgb(mode: str) -> None:
    with pytest.raises(ValueError, match=mode):
        tensors.from_pil(Image.new(mode, (4, 4)))


@pytest.mark.parametrize("shape", [(3, 4, 4), (2, 3, 4, 4), (1, 1, 4, 4), (1, 4, 4, 3)])
def test_only_one_rgb_picture(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        tensors.to_pil(torch.zeros(shape))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(1, 40))
def test_cover_fills_its_frame(h: int, w: int, height: int, width: int) -> None:
    x = cover(noise(1, 3, h, w), height, width)
    assert x.shape == (1, 3, height, width) and x.min() >= 0 and x.max() <= 1


def test_cover_cuts_the_middle_out() -> None:
    x = torch.zeros(1, 3, 10, 30)
    x[..., 10:20] = 1
    assert cover(x, 10, 10).min() == 1
    assert cover(x.mT, 20, 20)[..., 4:-4, :].min() > 0.9


@given(st.integers(16, 200), st.integers(16, 200), st.integers(16, 300))
def test_at_side(height: int, width: int, side: int) -> None:
    x = at_side(noise(1, 3, height, width), side)
    h, w = x.shape[2:]
    assert min(h, w) >= 32
    if side * min(height, width) / max(height, width) >= 32:
        assert max(h, w) == side
    assert h / w == pytest.approx(height / width, abs=1.2 / min(h, w) * max(h / w, 1) * 2)


def test_resize_leaves_what_has_the_size() -> None:
    x = noise(1, 3, 20, 30)
    assert resize(x, 20, 30) is x
    y = resize(x, 10, 15)
    assert y.shape == (1, 3, 10, 15) and y.mean().item() == pytest.approx(x.mean().item(), abs=0.02)
    assert y.std() < 0.7 * x.std()  # antialiased: noise averages out
