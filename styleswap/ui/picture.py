"""The tab that makes one picture out of a photograph and a style, and the endpoint ``/stylize``."""

from __future__ import annotations

import base64
import contextlib
import html
import io
import logging
import math
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.components.imageslider import SliderData
from gradio.data_classes import FileData, ImageData
from PIL import Image, ImageOps

from styleswap import media, specs, weights
from styleswap.engine import Engine, Progress, Request, StyleChoice
from styleswap.errors import StyleSwapError
from styleswap.specs import MethodSpec, Params, Text
from styleswap.ui import controls, i18n
from styleswap.ui.controls import Controls
from styleswap.ui.i18n import both, t

# After so many seconds of work a job ends as if it had been stopped: others wait for the device.
TIME_CAP = 600.0
# Seconds between two previews.
PREVIEW_EVERY = 0.5
# Longer side of a preview, in pixels; it travels inside the event, not as a file.
PREVIEW_SIDE = 1024
# Jobs that may wait for the device at once, each in a thread of the server's forty.
JOBS = 16

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
THUMB_SIDE = 160
# The one that shows best what the page is for.
FIRST_STYLE = "swirls"

logger = logging.getLogger(__name__)


def content_examples() -> list[Path]:
    """Photographs that a visitor may start from: those in Gradio's package, then our own."""
    photographs = ("tower.jpg", "lion.jpg", "cheetah.jpg")
    ours = sorted((EXAMPLES / "content").glob("*.jpg"))
    return [Path(gr.media.get_image(name)) for name in photographs] + ours


def style_examples() -> list[Path]:
    """Style pictures that a visitor may start from; the page opens with the first."""
    files = (EXAMPLES / "style").glob("*.jpg")
    return sorted(files, key=lambda file: (file.stem != FIRST_STYLE, file.name))


# --- one job, for the page and for the endpoint ---


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


def make_request(
    spec: MethodSpec, content: str | None, styles: Sequence[StyleChoice], params: Params
) -> Request:
    """A job out of checked parts and the content's path."""
    if not content:
        raise StyleSwapError("There is no photograph yet; choose or upload one.")
    return Request(spec.id, media.open_picture(content, "photograph"), styles, params)


def paint(engine: Engine, request: Request, cancel: threading.Event) -> Iterator[Progress]:
    """`Engine.run` that also ends once `TIME_CAP` seconds of work are over."""
    with contextlib.closing(engine.run(request, cancel)) as steps:  # type: ignore[type-var]
        for progress in steps:
            yield progress
            if progress.seconds >= TIME_CAP:
                return


@contextlib.contextmanager
def toasts(escape: Callable[[str], str]) -> Iterator[None]:
    """Turn every fault into Gradio's error of one sentence; bugs go to the log, whole.

    Args:
        escape: what makes a sentence fit for where it is shown. It may quote what a person sent.
    """
    try:
        yield
    except StyleSwapError as error:
        raise gr.Error(escape(str(error)), print_exception=False) from None
    except Exception:
        logger.exception("a bug")
        raise gr.Error(escape(i18n.BUG.en), print_exception=False) from None


def file_name(method: str, *pictures: str | None) -> str:
    """A name for the result: ``photo-style-gatys.png``."""
    stems = [re.sub(r"[^\w]+", "-", Path(p).stem).strip("-_")[:40] for p in pictures if p]
    return "-".join([stem for stem in stems if stem] + [method]) + ".png"


# --- what the page shows of it ---


def picture_input(**about: Any) -> gr.Image:
    """A place for a picture that hands over the file's path, whatever is in the file."""
    box = gr.Image(type="filepath", **about)
    # Gradio's own would let Pillow open the file first, and fail on a stranger's with its words.
    # That the file is one which was uploaded here is checked before this is called.
    box.preprocess = _path_of  # type: ignore[method-assign]
    return box


def _path_of(payload: ImageData | None) -> str | None:
    return payload.path if payload else None


def slider_data(before: Path, after: Path | bytes) -> dict[str, Any]:
    """What the image slider in the browser takes: two files, or a file and the bytes of a JPEG."""
    if isinstance(after, bytes):  # a preview: not a file each
        shown = ImageData(url=f"data:image/jpeg;base64,{base64.b64encode(after).decode()}")
    else:
        shown = ImageData(path=str(after), orig_name=after.name)
    first = ImageData(path=str(before), orig_name=before.name)
    payload: dict[str, Any] = SliderData(root=(first, shown)).model_dump()
    return payload


def jpeg(picture: Image.Image, size: tuple[int, int]) -> bytes:
    """A preview in the result's proportions, so that nothing on the page moves when it comes."""
    shrink = min(1.0, PREVIEW_SIDE / max(size))
    width, height = (max(1, round(side * shrink)) for side in size)
    buffer = io.BytesIO()
    picture.resize((width, height), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


class Clock:
    """How long a job will still take: known once it works at the result's full size.

    Coarse scales come first and their steps are many times quicker, so their pace says nothing.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._since: tuple[int, float] | None = None

    def left(self, progress: Progress) -> float | None:
        """Seconds, or None where nothing can be said yet."""
        height, width = progress.image.shape[2:]
        if (width, height) != self._size:
            return None
        if self._since is None:
            self._since = (progress.i, progress.seconds)
        i, seconds = self._since
        if progress.i == i:
            return None
        return (progress.seconds - seconds) / (progress.i - i) * (progress.n - progress.i)


def status(line: str, fine: str = "", done: float | None = None) -> str:
    """The box below the picture: a bar (`done` in [0, 1], None for none) and two lines of HTML."""
    if done is None:
        bar = '<div class="bar idle"></div>'
    else:
        bar = (
            '<div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="100"'
            f' aria-valuenow="{100 * done:.0f}"><i style="width:{done:.1%}"></i></div>'
        )
    return f'<div class="status">{bar}<p>{line}</p><p class="fine">{fine}</p></div>'


def working(progress: Progress, left: float | None) -> str:
    """The status of a job that is under way."""
    parts = [both(i18n.STEP, i=progress.i, n=progress.n)]
    if left is not None:
        parts.append(both(i18n.LEFT, time=i18n.duration(left)))
    return status(" · ".join(parts), losses(progress), progress.i / progress.n)


def finished(progress: Progress, size: tuple[int, int]) -> str:
    """The status of a job that has ended, and why it ended where that was early."""
    width, height = size
    if progress.i == progress.n:
        time_taken = i18n.duration(progress.seconds)
        line = both(i18n.DONE, time=time_taken, width=width, height=height)
    elif progress.seconds >= TIME_CAP:
        line = both(i18n.CAPPED, minutes=f"{TIME_CAP / 60:g}", i=progress.i, n=progress.n)
    else:
        line = both(i18n.STOPPED, i=progress.i, n=progress.n)
    return status(line, losses(progress), 1.0)


def losses(progress: Progress) -> str:
    """The two distances as a line of HTML, empty for methods that have none."""
    if not {"content", "style"} <= progress.losses.keys():
        return ""
    return both(i18n.LOSSES, content=progress.losses["content"], style=progress.losses["style"])


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
        self.jobs: dict[str | None, threading.Event] = {}
        self.methods: dict[str, Controls] = {}
        self.trained: dict[str, gr.Dropdown] = {}
        self.trained_columns: dict[str, gr.Column] = {}
        self.groups: dict[str, gr.Column] = {}
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320):
                self._draw_inputs()
            with gr.Column(scale=6, min_width=320, elem_id="result"):
                self._draw_result()
        self._wire(page)
        self._wire_endpoint()

    def _draw_inputs(self) -> None:
        specs_ = list(specs.METHODS.values())
        first = specs_[0]
        contents, styles = content_examples(), style_examples()
        with gr.Row():
            with gr.Column(min_width=150):
                self.content = picture_input(
                    value=contents[0],
                    label=t(i18n.CONTENT),
                    sources=["upload", "webcam", "clipboard"],
                    buttons=["fullscreen"],
                    height=250,
                    elem_id="content",
                )
                self._gallery(
                    contents, contents, self.content, i18n.CONTENT_EXAMPLES, "content-examples"
                )
            for spec in specs_:
                if spec.style == "trained":
                    with gr.Column(min_width=150, visible=spec is first) as column:
                        self.trained[spec.id] = self._draw_trained(spec)
                    self.trained_columns[spec.id] = column
            with gr.Column(min_width=150, visible=first.style == "image") as self.style_column:
                self.style = picture_input(
                    value=styles[0] if styles else None,
                    label=t(i18n.STYLE),
                    sources=["upload", "clipboard"],
                    buttons=["fullscreen"],
                    height=250,
                    elem_id="style",
                )
                self._gallery(styles, styles, self.style, i18n.STYLE_EXAMPLES, "style-examples")
        self.method = gr.Dropdown(
            [(t(spec.title), spec.id) for spec in specs_],
            value=first.id,
            label=t(i18n.METHOD),
            info=t(first.summary),
            filterable=False,
            elem_id="method",
        )
        shared: dict[str, Component] = {
            k.name: controls.widget(k, k.name) for k in specs.knobs(Params)
        }
        for spec in specs_:
            with gr.Column(visible=spec is first) as self.groups[spec.id]:
                self.methods[spec.id] = controls.build(spec, shared)
        self._draw_more_styles(first)

    def _draw_trained(self, spec: MethodSpec) -> gr.Dropdown:
        """The trained styles of a method: their names, and a picture of each to click on."""
        entries = trained_styles(spec.id)
        names = gr.Dropdown(
            [(style_label(entry), entry.name) for entry in entries],
            value=entries[0].name if entries else None,
            label=t(i18n.TRAINED_STYLE),
            interactive=True,
            elem_id=f"{spec.id}-style",
        )
        shown = {
            entry.name: weights.PRETRAINED / entry.about["picture"]
            for entry in entries
            if "picture" in entry.about
        }
        labels = [style_label(entry) for entry in entries if entry.name in shown]
        gallery = self._gallery(
            list(shown.values()),
            list(shown),
            names,
            i18n.TRAINED_STYLE,
            f"{spec.id}-styles",
            labels,
        )
        if gallery:
            order = list(shown)

            def mark(name: str) -> Any:
                return gr.update(selected_index=order.index(name) if name in order else None)

            names.input(
                mark, names, gallery, show_progress="hidden", queue=False, api_visibility="private"
            )
        return names

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

    def _draw_result(self) -> None:
        self.stage = gr.ImageSlider(
            label=t(i18n.RESULT),  # type: ignore[arg-type]
            interactive=False,
            buttons=["fullscreen"],
            elem_id="stage",
        )
        self.status = gr.HTML(
            status(both(i18n.IDLE)), elem_id="status", container=False, padding=False
        )
        with gr.Row(elem_id="actions"):
            self.go = gr.Button(
                t(i18n.STYLISE), variant="primary", scale=3, min_width=90, elem_id="go"
            )
            self.stop = gr.Button(
                t(i18n.STOP),
                variant="secondary",
                interactive=False,
                scale=1,
                min_width=70,
                elem_id="stop",
            )
            self.download = gr.DownloadButton(
                t(i18n.DOWNLOAD),  # type: ignore[arg-type]
                interactive=False,
                scale=2,
                min_width=90,
                elem_id="download",
            )

    def _gallery(
        self,
        files: Sequence[Path],
        values: Sequence[Any],
        target: Component,
        label: Text,
        elem_id: str,
        names: Sequence[str] | None = None,
    ) -> gr.Gallery | None:
        """Thumbnails of `files`; a click gives `target` the value that belongs to the one.

        Args:
            names: what a screen reader says of each; without them the files' names.
        """
        if not files:
            return None
        thumbs = []
        for file, name in zip(files, names or [file.stem for file in files], strict=True):
            picture = media.open_picture(file)
            thumbs.append((ImageOps.fit(picture, (THUMB_SIDE, THUMB_SIDE)), name))
        gallery = gr.Gallery(
            thumbs,
            label=t(label),
            show_label=False,
            container=False,
            columns=min(6, max(4, len(files))),
            height="auto",
            object_fit="cover",
            allow_preview=False,
            interactive=False,
            buttons=[],
            elem_id=elem_id,
            elem_classes="thumbs",
        )

        def choose(event: gr.SelectData) -> Any:
            known = isinstance(event.index, int) and 0 <= event.index < len(values)
            return values[event.index] if known else gr.skip()

        gallery.select(
            choose, None, target, show_progress="hidden", queue=False, api_visibility="private"
        )
        return gallery

    # --- events ---

    def _wire(self, page: gr.Blocks) -> None:
        quick: dict[str, Any] = {
            "queue": False,
            "show_progress": "hidden",
            "api_visibility": "private",
        }
        for box, what in [
            (self.content, "photograph"),
            *((slot.picture, "style picture") for slot in self.slots),
        ]:
            # In the queue, since a generator outside it is asked for its first answer alone.
            box.upload(checker(what), box, box, **(quick | {"queue": True}), concurrency_limit=None)
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
            **quick,
        )
        buttons = [self.go, self.stop]
        inputs: set[Component] = {self.content, self.method, *self.trained.values()}
        for slot in self.slots:
            inputs |= {slot.picture, slot.weight}
        for method in self.methods.values():
            inputs |= set(method.widgets.values())
        # A telephone shows the picture and the buttons far apart.
        self.go.click(
            None,
            js="() => {document.getElementById('stage').scrollIntoView("
            "{behavior: 'smooth', block: 'nearest'})}",
            api_visibility="private",
        )
        started = self.go.click(self._begin, None, [*buttons, self.status], **quick)
        ran = started.success(
            self._run,
            inputs,
            [self.stage, self.status, self.download],
            postprocess=False,  # which would save every preview as a file
            show_progress="hidden",
            concurrency_limit=JOBS,
            concurrency_id="engine",
            api_visibility="private",
        )
        # Gradio runs what hangs on `then` only after a success.
        ran.success(self._end, None, buttons, **quick)
        ran.failure(self._fail, None, [*buttons, self.status], **quick)
        self.stop.click(self._stop, None, [self.stop], **quick)
        page.unload(self._leave)

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

    def _begin(self, request: gr.Request) -> list[Any]:
        """Before the job waits in line, so that Stop works from the first moment."""
        self.jobs[request.session_hash] = threading.Event()
        return [
            gr.update(interactive=False),
            gr.update(interactive=True),
            status(both(i18n.STARTING), done=0.0),
        ]

    def _end(self, request: gr.Request) -> list[Any]:
        self.jobs.pop(request.session_hash, None)
        return [gr.update(interactive=True), gr.update(interactive=False)]

    def _fail(self, request: gr.Request) -> list[Any]:
        return [*self._end(request), status(both(i18n.FAILED))]

    def _stop(self, request: gr.Request) -> Any:
        if request.session_hash in self.jobs:
            self.jobs[request.session_hash].set()
        return gr.update(interactive=False)

    def _leave(self, request: gr.Request) -> None:
        """The page was closed: nobody waits for this job any more."""
        if cancel := self.jobs.pop(request.session_hash, None):
            cancel.set()

    def _run(self, values: dict[Component, Any], request: gr.Request) -> Iterator[dict[Any, Any]]:
        cancel = self.jobs.get(request.session_hash) or threading.Event()
        with toasts(html.escape):
            spec = specs.get_spec(values[self.method])
            params = self.methods[spec.id].params(values)
            pictures = [
                (values[slot.picture], values[slot.weight])
                for slot in self.slots[: spec.max_styles]
            ]
            trained = values[self.trained[spec.id]] if spec.id in self.trained else None
            content = values[self.content]
            job = make_request(spec, content, make_styles(spec, pictures, trained), params)
            photograph = media.fit(job.content, params.size)
            size, clock = photograph.size, Clock(photograph.size)
            # Gradio has its own copies of what was yielded from here once the generator goes on.
            with tempfile.TemporaryDirectory() as folder:
                before = Path(folder) / "photograph.jpg"
                media.save_picture(photograph, before)
                last, shown = None, -math.inf
                if getattr(params, "network", None) == "vgg19" and not weights.has_vgg19():
                    yield {self.status: status(both(i18n.FETCHING), done=0.0)}
                for last in paint(self.engine, job, cancel):
                    left = clock.left(last)
                    now = time.monotonic()
                    if now - shown >= PREVIEW_EVERY and last.i < last.n:
                        shown = now
                        yield {
                            self.stage: slider_data(before, jpeg(last.picture(), size)),
                            self.status: working(last, left),
                        }
                if last is None:
                    yield {self.status: status(both(i18n.STOPPED_EARLY))}
                    return
                used = [trained] if trained else [path for path, _ in pictures[:1]]
                after = Path(folder) / file_name(spec.id, content, *used)
                media.save_picture(last.result(), after)
                file = FileData(path=str(after), orig_name=after.name)
                yield {
                    self.stage: slider_data(before, after),
                    self.status: finished(last, size),
                    self.download: gr.update(value=file.model_dump(), interactive=True),
                }

    # --- the endpoint ---

    def _wire_endpoint(self) -> None:
        with gr.Column(visible=False):
            inputs = [
                picture_input(label="content: the photograph"),
                picture_input(label="style: the style picture, for methods that take one"),
                gr.Textbox(
                    next(iter(specs.METHODS)), label=f"method: one of {', '.join(specs.METHODS)}"
                ),
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
            last, shown = None, time.monotonic()
            for last in paint(self.engine, job, threading.Event()):
                if time.monotonic() - shown >= PREVIEW_EVERY and last.i < last.n:
                    shown = time.monotonic()
                    yield None, {"step": last.i, "steps": last.n, "seconds": last.seconds}
            assert last is not None  # nothing sets this job's cancel
            with tempfile.TemporaryDirectory() as folder:
                used = [trained_style] if spec.style == "trained" else paths[:1]
                after = Path(folder) / file_name(spec.id, content, *used)
                media.save_picture(last.result(), after)
                yield str(after), last.facts(spec.id)


def checker(what: str) -> Callable[[str | None], Iterator[Any]]:
    """What happens on an upload: a file that is no picture is put out again, with a sentence."""

    def check(path: str | None) -> Iterator[Any]:
        with toasts(html.escape):
            try:
                picture = media.open_picture(path or b"", what)
            except StyleSwapError:
                yield None
                raise
            assert path is not None
            if Path(path).suffix.lower() not in (".tif", ".tiff"):
                yield gr.skip()
                return
            # No browser shows these.
            with tempfile.TemporaryDirectory() as folder:
                shown = Path(folder) / f"{Path(path).stem}.png"
                media.save_picture(picture, shown)
                yield shown

    return check


def trained_styles(method: str) -> list[weights.Entry]:
    """The trained styles of a method; none where no weights are installed."""
    try:
        return [entry for entry in weights.styles() if entry.about.get("method") == method]
    except StyleSwapError as error:
        logger.warning("%s", error)
        return []


def style_label(entry: weights.Entry) -> str:
    """A trained style as a person knows it: title, artist and year."""
    facts = [str(entry.about[key]) for key in ("artist", "year") if entry.about.get(key)]
    return " · ".join([entry.title, ", ".join(facts)] if facts else [entry.title])
