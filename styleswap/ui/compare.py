"""The tab that lets several methods repaint one photograph, and the endpoint ``/compare``."""

from __future__ import annotations

import contextlib
import html
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from gradio.data_classes import FileData, ImageData

from styleswap import compare, media, specs
from styleswap.compare import Comparison, Fault, Result, State, Working
from styleswap.errors import StyleSwapError
from styleswap.specs import CompareParams, Text
from styleswap.ui import controls, endpoints, i18n, line, link
from styleswap.ui.boxes import picture_input
from styleswap.ui.examples import content_examples, content_input, style_examples
from styleswap.ui.i18n import both, t
from styleswap.ui.link import Link
from styleswap.ui.picture import PictureTab
from styleswap.ui.plot import Point, scatter
from styleswap.ui.stage import (
    PREVIEW_EVERY,
    QUICK,
    Clock,
    Stage,
    checker,
    file_name,
    inline,
    jpeg,
    status,
    time_cap,
    toasts,
    working,
)
from styleswap.ui.styles import draw_picture

if TYPE_CHECKING:
    from styleswap.engine import Engine

# The card of the photograph itself, beside those of the methods.
PHOTOGRAPH = "photograph"
# Of the plot's points: apart from each other in light and in dark, and for the colour-blind.
COLOURS = ("#8a8478", "#2f846b", "#d95f02", "#7570b3", "#e0a100", "#c2417c", "#4c9be8")

# Puts what two of the cards hold into the slider, in the browser: nothing need be sent twice.
SLIDE = """(left, right, now, ...cards) => {
  const of = (name) => cards[%s.indexOf(name)];
  return [of(left) && of(right) ? [of(left), of(right)] : now];
}"""


def offered(style: str | None) -> list[str]:
    """The methods that can take a style picture: a trained style there is of few."""
    able: list[str] = []
    if style:
        # What is wrong with it is said when the comparison is started.
        with contextlib.suppress(StyleSwapError, OSError):
            able, _ = compare.choose(None, style)
    return able


def make_task(
    content: str | None,
    style: str | None,
    methods: Sequence[str] | None,
    settings: Mapping[str, Any],
) -> Comparison:
    """A comparison out of two pictures' paths, methods (None for all that can), and settings."""
    if not content:
        raise StyleSwapError("There is no photograph yet; choose or upload one.")
    if not style:
        raise StyleSwapError("There is no style picture yet; choose or upload one.")
    if methods is not None and not (
        isinstance(methods, list) and all(isinstance(method, str) for method in methods)
    ):
        raise StyleSwapError("methods must be a list of names.")
    if not isinstance(settings, Mapping):
        raise StyleSwapError("settings must be an object of names and values.")
    specs.check_names("A comparison", [k.name for k in specs.knobs(CompareParams)], settings)
    task = compare.open_comparison(content, style, methods, CompareParams(**settings))
    # What a person's files are called is nothing that results tell.
    return replace(task, names=("photograph", "style picture"))


def states(engine: Engine, task: Comparison, cancel: threading.Event) -> Iterator[State]:
    """`compare.run` that also ends once `time_cap` seconds of work are over."""
    spent = 0.0
    for state in compare.run(engine, task, cancel):
        yield state
        if isinstance(state, Fault):
            continue
        if spent + state.progress.seconds >= time_cap():
            cancel.set()
        if isinstance(state, Result):
            spent += state.progress.seconds


def caption(figures: Mapping[str, float]) -> str:
    """What stands under a picture, as HTML."""
    return " · ".join(both(i18n.FIGURES[k], value=figures[k]) for k in figures if k in i18n.FIGURES)


def table(own: Mapping[str, float], results: Sequence[Result]) -> str:
    """The figures of the photograph and of every result, as HTML."""
    columns = [both(i18n.METHOD), *(both(i18n.COLUMNS[k]) for k in compare.FIGURES)]
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    rows: list[tuple[str, Mapping[str, Any]]] = [(both(i18n.CONTENT), own)] if own else []
    rows += [(both(specs.METHODS[result.method].title), result.row) for result in results]
    body = ""
    for name, row in rows:
        cells = (f"{row[k]:.3f}" if k in row else "" for k in compare.FIGURES)
        body += f'<tr><th scope="row">{name}</th>'
        body += "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    return f'<table class="figures"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def plot(own: Mapping[str, float], results: Sequence[Result]) -> str:
    """Content distance against style distance, as HTML."""
    named = [(i18n.CONTENT, own)] if own else []
    named += [(specs.METHODS[result.method].name, result.figures) for result in results]
    colours = dict(
        zip([PHOTOGRAPH, *(spec.id for spec in specs.stylisers())], COLOURS, strict=False)
    )
    chosen = [PHOTOGRAPH] * bool(own) + [result.method for result in results]
    points = [
        Point(name, at["content"], at["style"], colours.get(key, COLOURS[0]))
        for key, (name, at) in zip(chosen, named, strict=True)
    ]
    return scatter(points, i18n.COLUMNS["content"], i18n.COLUMNS["style"])


class CompareStage(Stage):
    """A card for the photograph and one for each method, in the order in which they work."""

    def _draw(self) -> list[Component]:
        self.cards: dict[str, gr.Image] = {}
        self.captions: dict[str, gr.HTML] = {}
        self.openers: dict[str, gr.Button] = {}
        with gr.Column(elem_id=self.id, elem_classes="cards", min_width=200):
            self._draw_card(PHOTOGRAPH, i18n.CONTENT, i18n.PHOTOGRAPH_CARD)
            for spec in specs.stylisers():
                self._draw_card(spec.id, spec.name, spec.summary)
        return [*self.cards.values(), *self.captions.values(), *self.openers.values()]

    def _draw_card(self, name: str, title: Text, summary: Text) -> None:
        with gr.Column(elem_classes="card", min_width=130):
            self.cards[name] = gr.Image(
                label=t(title),
                interactive=False,
                buttons=["download", "fullscreen"],
                height=210,
                elem_id=f"{self.id}-{name}",
            )
            self.captions[name] = gr.HTML(
                both(summary),
                elem_id=f"{self.id}-{name}-says",
                elem_classes="says",
                container=False,
                padding=False,
            )
            if name != PHOTOGRAPH:
                self.openers[name] = gr.Button(
                    t(i18n.OPEN_IN_PICTURE),
                    size="sm",
                    interactive=False,
                    elem_id=f"{self.id}-{name}-open",
                )

    def begun(self, task: Comparison, chosen: Sequence[str]) -> dict[Any, Any]:
        """What shows that a comparison begins; `chosen` are also those that cannot take part."""
        lines = {}
        for name in self.openers:
            text = i18n.UNTRAINED if name in chosen else i18n.NOT_CHOSEN
            lines[self.captions[name]] = both(i18n.WAITING if name in task.methods else text)
        shut = {button: gr.update(interactive=False) for button in self.openers.values()}
        return {**dict.fromkeys(self.cards.values()), **lines, **shut}

    def show_photograph(self, file: Path, own: Mapping[str, float]) -> dict[Any, Any]:
        """What shows the photograph, and its figures."""
        return {
            self.cards[PHOTOGRAPH]: ImageData(path=str(file), orig_name=file.name).model_dump(),
            self.captions[PHOTOGRAPH]: caption(own),
        }

    def show_step(self, state: Working, size: tuple[int, int]) -> dict[Any, Any]:
        """What shows a method at work."""
        preview = inline(jpeg(state.progress.picture(), size))
        line = both(i18n.STEP, i=state.progress.i, n=state.progress.n)
        return {
            self.cards[state.method]: preview.model_dump(),
            self.captions[state.method]: line,
        }

    def show_result(self, result: Result, file: Path, name: str) -> dict[Any, Any]:
        """What shows what a method made; `name` is of the file that can be downloaded."""
        shown = ImageData(path=str(file), orig_name=name).model_dump()
        return {
            self.cards[result.method]: shown,
            self.captions[result.method]: caption(result.row),
            self.openers[result.method]: gr.update(interactive=True),
        }

    def show_fault(self, state: Fault) -> dict[Any, Any]:
        """What says that a method could not do it."""
        line = f'<span class="fault">{html.escape(state.sentence)}</span>'
        return {self.cards[state.method]: None, self.captions[state.method]: line}


class CompareTab:
    """The tab's widgets and what happens on them; drawn where it is constructed.

    Args:
        picture: the tab in which a result's settings can be opened; it is one of `tabs`.
    """

    def __init__(self, page: gr.Blocks, engine: Engine, picture: PictureTab, tabs: gr.Tabs) -> None:
        self.engine = engine
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320):
                self._draw_inputs()
            with gr.Column(scale=7, min_width=320, elem_classes="result"):
                self.stage = CompareStage(
                    i18n.COMPARE, i18n.COMPARE_IDLE, i18n.DOWNLOAD_ZIP, "compare-"
                )
        with gr.Row(equal_height=False):
            with gr.Column(scale=6, min_width=320):
                self._draw_slider()
            with gr.Column(scale=6, min_width=320):
                self.table = gr.HTML(
                    table({}, []), elem_id="compare-table", container=False, padding=False
                )
                self.plot = gr.HTML(plot({}, []), elem_id="compare-plot", container=False)
        self._wire(page, picture, tabs)
        self._wire_endpoint()
        self.link = Link(
            {
                "content": link.example(self.content, content_examples()),
                "style": link.example(self.style, style_examples()),
                "methods": link.choice(self.methods),
                **link.settings(specs.knobs(CompareParams), self.settings),
            }
        )

    def _draw_inputs(self) -> None:
        with gr.Row():
            with gr.Column(min_width=150):
                self.content = content_input(i18n.CONTENT, "compare-")
            with gr.Column(min_width=150):
                self.style, _ = draw_picture("compare-")
        methods = specs.stylisers()
        self.methods = gr.CheckboxGroup(
            [(t(spec.title), spec.id) for spec in methods],
            value=[spec.id for spec in methods],
            label=t(i18n.METHODS),
            info=t(i18n.METHODS_HELP),
            elem_id="compare-methods",
        )
        self.settings = controls.draw(specs.knobs(CompareParams), "compare-")

    def _draw_slider(self) -> None:
        choices = [(t(i18n.CONTENT), PHOTOGRAPH)]
        choices += [(t(spec.title), spec.id) for spec in specs.stylisers()]
        with gr.Row():
            self.sides = [
                gr.Dropdown(
                    choices,
                    value=value,
                    label=t(label),
                    filterable=False,
                    min_width=130,
                    elem_id=f"compare-{name}",
                )
                for name, label, value in (
                    ("left", i18n.LEFT_SIDE, PHOTOGRAPH),
                    ("right", i18n.RIGHT_SIDE, specs.stylisers()[0].id),
                )
            ]
        self.slider = gr.ImageSlider(
            label=t(i18n.ANY_TWO),  # type: ignore[arg-type]
            interactive=False,
            buttons=["fullscreen"],
            elem_id="compare-slider",
            elem_classes="stage",
        )

    # --- events ---

    def _wire(self, page: gr.Blocks, picture: PictureTab, tabs: gr.Tabs) -> None:
        for box, what in ((self.content, "photograph"), (self.style, "style picture")):
            box.upload(checker(what), box, box, **(QUICK | {"queue": True}), concurrency_limit=None)
        inputs: set[Component] = {self.content, self.style, self.methods, *self.settings.values()}
        self.stage.wire(page, self._work, inputs, [self.table, self.plot, *self.sides])
        cards = self.stage.cards
        gr.on(
            [box.change for box in (*self.sides, *cards.values())],  # type: ignore[attr-defined]
            None,
            [*self.sides, self.slider, *cards.values()],
            self.slider,
            js=SLIDE % json.dumps(list(cards)),
            api_visibility="private",
        )
        for name, button in self.stage.openers.items():

            def open_(*held: Any, method: str = name) -> dict[Any, Any]:
                content, style, *settings = held
                with toasts(html.escape):
                    _, trained = compare.choose([method], style)
                    shared = dict(zip(self.settings, settings, strict=True))
                    opened = picture.opened(method, content, style, trained.get(method), shared)
                    return {tabs: gr.update(selected="picture"), **opened}

            button.click(
                open_,
                [self.content, self.style, *self.settings.values()],
                [tabs, *picture.openable],
                **QUICK,
            )

    def _work(
        self, values: dict[Component, Any], cancel: threading.Event
    ) -> Iterator[dict[Any, Any]]:
        stage, results = self.stage, list[Result]()
        settings = controls.settings(specs.knobs(CompareParams), self.settings, values)
        content, style = values[self.content], values[self.style]
        chosen, able = values[self.methods], offered(style)
        task = make_task(content, style, [m for m in chosen if m in able] or chosen, settings)
        yield stage.begun(task, chosen)
        size, shown = task.photograph.size, 0.0
        clocks = {method: Clock(size) for method in task.methods}
        # Gradio has its own copies of what was yielded from here once the generator goes on.
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            before = folder / "photograph.png"
            media.save_picture(task.photograph, before)
            own = compare.untouched(self.engine, task, cancel)
            yield stage.show_photograph(before, own) | self._figures(own, results)
            for state in states(self.engine, task, cancel):
                match state:
                    case Fault():
                        yield stage.show_fault(state)
                    case Result(method):
                        results.append(state)
                        file = compare.save_result(task, state, folder)
                        yield {
                            **stage.show_result(state, file, file_name(method, content, style)),
                            **self._figures(own, results),
                            self.sides[1]: method,
                        }
                    case Working(method, last):
                        left = clocks[method].left(last)
                        if time.monotonic() - shown < PREVIEW_EVERY:
                            continue
                        shown = time.monotonic()
                        done = (len(results) + last.i / last.n) / len(task.methods)
                        title = both(specs.METHODS[method].title)
                        yield {
                            **stage.show_step(state, size),
                            stage.status: working(last, left, title, done),
                        }
            if not results:
                yield {stage.status: status(both(i18n.STOPPED_EARLY))}
                return
            compare.save_records(task, own, results, folder)
            media.save_picture(task.style, folder / "style.png")
            target = file_name("compare", content, style).removesuffix(".png")
            with tempfile.TemporaryDirectory() as packed:
                file = Path(shutil.make_archive(f"{packed}/comparison", "zip", folder))
                zipped = FileData(path=str(file), orig_name=f"{target}.zip").model_dump()
                seconds = i18n.duration(sum(result.progress.seconds for result in results))
                text = i18n.COMPARED if len(results) == len(task.methods) else i18n.COMPARED_SOME
                line = both(text, i=len(results), n=len(task.methods), time=seconds)
                yield {
                    stage.status: status(line, both(i18n.FIGURES_HELP), 1.0),
                    stage.download: gr.update(value=zipped, interactive=True),
                }

    def _figures(self, own: Mapping[str, float], results: Sequence[Result]) -> dict[Any, Any]:
        """What shows the table and the plot."""
        return {self.table: table(own, results), self.plot: plot(own, results)}

    # --- the endpoint ---

    def _wire_endpoint(self) -> None:
        with gr.Column(visible=False):
            endpoints.publish(
                "compare",
                "Repaint a photograph in one style by several methods, the quickest first, and"
                " measure the results. Gives a contact sheet of all; the pictures, PNG, and"
                " results.json; and for each method the seconds of work, content distance and style"
                " distance (0 is the same) and brightness (0 to 1), beside those of the photograph"
                " itself. A caller that listens is first told the method and the step, with nulls"
                " for the files.",
                self._compare,
                {
                    "content": endpoints.picture(picture_input(), "The photograph."),
                    "style": endpoints.picture(picture_input(), "The style picture."),
                    "methods": endpoints.several(specs.stylisers()),
                    "settings": endpoints.settings({"every method": specs.knobs(CompareParams)}),
                },
                [
                    gr.File(label="sheet"),
                    gr.File(label="files", file_count="multiple"),
                    gr.JSON(label="facts"),
                ],
            )

    def _compare(
        self,
        content: str | None,
        style: str | None,
        methods: list[str] | None = None,
        settings: dict[str, Any] | None = None,
    ) -> Iterator[tuple[str | None, list[str] | None, dict[str, Any]]]:
        with toasts(str):
            task = make_task(content, style, methods, settings or {})
            cancel, shown, results = line.cancel(), time.monotonic(), list[Result]()
            own, faults = compare.untouched(self.engine, task, cancel), {}
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                for state in states(self.engine, task, cancel):
                    match state:
                        case Fault(method, sentence):
                            faults[method] = sentence
                        case Result():
                            results.append(state)
                            compare.save_result(task, state, folder)
                        case Working(method, at) if time.monotonic() - shown >= PREVIEW_EVERY:
                            shown = time.monotonic()
                            yield None, None, {"method": method, "step": at.i, "steps": at.n}
                if cancel.is_set() and not results:
                    raise StyleSwapError("The job was ended before its first result.")
                found = compare.save_records(task, own, results, folder)
                files = [str(folder / result.file) for result in results]
                files.append(str(folder / compare.RESULTS))
                facts = found | ({"faults": faults} if faults else {})
                yield str(folder / compare.SHEET), files, facts
