"""Places for a picture or a video: they hand over the file's path, whatever is in the file."""

from __future__ import annotations

import contextlib
from abc import ABCMeta
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.component_meta import ComponentMeta
from gradio.data_classes import FileData, ImageData

from styleswap import limits, media


class _Plain(ComponentMeta):
    """Gradio's, but that no .pyi file is written beside this one whenever it is imported."""

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> Any:
        return ABCMeta.__new__(cls, name, bases, attrs)


# Classes, since after each change of what a visitor has in one Gradio makes that visitor another
# out of the class and its arguments alone. That a file is one which was uploaded here is checked
# before `preprocess` is called.
class PictureBox(gr.Image, metaclass=_Plain):
    """Gradio's own would let Pillow open the file first, convert it, and fail on a stranger's with
    its words."""

    is_template = True  # the browser's part is Gradio's

    def preprocess(self, payload: ImageData | None) -> str | None:
        """The path alone, of a picture that is not too large here.

        Raises:
            gr.Error: it is.
        """
        path, pixels, most = path_of(payload), 0, limits.now().megapixels
        # What cannot be opened is refused by what reads it, which says more.
        with contextlib.suppress(Exception), media.opened(Path(path or "").read_bytes()) as picture:
            pixels = picture.width * picture.height
        if pixels > most * 1e6:
            raise gr.Error(
                f"A picture has {most:g} megapixels at most here; shrink it and send that.",
                print_exception=False,
            )
        return path


class VideoBox(gr.Video, metaclass=_Plain):
    """Gradio's own would turn some videos into others."""

    is_template = True

    def preprocess(self, payload: FileData | None) -> str | None:
        """The path alone."""
        return path_of(payload)


def path_of(payload: FileData | ImageData | None) -> str | None:
    """The path alone, in place of what a component makes of an uploaded file."""
    return payload.path if payload else None


def picture_input(**about: Any) -> PictureBox:
    """A place for a picture."""
    return PictureBox(type="filepath", **about)
