"""The tab that makes one picture out of a photograph and a style, and the endpoint ``/stylize``."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from styleswap import media, specs, weights
from styleswap.errors import StyleSwapError
from styleswap.request import Request, StyleChoice
from styleswap.specs import MethodSpec, Params, StylisingParams
from styleswap.ui import controls, endpoints, i18n, line, link
from styleswap.ui.boxes import picture_input
from styleswap.ui.controls import Controls
from styleswap.ui.examples import FIRST_RESULT, content_examples, content_input
from styleswap.ui.i18n import both, t
from styleswap.ui.link import Link
from styleswap.ui.stage import (
    QUICK,
    PictureStage,
    answers,
    checker,
    file_name,
    paint,
    status,
    toasts,
)
from styleswap.ui.styles import StyleBoxes, make_styles, trained_styles

if TYPE_CHECKING:
    from styleswap.engine import Engine

# Once a style is chosen, where the method takes a moment.
PAINT = "(method) => { if (%s.includes(method)) window.paintSoon(); }"

# --- one job, for the page and for the endpoint ---


def make_request(
    spec: MethodSpec, content: str | None, styles: Sequence[StyleChoice], params: Params
) -> Request:
    """A job out of checked parts and the content's path."""
    if not content:
        raise StyleSwapError("There is no photograph yet; choose or upload one.")
    return Request(spec.id, media.open_picture(content, "photograph"), styles, params)


def first_job() -> Request:
    """The job that the page opens with."""
    spec = specs.stylisers()[0]
    styles = [StyleChoice(name=entry.name) for entry in trained_styles(spec.id)[:1]]
    return make_request(spec, str(content_examples()[0]), styles, spec.params())


# --- the tab ---


class PictureTab:
    """The tab's widgets and what happens on them; drawn where it is constructed."""

    def __init__(self, page: gr.Blocks, engine: Engine) -> None:
        self.engine = engine
        self.methods: dict[str, Controls] = {}
        self.styles = StyleBoxes(specs.stylisers())
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
        self.link = Link(
            {"content": link.example(self.content, content_examples())},
            self.method,
            link.by_method(self.methods, self.styles),
        )

    def _draw_inputs(self) -> None:
        specs_ = specs.stylisers()
        first = specs_[0]
        with gr.Row():
            with gr.Column(min_width=150):
                self.content = content_input(i18n.CONTENT)
            self.styles.draw_first()
        self.method = gr.Dropdown(
            [(t(spec.title), spec.id) for spec in specs_],
            value=first.id,
            label=t(i18n.METHOD),
            info=t(first.summary),
            filterable=False,
            elem_id="method",
        )
        self.styles.draw_more()
        shared: dict[str, Component] = {
            k.name: controls.widget(k, k.name) for k in specs.knobs(StylisingParams)
        }
        self.size = shared["size"]
        for spec in specs_:
            with gr.Column(visible=spec is first) as self.groups[spec.id]:
                self.methods[spec.id] = controls.build(spec, shared)

    # --- events ---

    def _wire(self, page: gr.Blocks) -> None:
        chosen = [grid.chosen for grid in self.styles.tiles]
        chosen += [
            names.select(None, api_visibility="private") for names in self.styles.trained.values()
        ]
        for box, what in [
            (self.content, "photograph"),
            *((place, "style picture") for place in self.styles.pictures),
        ]:
            # In the queue, since a generator outside it is asked for its first answer alone.
            checked = box.upload(
                checker(what), box, box, **(QUICK | {"queue": True}), concurrency_limit=None
            )
            chosen += [checked] if box is self.styles.picture else []
        quick = json.dumps([spec.id for spec in specs.stylisers() if spec.pace == "live"])
        for event in chosen:
            event.success(None, self.method, None, js=PAINT % quick, api_visibility="private")
        self.method.change(
            self._show_method,
            [self.method, self.size],
            [self.method, self.size, *self.styles.shown, *self.groups.values()],
            **QUICK,
        )
        self.styles.wire(self.method)
        inputs: set[Component] = {self.content, self.method, *self.styles.inputs}
        for method in self.methods.values():
            inputs |= set(method.widgets.values())
        self.stage.wire(page, self._work, inputs, [])

    def _show_method(self, method: str, size: float) -> list[Any]:
        spec = specs.get_spec(method)
        return [
            gr.update(info=t(spec.summary)),
            controls.limited(specs.knobs(spec.params), size),
            *self.styles.show(spec),
            *(gr.update(visible=name == method) for name in self.groups),
        ]

    @property
    def openable(self) -> list[Component]:
        """What `opened` may change."""
        shared = self.methods[self.method.value].widgets
        names = (k.name for k in specs.knobs(StylisingParams))
        boxes = [shared[name] for name in names]
        return [self.content, *self.styles.chosen_in, self.method, *boxes]

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
        first, others = self.styles.of(specs.get_spec(method))
        assert first is not None
        changes[first] = trained if method in self.styles.trained else style
        changes |= {slot.box: None for slot in others}
        widgets = self.methods[method].widgets
        return changes | {widgets[name]: value for name, value in settings.items()}

    def _work(
        self, values: dict[Component, Any], cancel: threading.Event
    ) -> Iterator[dict[Any, Any]]:
        spec = specs.get_spec(values[self.method])
        params = self.methods[spec.id].params(values)
        chosen = self.styles.chosen(spec, values)
        content, names = values[self.content], [name for name, _ in chosen]
        job = make_request(spec, content, make_styles(spec, chosen), params)
        if getattr(params, "network", None) == "vgg19" and not weights.has_vgg19():
            yield {self.stage.status: status(both(i18n.FETCHING), done=0.0)}
        name = file_name(spec.id, content, *names[:1])
        yield from self.stage.show(self.engine, job, cancel, name, job.about(None))

    # --- the endpoint ---

    def _wire_endpoint(self) -> None:
        methods = specs.stylisers()
        with gr.Column(visible=False):
            further = endpoints.further_styles(methods)
            mix_with = further.pop("mix_with")
            method = endpoints.method(methods)
            # Where a job's method is named.
            self.naming = [self.method, method.box]
            endpoints.publish(
                "stylize",
                "Repaint a photograph in a style: a trained style, by its name, or pictures of the"
                " caller's. Gives the picture, a PNG, and its method, width, height, seconds of"
                " work, perceptual network and distances from photograph and style. A caller that"
                " listens is first told the step, with a null for the picture.",
                self._stylize,
                {
                    "content": endpoints.picture(picture_input(), "The photograph."),
                    "style": endpoints.picture(
                        picture_input(), "The style picture, for methods that take one."
                    ),
                    "method": method,
                    "settings": endpoints.settings({s.id: specs.knobs(s.params) for s in methods}),
                    **further,
                    "trained_style": endpoints.trained_style(methods),
                    "mix_with": mix_with,
                },
                [gr.File(label="picture"), gr.JSON(label="facts")],
            )

    def _stylize(
        self,
        content: str | None,
        style: str | None = None,
        method: str | None = None,
        settings: dict[str, Any] | None = None,
        style_2: str | None = None,
        style_3: str | None = None,
        style_4: str | None = None,
        weights: list[float] | None = None,
        trained_style: str | None = None,
        mix_with: list[str] | None = None,
    ) -> Iterator[tuple[str | None, dict[str, Any]]]:
        with toasts(str):
            spec = endpoints.method_for(method, trained_style)
            if not isinstance(settings or {}, Mapping):
                raise StyleSwapError("settings must be an object of names and values.")
            params = specs.make_params(spec, settings or {})
            pictures = [style, style_2, style_3, style_4]
            chosen = endpoints.all_styles(spec, pictures, trained_style, mix_with, weights)
            job = make_request(spec, content, make_styles(spec, chosen), params)
            last = yield from answers(paint(self.engine, job, line.cancel()))
            with tempfile.TemporaryDirectory() as folder:
                after = Path(folder) / file_name(spec.id, trained_style)
                media.save_picture(last.result(), after, job.about(None))
                yield str(after), last.facts(spec.id)
