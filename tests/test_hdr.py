"""HDR's signal made here by the definitions of ITU-R BT.2100, against the picture that it was made
of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from styleswap import hdr, media, probe, video
from tests.helpers import CONTENT, write_film

KINDS = {"pq": hdr.PQ, "hlg": hdr.HLG}
Floats = NDArray[Any]


def signal(light: Floats, kind: str) -> Floats:
    """The signal of cd/m² (..., 3), BT.2020's primaries."""
    if kind == "pq":
        return hdr.light_to_pq(light)
    luma = np.maximum(light @ hdr.LUMA_2020, 1e-9)[..., None] / 1000
    scene = light / 1000 * luma ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
    )


def graded(pixels: NDArray[np.uint8], white: float) -> Floats:
    """cd/m² of an SDR picture whose white has `white`, BT.2020's primaries."""
    light: Floats = (pixels / 255) ** 2.4 @ np.linalg.inv(hdr.TO_709).T
    return np.maximum(light, 0) * white


def deep(light: Floats, kind: str) -> av.VideoFrame:
    """A 10-bit frame as cameras write it."""
    r, g, b = np.moveaxis(signal(light, kind), 2, 0)
    height, width = r.shape
    y = 0.2627 * r + 0.6780 * g + 0.0593 * b
    halves = [p.reshape(height // 2, 2, width // 2, 2).mean((1, 3)) for p in (b - y, r - y)]
    planes = [876 * y + 64, 896 * halves[0] / 1.8814 + 512, 896 * halves[1] / 1.4746 + 512]
    frame = av.VideoFrame(width, height, "yuv420p10le")
    for into, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((len(values), into.line_size // 2), np.uint16)
        rows[:, : values.shape[1]] = np.clip(np.round(values), 0, 1023)
        into.update(rows.tobytes())
    frame.colorspace, frame.color_range = 9, 1
    frame.color_trc, frame.color_primaries = KINDS[kind], 9
    return frame


def film(path: Path, lights: list[Floats], kind: str, codec: str = "libx264") -> Path:
    frames = [deep(light, kind) for light in lights]
    return write_film(path, frames, codec=codec, pix_fmt="yuv420p10le")


def shown(path: Path) -> list[NDArray[Any]]:
    clip = video.open_clip(path)
    return [p.astype(float) for _, p in video.read_frames(clip, clip.between(0, 0), clip.size)]


def saturation(pixels: NDArray[Any]) -> float:
    return float((pixels.max(2) - pixels.min(2)).mean())


@pytest.fixture(scope="module")
def lake() -> NDArray[np.uint8]:
    return np.asarray(media.fit(media.open_picture(CONTENT), 320).crop((0, 0, 320, 200)))


@pytest.mark.parametrize("white", [100, 203])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_made_of_sdr_comes_back(
    kind: str, white: float, lake: NDArray[np.uint8], tmp_path: Path
) -> None:
    """Whichever white it was made for, of the two that are usual."""
    (pixels,) = shown(film(tmp_path / "a.mp4", [graded(lake, white)], kind))
    assert np.abs(pixels - lake).mean() < 5
    assert pixels.std() == pytest.approx(lake.std(), rel=0.04)
    assert saturation(pixels) == pytest.approx(saturation(lake), rel=0.04)


@pytest.mark.parametrize("kind", KINDS)
def test_bright_lights_are_rolled_off(kind: str, lake: NDArray[np.uint8], tmp_path: Path) -> None:
    """A sky of up to 1000 cd/m² keeps its shades and its hue; what is dark stays as it was."""
    light = graded(lake, 203)
    sky = np.linspace(203, 990, 320)[None, :, None] * np.array([1, 0.8, 0.6])
    light[:60] = sky
    (pixels,) = shown(film(tmp_path / "a.mp4", [light], kind))
    row = pixels[20:40].mean(0)
    assert row[-8:, 0].mean() > 250 and row[:8, 0].mean() > 190
    some = row[8:108:24]
    assert (np.diff(some[:, 0]) > 0.5).all()  # not cut off
    assert (some[:, 0] > some[:, 1] + 10).all() and (some[:, 1] > some[:, 2] + 10).all()
    dark = (lake[70:] < 100).all(2)
    assert np.abs(pixels[70:] - lake[70:])[dark].mean() < 5


def test_one_curve_for_a_whole_film(lake: NDArray[np.uint8], tmp_path: Path) -> None:
    """A dark frame is shown alike whether a bright one comes before it or behind."""
    dark, bright = graded(lake, 60), graded(lake, 900)
    first = shown(film(tmp_path / "a.mkv", [dark] * 3 + [bright] * 3, "pq", "ffv1"))
    second = shown(film(tmp_path / "b.mkv", [bright] * 3 + [dark] * 3, "pq", "ffv1"))
    assert np.array_equal(first[0], second[5]) and np.array_equal(first[5], second[0])
    assert first[0].mean() < first[5].mean() - 30


def test_a_clip_that_was_probed_is_the_same(lake: NDArray[np.uint8], tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", [graded(lake, 400)] * 2, "pq", "ffv1")
    clip = video.open_clip(path)
    assert 300 < clip.peak < 410 and probe.open_clip(path) == clip


def test_a_night_stays_dark(lake: NDArray[np.uint8], tmp_path: Path) -> None:
    (pixels,) = shown(film(tmp_path / "a.mkv", [graded(lake, 5)], "pq", "ffv1"))
    want = 255 * ((lake / 255) ** 2.4 * 5 / hdr.DIMMEST_WHITE) ** (1 / 2.4)
    assert np.abs(pixels - want).mean() < 3


# Of BT.2100-2 and its supplements: the signal, and the light of it.
@pytest.mark.parametrize(
    ("level", "light"), [(0, 0), (0.508078, 100), (0.580689, 203), (0.751827, 1000), (1, 10_000)]
)
def test_pq(level: float, light: float) -> None:
    assert float(hdr.pq_to_light(np.array(level))) == pytest.approx(light, rel=1e-4, abs=1e-6)
    assert float(hdr.light_to_pq(np.array(light))) == pytest.approx(level, abs=1e-5)


@pytest.mark.parametrize(("level", "light"), [(0, 0), (0.5, 50.7), (0.75, 203), (1, 1000)])
def test_hlg(level: float, light: float) -> None:
    """Of greys: 75 % is white, by BT.2408."""
    assert hdr.hlg_to_light(np.full(3, float(level))) == pytest.approx(light, rel=0.005, abs=1e-6)


def test_eetf() -> None:
    light = np.geomspace(0.01, 4000, 200)
    curve = hdr.eetf(light, 1000, 203)
    assert (np.diff(curve) >= 0).all()
    assert curve[light < 80] == pytest.approx(light[light < 80], rel=1e-6)
    assert float(hdr.eetf(np.array(1000.0), 1000, 203)) == pytest.approx(203)
    assert curve[light > 1000] == pytest.approx(203)
    # By hand: PQ of 203 over that of 1000 is 0.77237, the knee 0.65855, t of 203 cd/m² a
    # third, so that 0.73864 of the signal is left.
    assert float(hdr.eetf(np.array(203.0), 1000, 203)) == pytest.approx(159.0, abs=0.1)
    assert hdr.eetf(light, 150, 203) == pytest.approx(np.minimum(light, 203))


def test_colours_that_sdr_has_not_keep_their_luminance() -> None:
    """A green of BT.2020 is nearer to grey, not another green."""
    green = hdr.light_to_pq(np.array([0, 60.0, 0]))
    red, level, blue = hdr.to_sdr(green, hdr.PQ, 203)
    assert level > red and level > blue and min(red, blue) == pytest.approx(0, abs=0.02)
    luma = np.array([red, level, blue]) ** 2.4 @ hdr.LUMA_709 * 203
    assert luma == pytest.approx(60 * 0.678, rel=0.02)


def test_the_table_is_as_good_as_the_formula() -> None:
    dice = np.random.default_rng(0)
    values = dice.integers(0, 65536, (64, 64, 3)).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(values, hdr.DEEP)
    frame.color_trc = hdr.PQ
    table = hdr.ToneMap(600)(frame).to_ndarray() / 257
    want = 255 * hdr.to_sdr(values / 65535, hdr.PQ, 600)
    assert np.abs(table - want).mean() < 1


def test_frames_of_other_sizes_and_kinds(lake: NDArray[np.uint8]) -> None:
    tones = hdr.ToneMap(203)
    for kind, size in (("pq", (320, 200)), ("hlg", (320, 200)), ("pq", (64, 40))):
        frame = deep(graded(np.asarray(Image.fromarray(lake).resize(size)), 203), kind)
        pixels = video._upright(frame, size, tones)
        assert pixels.shape == (size[1], size[0], 3)
        assert pixels.mean() == pytest.approx(lake.mean(), abs=4)
