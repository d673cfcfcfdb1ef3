"""The pictures and the clip in examples/: what the script paints, and fit for their use."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from examples.make_examples import EXAMPLES, FILMS, NAMES, SEED, path_of

ROOT = Path(__file__).parents[1] / "examples"
STYLES = [name for name, example in EXAMPLES.items() if example.folder == "style"]
CONTENTS = [name for name, example in EXAMPLES.items() if example.folder == "content"]
KINDS = {".jpg", ".jpeg", ".png", ".mp4"}
BYTE_CAPS = {"style": 350 * 1024, "content": 150 * 1024}
FILM_CAP = 1_300_000
FOLDER_CAP = 6_000_000


def pixels(name: str, root: Path = ROOT) -> NDArray[Any]:
    """An example (H, W, 3), float32 in [0, 1]."""
    with Image.open(path_of(name, root)) as picture:
        return np.asarray(picture, np.float32) / 255


def texture(picture: NDArray[Any]) -> NDArray[Any]:
    """Deviation of the brightness in windows of 64 px, slow shading not counted."""
    grey = picture.mean(2)
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 12)
    power = cv2.boxFilter(fine * fine, -1, (64, 64))
    deviation: NDArray[Any] = np.sqrt(power[32:-32:16, 32:-32:16])
    return deviation


def palette(picture: NDArray[Any]) -> NDArray[Any]:
    """Share of the picture that each of 6 x 6 x 6 colours takes."""
    cells = np.minimum((picture * 6).astype(int), 5) @ (36, 6, 1)
    shares: NDArray[Any] = np.bincount(cells.ravel(), minlength=216) / cells.size
    return shares


def edges(picture: NDArray[Any]) -> NDArray[Any]:
    """How steep the brightness is, by pixel; details of a few pixels are not counted."""
    grey = cv2.GaussianBlur(picture.mean(2), (0, 0), 3)
    steepness: NDArray[Any] = np.hypot(
        *(cv2.Sobel(grey, cv2.CV_32F, *d, scale=1 / 8) for d in ((1, 0), (0, 1)))
    )
    return steepness


def assert_clear_shapes(picture: NDArray[Any]) -> None:
    """Light and dark masses with clear edges, in every part of the picture."""
    masses = cv2.GaussianBlur(picture.mean(2), (0, 0), 8)
    dark, bright = np.quantile(masses, [0.02, 0.98])
    assert bright - dark > 0.35, "no light and dark"
    clear = edges(picture) > 0.012
    assert clear.mean() > 0.08, "no shapes"
    cells = [cell for row in np.array_split(clear, 3) for cell in np.array_split(row, 3, 1)]
    assert min(cell.mean() for cell in cells) > 0.002, "a part of it is empty"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "make_examples.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_committed_files_are_those_that_the_script_knows() -> None:
    committed = {p for p in ROOT.glob("*/*") if p.suffix.lower() in KINDS}
    assert committed == {path_of(name, ROOT) for name in NAMES}


def test_folder_is_light() -> None:
    files = [p for p in ROOT.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert sum(p.stat().st_size for p in files) < FOLDER_CAP


def test_script_paints_the_committed_picture(tmp_path: Path) -> None:
    done = run("--only", "waves", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert [p.name for p in tmp_path.rglob("*.jpg")] == ["waves.jpg"]
    # Another version of OpenCV may smooth an edge otherwise; a changed painter differs far more.
    assert np.abs(pixels("waves", tmp_path) - pixels("waves")).mean() < 2 / 255


def test_unknown_picture_is_refused_with_the_names(tmp_path: Path) -> None:
    done = run("--only", "wave", "-o", tmp_path)
    assert done.returncode == 2
    assert "waves" in done.stderr and "Traceback" not in done.stderr
    assert not any(tmp_path.iterdir())


def test_folder_that_is_a_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.touch()
    done = run("--only", "waves", "-o", taken)
    assert done.returncode == 2
    assert "choose another -o folder" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("name", EXAMPLES)
def test_picture_is_rgb_large_and_light(name: str) -> None:
    path = path_of(name, ROOT)
    assert path.stat().st_size <= BYTE_CAPS[EXAMPLES[name].folder]
    with Image.open(path) as picture:
        assert isinstance(picture, JpegImagePlugin.JpegImageFile)
        assert picture.mode == "RGB"
        assert max(picture.size) >= 512
        assert JpegImagePlugin.get_sampling(picture) == 0, "colour is stored at less than 4:4:4"


@pytest.mark.parametrize("name", STYLES)
def test_style_has_texture_everywhere_and_contrast(name: str) -> None:
    picture = pixels(name)
    deviation = texture(picture)
    assert (deviation > 0.03).mean() > 0.98
    assert np.median(deviation) > 0.05
    dark, bright = np.quantile(picture.mean(2), [0.02, 0.98])
    assert bright - dark > 0.4


@pytest.mark.parametrize("name", CONTENTS)
def test_content_has_clear_shapes_that_fill_it(name: str) -> None:
    assert_clear_shapes(pixels(name))


def test_flat_sloping_noisy_and_half_empty_pictures_have_no_clear_shapes() -> None:
    slope = np.broadcast_to(np.linspace(0, 1, 512, dtype=np.float32)[:, None, None], (512, 512, 3))
    noise = np.random.default_rng(SEED).random((512, 512, 3), np.float32)
    half = pixels(CONTENTS[0]).copy()
    half[:, : half.shape[1] // 2] = 0.5
    for picture in (np.full_like(slope, 0.5), slope, noise, half):
        with pytest.raises(AssertionError):
            assert_clear_shapes(picture)


def test_there_is_enough_to_choose_from() -> None:
    assert len(STYLES) >= 12
    assert len(CONTENTS) >= 6


def test_a_gradient_has_no_texture() -> None:
    slope = np.broadcast_to(np.linspace(0, 1, 512, dtype=np.float32)[:, None, None], (512, 512, 3))
    assert texture(slope).max() < 0.03


def test_styles_differ_in_colour() -> None:
    palettes = {name: palette(pixels(name)) for name in STYLES}
    for one, other in itertools.combinations(STYLES, 2):
        assert np.minimum(palettes[one], palettes[other]).sum() < 0.65, (one, other)


def test_credits_name_every_picture_and_their_licence() -> None:
    text = (ROOT / "CREDITS.md").read_text(encoding="utf-8")
    assert "CC0-1.0" in text and "Gradio" in text
    for name in NAMES:
        assert path_of(name, ROOT).relative_to(ROOT).as_posix() in text


# --- the clip ---


def frames(name: str) -> NDArray[Any]:
    """A clip's frames (n, H, W, 3), float32 in [0, 1]."""
    with av.open(str(path_of(name, ROOT))) as container:
        decoded = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    return np.stack(decoded).astype(np.float32) / 255


@pytest.mark.parametrize("name", FILMS)
def test_clip_is_what_browsers_play(name: str) -> None:
    path = path_of(name, ROOT)
    assert path.stat().st_size <= FILM_CAP
    begin = path.read_bytes()
    assert begin.index(b"moov") < begin.index(b"mdat"), "a browser would have to load it whole"
    with av.open(str(path)) as container:
        (pictures,), (sound,) = container.streams.video, container.streams.audio
        assert (pictures.width, pictures.height, pictures.average_rate) == (640, 360, 25)
        assert 5 <= float(pictures.duration * pictures.time_base) <= 6
        context = pictures.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert context.colorspace == context.color_primaries == context.color_trc == 1
        assert (sound.codec_context.name, sound.rate, sound.channels) == ("aac", 48_000, 2)


@pytest.mark.parametrize("name", FILMS)
def test_clip_is_heard_quietly_and_fades(name: str) -> None:
    with av.open(str(path_of(name, ROOT))) as container:
        sound = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], 1)
    assert 0.01 < sound.std() < 0.2
    assert np.abs(sound).max() < 0.7
    assert np.abs(sound[:, :480]).max() < 0.02 and np.abs(sound[:, -480:]).max() < 0.02


@pytest.mark.parametrize("name", FILMS)
def test_clip_has_texture_and_moves_steadily(name: str) -> None:
    clip = frames(name)
    for picture in clip[:: len(clip) - 1]:
        assert (texture(picture) > 0.01).mean() > 0.95
    change = np.abs(np.diff(clip, axis=0)).mean((1, 2, 3))
    assert change.min() > 0.005, "it stands still"
    assert change.max() < 1.5 * np.median(change), "it jumps"


@pytest.mark.parametrize("name", FILMS)
def test_script_paints_the_committed_clip(name: str) -> None:
    first = next(FILMS[name].paint(np.random.default_rng(SEED)))
    assert np.abs(first - frames(name)[0]).mean() < 6 / 255
