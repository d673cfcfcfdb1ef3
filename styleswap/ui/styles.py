"""Choosing a style: one of the trained ones, or a picture."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from styleswap import media, weights
from styleswap.errors import StyleSwapError
from styleswap.request import StyleChoice
from styleswap.specs import MethodSpec, usual_method
from styleswap.ui import i18n
from styleswap.ui.boxes import picture_input
from styleswap.ui.examples import FIRST_TRAINED, small_of, style_examples
from styleswap.ui.i18n import both, t
from styleswap.ui.stage import QUICK
from styleswap.ui.tiles import Tiles, tiles

logger = logging.getLogger(__name__)


def make_styles(spec: MethodSpec, chosen: Sequence[tuple[str | None, Any]]) -> list[StyleChoice]:
    """What the engine is told of styles: pictures' paths or trained ones' names, with weights.

    Raises:
        StyleSwapError: a picture that cannot be read, or a weight that is no number.
    """
    styles = []
    for name, weight in chosen:
        if name:
            try:
                number = float(weight)
            except (TypeError, ValueError):
                raise StyleSwapError(
                    f"A style's weight must be a number above 0, not {weight!r}."
                ) from None
            if spec.style == "trained":
                styles.append(StyleChoice(name=name, weight=number))
            elif spec.style == "image":
                picture = media.open_picture(name, "style picture")
                styles.append(StyleChoice(picture=picture, weight=number))
    return styles


def weighted(chosen: Sequence[tuple[str | None, float]]) -> list[tuple[str, float]]:
    """Styles with weights, out of styles with shares: how much of what those before it left each
    takes for itself. The first one's does not count.

    As webcam.js reckons, too. A style that the others leave nothing is not in it.
    """
    found: list[tuple[str, float]] = []
    for name, share in chosen:
        if name:
            share = share if found else 1.0
            found = [(n, weight * (1 - share)) for n, weight in found] + [(name, share)]
    return [(name, weight) for name, weight in found if weight > 0]


@dataclass(frozen=True)
class Slot:
    """A place for a further style, and its share: see `weighted`."""

    box: gr.Image | gr.Dropdown
    share: gr.Slider


class StyleBoxes:
    """Where styles are chosen, for every method; drawn in two parts, then hooked up by `wire`.

    Args:
        methods: the first is chosen at first.
        prefix: of the widgets' ids.
    """

    def __init__(self, methods: Sequence[MethodSpec], prefix: str = "") -> None:
        self.specs, self.prefix = methods, prefix
        self.trained: dict[str, gr.Dropdown] = {}
        # Of trained styles by method; of pictures one for all methods, under "".
        self.slots: dict[str, list[Slot]] = {}
        self.tiles: list[Tiles] = []
        self._columns: dict[str, gr.Column] = {}
        self._more: dict[str, gr.Accordion] = {}
        self._places: list[gr.Column] = []

    def draw_first(self) -> None:
        """Where the style is chosen: as columns of the row that is being drawn."""
        first = self.specs[0]
        for spec in self.specs:
            if spec.style == "trained":
                with gr.Column(min_width=150, visible=spec is first) as self._columns[spec.id]:
                    names, grid = draw_trained(spec, self.prefix)
                    self.trained[spec.id] = names
                    self.tiles += [grid] if grid else []
        with gr.Column(min_width=150, visible=first.style == "image") as self._columns[""]:
            self.picture, grid = draw_picture(self.prefix)
            self.tiles += [grid] if grid else []
            self._back = gr.Button(
                t(i18n.TRAINED_STYLES), size="sm", elem_id=f"{self.prefix}trained-styles"
            )

    def draw_more(self) -> None:
        """Where others are chosen to be mixed in, in accordions where this is called."""
        first = self.specs[0]
        for spec in self.specs:
            if spec.style == "trained" and spec.max_styles > 1:
                with self._accordion(spec.id, spec is first, f"{spec.id}-"):
                    self._draw_help()
                    self.slots[spec.id] = [
                        self._draw_name(spec, n) for n in range(2, spec.max_styles + 1)
                    ]
        most = max((spec.max_styles for spec in self.specs if spec.style == "image"), default=1)
        with self._accordion("", first.style == "image" and first.max_styles > 1):
            self._draw_help()
            with gr.Row():
                self.slots[""] = [self._draw_place(n) for n in range(2, most + 1)]

    def _accordion(self, key: str, visible: bool, prefix: str = "") -> gr.Accordion:
        name = f"{self.prefix}{prefix}more-styles"
        self._more[key] = gr.Accordion(
            t(i18n.MORE_STYLES), open=False, visible=visible, elem_id=name
        )
        return self._more[key]

    def _draw_help(self) -> None:
        line = f"<p>{both(i18n.SHARE_HELP)}</p>"
        gr.HTML(line, container=False, padding=False, elem_classes="help")

    def _draw_name(self, spec: MethodSpec, n: int) -> Slot:
        name = f"{self.prefix}{spec.id}-style-{n}"
        known = [(style_label(entry), entry.name) for entry in trained_styles(spec.id)]
        with gr.Row():
            box = gr.Dropdown(
                [(t(i18n.NO_STYLE), ""), *known],
                value="",
                label=t(i18n.NTH_STYLE[n - 2]),
                interactive=True,
                min_width=150,
                elem_id=name,
            )
            return Slot(box, self._draw_share(n, f"{self.prefix}{spec.id}-share-{n}"))

    def _draw_place(self, n: int) -> Slot:
        first = self.specs[0]
        visible = first.style != "image" or n <= first.max_styles
        with gr.Column(min_width=150, visible=visible) as column:
            box = picture_input(
                label=t(i18n.NTH_STYLE[n - 2]),
                sources=["upload", "clipboard"],
                buttons=["fullscreen"],
                height=220,
                elem_id=f"{self.prefix}style-{n}",
            )
            share = self._draw_share(n, f"{self.prefix}share-{n}")
        self._places.append(column)
        return Slot(box, share)

    def _draw_share(self, n: int, elem_id: str) -> gr.Slider:
        """Such that all count alike where nobody moves it; seen once there is a style."""
        return gr.Slider(
            0.0,
            1.0,
            round(1 / n, 2),
            step=0.01,
            label=t(i18n.SHARE),
            min_width=150,
            visible=False,
            elem_id=elem_id,
            buttons=[],
        )

    def wire(self, method: gr.Dropdown) -> None:
        """Hook up what the widgets do among themselves, and what chooses a `method`."""
        # From trained styles to pictures, and back, for who knows nothing of methods.
        ways = [grid.grid.own for grid in self.tiles if grid.own]
        for event, kind in [*((way, False) for way in ways), (self._back.click, True)]:
            name = usual_method(trained=kind).id
            event(None, None, method, js=f"() => '{name}'", api_visibility="private")
        for slots in self.slots.values():
            for slot in slots:
                slot.box.change(
                    lambda style: gr.update(visible=bool(style)), slot.box, slot.share, **QUICK
                )

    def of(self, spec: MethodSpec) -> tuple[gr.Dropdown | gr.Image | None, list[Slot]]:
        """Where the first and where the others are chosen that a method takes."""
        if spec.style == "none":
            return None, []
        key = spec.id if spec.style == "trained" else ""
        first = self.trained[spec.id] if key else self.picture
        return first, self.slots.get(key, [])[: spec.max_styles - 1]

    def chosen(self, spec: MethodSpec, values: Mapping[Any, Any]) -> list[tuple[str, float]]:
        """The styles' names or paths with their weights, out of what the widgets hold."""
        first, slots = self.of(spec)
        if first is None:
            return []
        pairs = [(values[first], 1.0), *((values[s.box], values[s.share]) for s in slots)]
        return weighted(pairs)

    @property
    def pictures(self) -> list[gr.Image]:
        """The places for pictures, the first one first."""
        return [self.picture, *(cast(gr.Image, slot.box) for slot in self.slots[""])]

    @property
    def chosen_in(self) -> list[Component]:
        """The widgets that hold a style."""
        slots = [slot.box for slots in self.slots.values() for slot in slots]
        return [self.picture, *self.trained.values(), *slots]

    @property
    def inputs(self) -> list[Component]:
        """All widgets."""
        shares = [slot.share for slots in self.slots.values() for slot in slots]
        return [*self.chosen_in, *shares]

    @property
    def shown(self) -> list[Block]:
        """What `show` changes."""
        return [*self._columns.values(), *self._more.values(), *self._places]

    def show(self, spec: MethodSpec) -> list[Any]:
        """What shows the places that a method has for its styles."""
        kind = {"trained": spec.id, "image": ""}.get(spec.style)
        several = spec.max_styles > 1
        return [
            *(gr.update(visible=key == kind) for key in self._columns),
            *(gr.update(visible=key == kind and several) for key in self._more),
            *(gr.update(visible=n <= spec.max_styles) for n, _ in enumerate(self._places, 2)),
        ]


def draw_trained(spec: MethodSpec, prefix: str = "") -> tuple[gr.Dropdown, Tiles | None]:
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
    shown = [entry for entry in entries if "picture" in entry.about]
    grid = tiles(
        [small_of(weights.PRETRAINED / entry.about["picture"]) for entry in shown],
        [entry.name for entry in shown],
        [style_label(entry) for entry in shown],
        names,
        i18n.TRAINED_STYLE,
        f"{prefix}{spec.id}-styles",
        f"{prefix}style" if spec is usual_method(trained=True) else None,
    )
    return names, grid


def draw_picture(prefix: str = "") -> tuple[gr.Image, Tiles | None]:
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
    grid = tiles(
        [small_of(file) for file in styles],
        [str(file) for file in styles],
        [file.stem for file in styles],
        box,
        i18n.STYLE_EXAMPLES,
        f"{prefix}style-examples",
    )
    return box, grid


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
