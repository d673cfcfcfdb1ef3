"""The pictures that a visitor may start from, and how they are shown."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image, ImageOps

from styleswap import media
from styleswap.specs import Text
from styleswap.ui import i18n
from styleswap.ui.boxes import picture_input
from styleswap.ui.i18n import t
from styleswap.ui.tiles import tiles

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
THUMB_SIDE = 160
# Those that show best what the page is for: a picture to repaint, a style picture, and a trained
# style; and what the latter makes of the first.
FIRST_CONTENT, FIRST_STYLE, FIRST_TRAINED = "lighthouse", "swirls", "woman-with-a-hat"
FIRST_RESULT = EXAMPLES / "first.jpg"
# What is made noisy, its longer side in pixels, and the deviation of the noise in steps of 255.
NOISY, NOISY_SIDE, SIGMA = "owl", 320, 25.0


def content_examples() -> list[Path]:
    """Pictures that a visitor may start from, the page's first one first: our own, and the
    photographs in Gradio's package."""
    photographs = [Path(gr.media.get_image(f"{name}.jpg")) for name in ("lion", "tower", "cheetah")]
    files = [*photographs, *sorted((EXAMPLES / "content").glob("*.jpg"))]
    return sorted(files, key=lambda file: file.stem != FIRST_CONTENT)


def clip_examples() -> list[Path]:
    """Videos that a visitor may start from: our own, then the one in Gradio's package."""
    ours = sorted((EXAMPLES / "content").glob("*.mp4"))
    return [*ours, Path(gr.media.get_video("world.mp4"))]


def style_examples() -> list[Path]:
    """Style pictures that a visitor may start from; the page opens with the first."""
    files = (EXAMPLES / "style").glob("*.jpg")
    return sorted(files, key=lambda file: (file.stem != FIRST_STYLE, file.name))


def noisy_example() -> Image.Image:
    """A picture with something to take away: its noise is the same everywhere, as a scan's."""
    picture = media.fit(media.open_picture(EXAMPLES / "content" / f"{NOISY}.jpg"), NOISY_SIDE)
    noise = np.random.default_rng(0).normal(0.0, SIGMA, (*picture.size[::-1], 3))
    return Image.fromarray((np.asarray(picture) + noise).round().clip(0, 255).astype(np.uint8))


def content_input(label: Text, prefix: str = "", first: Image.Image | None = None) -> gr.Image:
    """A place for a photograph, and some to click on.

    Args:
        prefix: of the widgets' ids.
        first: comes before the others.
    """
    contents = content_examples()
    about: dict[str, Any] = {
        "label": t(label),
        "sources": ["upload", "webcam", "clipboard"],
        "buttons": [],  # each is a stop of the keyboard's on the way to the method
        "height": 250,
        "elem_id": f"{prefix}content",
    }
    shown: list[Path | Image.Image] = [*contents]
    values = [str(file) for file in contents]
    if first is None:
        box = picture_input(value=values[0], **about)
    else:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "noisy.png"
            media.save_picture(first, file)
            box = picture_input(value=str(file), **about)  # which keeps a copy
        shown.insert(0, first)
        values.insert(0, box.value["path"])
    thumbs = [small_of(file) if isinstance(file, Path) else small(file) for file in shown]
    names = [Path(value).stem for value in values]
    label, elem_id = i18n.CONTENT_EXAMPLES, f"{prefix}content-examples"
    tiles(thumbs, values, names, box, label, elem_id)
    return box


def small(picture: Image.Image) -> Image.Image:
    """A picture as grids of tiles show it."""
    return ImageOps.fit(picture, (THUMB_SIDE, THUMB_SIDE))


@functools.cache  # most are on several tabs
def small_of(file: Path) -> Image.Image:
    """The picture in a file, likewise."""
    return small(media.open_picture(file))
