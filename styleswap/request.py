"""What the engine is asked for, and whether it may be: free of torch, as the page that asks is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from styleswap import __version__, media
from styleswap.errors import StyleSwapError
from styleswap.specs import MethodSpec, Params, StylisingParams, knobs

# The deepest layer is 16 times smaller than the picture; it should have two pixels at least.
SHORTEST_SIDE = 32
# Two halves of two pixels: less has no noise that could be told from the picture.
THINNEST = 4


@dataclass(frozen=True)
class StyleChoice:
    """A style as a person names it: a picture, or a trained style's name; weights are relative."""

    picture: Image.Image | None = None
    name: str | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Request:
    """A picture to make. Pictures are RGB, as `styleswap.media` gives them."""

    method: str
    content: Image.Image
    styles: Sequence[StyleChoice]
    params: Params

    def about(self, content: str | None, *styles: str | None) -> dict[str, Any]:
        """The job as it is written into the result's file.

        Args:
            content, styles: the names of the files; that of a trained style is known here.
        """
        chosen = [
            {"name": choice.name or (Path(name).name if name else None), "weight": choice.weight}
            for choice, name in zip(
                self.styles, [*styles, *[None] * len(self.styles)], strict=False
            )
        ]
        return {
            "version": __version__,
            "method": self.method,
            "content": Path(content).name if content else None,
            "styles": chosen,
            "settings": asdict(self.params),
        }


class Stopped(Exception):
    """A job was cancelled while it waited for the device."""


def sized(content: Image.Image, params: Params) -> Image.Image:
    """The content as a method is given it: of the size that its settings ask for, if they do.

    Raises:
        StyleSwapError: it would be too thin.
    """
    if isinstance(params, StylisingParams):
        longer, shorter = max(content.size), min(content.size)
        if round(shorter * params.size / longer) < SHORTEST_SIDE:
            least = -(-SHORTEST_SIDE * longer // shorter)
            most = next(k.high for k in knobs(type(params)) if k.name == "size")
            larger = f"choose a size of at least {least} or " if most and least <= most else ""
            raise StyleSwapError(
                f"At size {params.size} a picture of {content.width} x {content.height} would be"
                f" less than {SHORTEST_SIDE} pixels on its shorter side; {larger}crop it."
            )
        content = media.fit(content, params.size)
    elif min(content.size) < THINNEST:
        raise StyleSwapError(
            f"The picture is {content.width} x {content.height} pixels; {THINNEST} a side are"
            " needed."
        )
    return content


def check_thin(size: tuple[int, int]) -> None:
    """Refuse what is too thin for the deepest layers, in one sentence."""
    if min(size) < SHORTEST_SIDE:
        raise StyleSwapError(
            f"At size {max(size)} the picture would be only {min(size)} px on its shorter side and"
            f" {SHORTEST_SIDE} are needed; choose a larger size or crop it."
        )


def check_styles(spec: MethodSpec, styles: Sequence[StyleChoice]) -> None:
    """Refuse styles that a method cannot take, in one sentence."""
    if spec.style == "none":
        if styles:
            raise StyleSwapError(f"{spec.id} takes no style; leave it out.")
        return
    kind = "style picture" if spec.style == "image" else "trained style"
    if not styles:
        raise StyleSwapError(f"{spec.id} needs a {kind}; give one.")
    if len(styles) > spec.max_styles:
        raise StyleSwapError(
            f"{spec.id} takes at most {spec.max_styles} {kind}{'s' * (spec.max_styles > 1)},"
            f" not {len(styles)}."
        )
    for s in styles:
        if (s.picture is None) == (spec.style == "image"):
            raise StyleSwapError(f"{spec.id} needs a {kind}; give one.")
        if not 0 < s.weight < float("inf"):
            raise StyleSwapError(f"A style's weight must be above 0, not {s.weight:g}.")


def check_clean(content: Image.Image, clean: Image.Image | None) -> None:
    """Refuse a clean picture of another size."""
    if clean and clean.size != content.size:
        raise StyleSwapError("The clean picture has another size; give that of the noisy one.")
