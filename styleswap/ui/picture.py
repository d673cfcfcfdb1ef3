"""The tab that makes one picture out of a photograph and a style, and the endpoint ``/stylize``."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from styleswap import media, specs, weights
from styleswap.engine import Engine, Request, StyleChoice
from styleswap.errors import StyleSwapError
from styleswap.specs import MethodSpec, Params, StylisingParams, Text
from styleswap.ui import controls, i18n
from styleswap.ui.controls import Controls
from styleswap.ui.examples import FIRST_RESULT, content_examples, content_input
from styleswap.ui.i18n import both, t
from styleswap.ui.stage import (
    JOBS,
    QUICK,
    PictureStage,
    answers,
    checker,
    file_name,
    paint,
    picture_input,
    status,
    toasts,
)
from styleswap.ui.styles import draw_picture, draw_trained, make_styles

# --- one job, for the page and for the endpoint ---


def make_request(
    spec: MethodSpec, content: str | None, styles: Sequence[StyleChoice], params: Params
) -> Request:
    """A job out of checked parts and the content's path."""
    if not content:
        raise StyleSwapError("There is no photograph yet; choose or upload one.")
    return Request(spec.id, media.open_picture(content, "photograph"), styles, params)


# --- the tab ---


@dataclass(frozen=True)
class Slot:
    """A place for one style picture, and its weight."""

    picture: gr.Image
    weight: gr.Slider


class PictureTab:
    """The tab's widgets and what happens on them; drawn where it is constructed."""

    def __init__(self, page: gr.Blocks, engine: Engine) -> None:
        self.engine = engine
        self.methods: dict[str, Controls] = {}
        self.trained: dict[str, gr.Dropdown] = {}
        self.trained_columns: dict[str, gr.Column] = {}
        self.groups: dict[str, gr.Column] = {}
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320):
                self._draw_inputs()
            with gr.Column(scale=6, min_width=320, elem_classes=["result", "first"]):
                first = (content_examples()[0], FIRST_RESULT)
                shown = first if FIRST_RESULT.exists() else None
                self.stage = PictureStage(i18n.STYLISE, i18n.FIRST if shown else i18n.IDLE, shown)
        self._wire(page)
        self._wire_endpoint()

    def _draw_inputs(self) -> None:
        specs_ = specs.stylisers()
        first = specs_[0]
        with gr.Row():
            with gr.Column(min_width=150):
                self.content = content_input(i18n.CONTENT)
            for spec in specs_:
                if spec.style == "trained":
                    with gr.Column(min_width=150, visible=spec is first) as column:
                        self.trained[spec.id] = draw_trained(spec)
                    self.trained_columns[spec.id] = column
            with gr.Column(min_width=150, visible=first.style == "image") as self.style_column:
                self.style = draw_picture()
        self.method = gr.Dropdown(
            [(t(spec.title), spec.id) for spec in specs_],
            value=first.id,
            label=t(i18n.METHOD),
            info=t(first.summary),
            filterable=False,
            elem_id="method",
        )
        shared: dict[str, Component] = {
            k.name: controls.widget(k, k.name) for k in specs.knobs(StylisingParams)
        }
        for spec in specs_:
            with gr.Column(visible=spec is first) as self.groups[spec.id]:
                self.methods[spec.id] = controls.build(spec, shared)
        self._draw_more_styles(first)

    def _draw_more_styles(self, first: MethodSpec) -> None:
        """Places for as many further styles as the most generous method takes."""
        most = max((s.max_styles for s in specs.METHODS.values() if s.style == "image"), default=1)
        self.slots: list[Slot] = []
        self.slot_columns: list[gr.Column] = []

        def weight(label: Text, elem_id: str) -> gr.Slider:
            return gr.Slider(0.1, 2.0, 1.0, step=0.1, label=t(label), elem_id=elem_id, buttons=[])

        with gr.Accordion(
            t(i18n.MORE_STYLES),
            open=False,
            visible=first.style == "image" and first.max_styles > 1,
            elem_id="more-styles",
        ) as self.more_styles:
            self.slots.append(Slot(self.style, weight(i18n.FIRST_WEIGHT, "weight-1")))
            with gr.Row():
                for n, label in enumerate(i18n.NTH_STYLE[: most - 1], start=2):
                    with gr.Column(min_width=150, visible=n <= first.max_styles) as column:
                        picture = picture_input(
                            label=t(label),
                            sources=["upload", "clipboard"],
                            buttons=["fullscreen"],
                            height=220,
                            elem_id=f"style-{n}",
                        )
                        self.slots.append(Slot(picture, weight(i18n.WEIGHT, f"weight-{n}")))
                    self.slot_columns.append(column)

    # --- events ---

    def _wire(self, page: gr.Blocks) -> None:
        for box, what in [
            (self.content, "photograph"),
            *((slot.picture, "style picture") for slot in self.slots),
        ]:
            # In the queue, since a generator outside it is asked for its first answer alone.
            box.upload(checker(what), box, box, **(QUICK | {"queue": True}), concurrency_limit=None)
        self.method.change(
            self._show_method,
            self.method,
            [
                self.method,
                self.style_column,
                self.more_styles,
                *self.slot_columns,
                *self.trained_columns.values(),
                *self.groups.values(),
            ],
            **QUICK,
        )
        inputs: set[Component] = {self.content, self.method, *self.trained.values()}
        for slot in self.slots:
            inputs |= {slot.picture, slot.weight}
        for method in self.methods.values():
            inputs |= set(method.widgets.values())
        self.stage.wire(page, self._work, inputs, [])

    def _show_method(self, method: str) -> list[Any]:
        spec = specs.get_spec(method)
        pictures = spec.style == "image"
        return [
            gr.update(info=t(spec.summary)),
            gr.update(visible=pictures),
            gr.update(visible=pictures and spec.max_styles > 1),
            *(gr.update(visible=n <= spec.max_styles) for n in range(2, len(self.slots) + 1)),
            *(gr.update(visible=name == method) for name in self.trained_columns),
            *(gr.update(visible=name == method) for name in self.groups),
        ]

    @property
    def openable(self) -> list[Component]:
        """What `opened` may change."""
        shared = self.methods[self.method.value].widgets
        names = (k.name for k in specs.knobs(StylisingParams))
        boxes = [shared[name] for name in names]
        return [self.content, self.style, self.method, *self.trained.values(), *boxes]

    def opened(
        self,
        method: str,
        content: str | None,
        style: str | None,
        trained: str | None,
        settings: Mapping[str, Any],
    ) -> dict[Component, Any]:
        """What makes the tab hold a job that stands elsewhere.

        Args:
            content, style: paths of pictures.
            trained: name of a trained style, for methods that take one.
            settings: what the widgets of those in `StylisingParams` hold.
        """
        changes: dict[Component, Any] = {self.content: content, self.method: method}
        if method in self.trained:
            changes[self.trained[method]] = trained
        else:
            changes[self.style] = style
        widgets = self.methods[method].widgets
        return changes | {widgets[name]: value for name, value in settings.items()}

    def _work(
        self, values: dict[Component, Any], cancel: threading.Event
    ) -> Iterator[dict[Any, Any]]:
        spec = specs.get_spec(values[self.method])
        params = self.methods[spec.id].params(values)
        pictures = [
            (values[slot.picture], values[slot.weight]) for slot in self.slots[: spec.max_styles]
        ]
        trained = values[self.trained[spec.id]] if spec.id in self.trained else None
        content = values[self.content]
        job = make_request(spec, content, make_styles(spec, pictures, trained), params)
        used = [trained] if trained else [path for path, _ in pictures[:1]]
        if getattr(params, "network", None) == "vgg19" and not weights.has_vgg19():
            yield {self.stage.status: status(both(i18n.FETCHING), done=0.0)}
        about = job.about(content, *(path for path, _ in pictures if path))
        name = file_name(spec.id, content, *used)
        yield from self.stage.show(self.engine, job, cancel, name, about)

    # --- the endpoint ---

    def _wire_endpoint(self) -> None:
        with gr.Column(visible=False):
            inputs = [
                picture_input(label="content: the photograph"),
                picture_input(label="style: the style picture, for methods that take one"),
                gr.Textbox("gatys", label=f"method: one of {', '.join(specs.METHODS)}"),
                gr.JSON(label="settings: the method's settings by name, size among them"),
                gr.File(label="more_styles: further style pictures", file_count="multiple"),
                gr.JSON(label="weights: one number for each style picture, in their order"),
                gr.Textbox(label="trained_style: its name, for methods that take one"),
            ]
            outputs = [
                gr.File(label="the picture, a PNG"),
                gr.JSON(label="method, width, height, seconds, perceptual, losses"),
            ]
            gr.Button().click(
                self._stylize,
                inputs,
                outputs,
                api_name="stylize",
                api_description="Make a picture. While it works, a null picture and the step"
                " come; the last answer holds the result.",
                concurrency_limit=JOBS,
                concurrency_id="engine",
            )

    def _stylize(
        self,
        content: str | None,
        style: str | None = None,
        method: str = "gatys",
        settings: dict[str, Any] | None = None,
        more_styles: list[str] | None = None,
        weights: list[float] | None = None,
        trained_style: str | None = None,
    ) -> Iterator[tuple[str | None, dict[str, Any]]]:
        with toasts(str):
            spec = specs.get_spec(method)
            if not isinstance(settings or {}, Mapping):
                raise StyleSwapError("settings must be an object of names and values.")
            params = specs.make_params(spec, settings or {})
            paths = [path for path in [style, *(more_styles or [])] if path]
            shares = [1.0] * len(paths) if weights is None else weights
            if not isinstance(shares, list) or len(shares) != len(paths):
                raise StyleSwapError(
                    f"weights must be a list of {len(paths)} numbers, one for each style picture."
                )
            pictures = list(zip(paths, shares, strict=True))
            job = make_request(spec, content, make_styles(spec, pictures, trained_style), params)
            last = yield from answers(paint(self.engine, job, threading.Event()))
            with tempfile.TemporaryDirectory() as folder:
                used = [trained_style] if spec.style == "trained" else paths[:1]
                after = Path(folder) / file_name(spec.id, content, *used)
                media.save_picture(last.result(), after, job.about(content, *paths))
                yield str(after), last.facts(spec.id)
