"""Pictures to choose from, as a grid that the keyboard and screen readers know as one choice."""

from __future__ import annotations

import functools
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency
from gradio.processing_utils import hash_file, save_pil_to_cache
from PIL import Image

from styleswap.specs import Text
from styleswap.ui import i18n
from styleswap.ui.i18n import both

SCRIPT = Path(__file__).with_suffix(".js").read_text("utf-8")

# What a box holds, as the key of a tile: a file lies in a folder that is called by its content.
KEY_OF_NAME = "(name) => name ?? ''"
KEY_OF_FILE = r"(file) => file?.path?.split(/[\\/]/).at(-2) ?? ''"

_ICON = (
    '<svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor"'
    ' stroke-width="2" stroke-linecap="round"><path d="M12 16V4m-5 5 5-5 5 5M4 20h16"/></svg>'
)

key_of = functools.cache(hash_file)


@dataclass(frozen=True)
class Tiles:
    """A grid.

    Attributes:
        grid: the widget.
        chosen: the event of a picture's being chosen.
        own: whether there is a tile for one's own picture; then `grid` has an event ``own``.
    """

    grid: gr.HTML
    chosen: Dependency
    own: bool


def tiles(
    thumbs: Sequence[Image.Image],
    values: Sequence[Any],
    names: Sequence[str],
    target: Component,
    label: Text,
    elem_id: str,
    own: str | None = None,
) -> Tiles | None:
    """Draw the grid; a click on a picture gives `target` the value that belongs to it.

    Args:
        thumbs: squares.
        values: of a dropdown, or files for a place for a picture or a video.
        names: what is said of each.
        own: the id of the place for a picture to which one's own goes, for which there is a tile
            then; the place may be drawn only after the event ``own``.
    """
    if not thumbs:
        return None
    of_files = not isinstance(target, gr.Dropdown)
    keys = [key_of(value) if of_files else value for value in values]
    held = target.value
    if of_files and held:
        held = Path(held["path"]).parent.name
    files = [save_pil_to_cache(thumb, target.GRADIO_CACHE, format="jpeg") for thumb in thumbs]
    grid = gr.HTML(
        held or "",
        html_template=_template(files, names, label, f"{elem_id}-label", own is not None),
        js_on_load=SCRIPT,
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes="thumbs",
        # From here on what the script calls props.
        keys=keys,
        own=own,
    )
    grid.keep_in_cache.update(files)

    def choose(event: gr.EventData) -> Any:
        at = event._data.get("at") if isinstance(event._data, dict) else None
        return values[at] if isinstance(at, int) and 0 <= at < len(values) else gr.skip()

    quick: dict[str, Any] = {"queue": False, "api_visibility": "private"}
    chosen = grid.choose(choose, None, target, show_progress="hidden", **quick)
    js = KEY_OF_FILE if of_files else KEY_OF_NAME
    target.change(None, target, grid, js=js, api_visibility="private")  # type: ignore[attr-defined]
    return Tiles(grid, chosen, own is not None)


def _template(files: Sequence[str], names: Sequence[str], label: Text, id_: str, own: bool) -> str:
    """The grid; which tile is chosen, and what the keyboard does, is the script's."""
    parts = [
        f'<span id="{id_}" class="unseen">{both(label)}</span>'
        f'<div role="radiogroup" aria-labelledby="{id_}">'
    ]
    if own:
        parts.append(
            '<button type="button" role="radio" aria-checked="false" tabindex="0" class="own">'
            f"{_ICON}<span>{both(i18n.OWN_PICTURE)}</span></button>"
        )
    for file, name in zip(files, names, strict=True):
        said = html.escape(name)
        parts.append(
            '<button type="button" role="radio" aria-checked="false" tabindex="-1"'
            f' title="{said}"><img data-file="{html.escape(file)}" alt="{said}"></button>'
        )
    return "".join([*parts, "</div>"])
