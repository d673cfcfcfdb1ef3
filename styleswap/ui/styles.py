"""Choosing a style: one of the trained ones, or a picture."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import gradio as gr

from styleswap import media, weights
from styleswap.errors import StyleSwapError
from styleswap.request import StyleChoice
from styleswap.specs import MethodSpec
from styleswap.ui import i18n
from styleswap.ui.examples import FIRST_TRAINED, gallery, style_examples
from styleswap.ui.i18n import t
from styleswap.ui.stage import picture_input

logger = logging.getLogger(__name__)


def make_styles(
    spec: MethodSpec, pictures: Sequence[tuple[str | None, Any]], trained: str | None
) -> list[StyleChoice]:
    """What the engine is told of the style: pictures with weights, or a trained style's name.

    Raises:
        StyleSwapError: a picture that cannot be read, or a weight that is no number.
    """
    if spec.style == "trained":
        return [StyleChoice(name=trained)] if trained else []
    styles = []
    for path, weight in pictures:
        if path:
            try:
                number = float(weight)
            except (TypeError, ValueError):
                raise StyleSwapError(
                    f"A style's weight must be a number above 0, not {weight!r}."
                ) from None
            picture = media.open_picture(path, "style picture")
            styles.append(StyleChoice(picture=picture, weight=number))
    return styles if spec.style == "image" else []


def draw_trained(spec: MethodSpec, prefix: str = "") -> gr.Dropdown:
    """The trained styles of a method: their names, and a picture of each to click on.

    Args:
        prefix: of the widgets' ids.
    """
    entries = trained_styles(spec.id)
    names = gr.Dropdown(
        [(style_label(entry), entry.name) for entry in entries],
        value=entries[0].name if entries else None,
        label=t(i18n.TRAINED_STYLE),
        interactive=True,
        elem_id=f"{prefix}{spec.id}-style",
    )
    shown = {
        entry.name: weights.PRETRAINED / entry.about["picture"]
        for entry in entries
        if "picture" in entry.about
    }
    labels = [style_label(entry) for entry in entries if entry.name in shown]
    pictures = gallery(
        list(shown.values()),
        list(shown),
        names,
        i18n.TRAINED_STYLE,
        f"{prefix}{spec.id}-styles",
        labels,
    )
    if pictures:
        order = list(shown)

        def mark(name: str) -> Any:
            return gr.update(selected_index=order.index(name) if name in order else None)

        names.input(
            mark, names, pictures, show_progress="hidden", queue=False, api_visibility="private"
        )
    return names


def draw_picture(prefix: str = "") -> gr.Image:
    """A place for a style picture, and some to click on; `prefix` is of the widgets' ids."""
    styles = style_examples()
    box = picture_input(
        value=styles[0] if styles else None,
        label=t(i18n.STYLE),
        sources=["upload", "clipboard"],
        buttons=["fullscreen"],
        height=250,
        elem_id=f"{prefix}style",
    )
    gallery(styles, styles, box, i18n.STYLE_EXAMPLES, f"{prefix}style-examples")
    return box


def trained_styles(method: str) -> list[weights.Entry]:
    """The trained styles of a method, the page's first one first; none where no weights are
    installed."""
    try:
        return sorted(weights.styles_of(method), key=lambda entry: entry.name != FIRST_TRAINED)
    except StyleSwapError as error:
        logger.warning("%s", error)
        return []


def style_label(entry: weights.Entry) -> str:
    """A trained style as a person knows it: title, artist and year."""
    facts = [str(entry.about[key]) for key in ("artist", "year") if entry.about.get(key)]
    return " · ".join([entry.title, ", ".join(facts)] if facts else [entry.title])
