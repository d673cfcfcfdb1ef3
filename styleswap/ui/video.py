"""The tab that repaints a video, and the endpoint ``/video``."""

from __future__ import annotations

import contextlib
import math
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from gradio.data_classes import FileData
from PIL import Image

from styleswap import limits, movie, probe, specs
from styleswap import video as files
from styleswap.errors import StyleSwapError
from styleswap.media import Pixels
from styleswap.movie import VideoProgress, VideoRequest
from styleswap.request import Stopped, StyleChoice
from styleswap.specs import MethodSpec
from styleswap.ui import endpoints, i18n, line, link
from styleswap.ui.boxes import VideoBox, picture_input
from styleswap.ui.choice import Choice
from styleswap.ui.examples import THUMB_SIDE, clip_examples, small
from styleswap.ui.i18n import both, t
from styleswap.ui.stage import (
    PREVIEW_EVERY,
    QUICK,
    Stage,
    file_name,
    inline,
    jpeg,
    status,
    time_cap,
    toasts,
)
from styleswap.ui.styles import make_styles
from styleswap.ui.tiles import tiles

if TYPE_CHECKING:
    from styleswap.engine import Engine

# While the result plays, the video that it was made from plays in step, without its sound.
IN_STEP = """() => {
  const follow = (event) => {
    const film = event.target;
    if (!(film instanceof HTMLVideoElement) || !film.closest('#video-stage')) return;
    const first = document.querySelector('#video-content video');
    if (!first) return;
    const from = document.querySelector('#video-status [data-from]');
    const at = film.currentTime + (from ? Number(from.dataset.from) : 0);
    first.muted = true;
    first.playbackRate = film.playbackRate;
    if (Math.abs(first.currentTime - at) > (film.paused ? 0.01 : 0.15)) first.currentTime = at;
    if (film.paused || film.ended) first.pause();
    else if (first.paused) first.play().catch(() => {});
  };
  for (const name of ['play', 'pause', 'seeked', 'ratechange', 'timeupdate', 'ended'])
    document.addEventListener(name, follow, true);
}"""


# Gradio's box takes what the browser has for a video, of which it knows few kinds, and says in red
# of what it cannot play that it is not playable. It has no setting for either; once it does, this
# can go. The server says of each file whether it is a video, and the poster shows what it is.
TAKES_ALL = """() => {
  const types = 'video/*,.gif,.webp,.apng,.png,.avi,.flv,.m2ts,.mkv,.mpg,.mts,.mxf,.ts,.vob,.wmv';
  const inBox = (event) => event.target.closest?.('#video-content');
  const known = (file) => file.type.startsWith('video/');
  const allKnown = (files) => [...files].every(known);
  const asVideos = (files) => {
    const held = new DataTransfer();
    for (const file of files)
      held.items.add(known(file) ? file : new File([file], file.name, {type: 'video/mp4'}));
    return held;
  };
  document.addEventListener('click', (event) => {
    const input = inBox(event)?.querySelector('input[type="file"]');
    if (input) input.accept = types;
  }, true);
  document.addEventListener('change', (event) => {
    const input = event.target;
    if (inBox(event) && input.type === 'file' && !allKnown(input.files))
      input.files = asVideos(input.files).files;
  }, true);
  document.addEventListener('drop', (event) => {
    const files = event.dataTransfer?.files ?? [];
    if (!inBox(event) || allKnown(files)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const dataTransfer = asVideos(files);
    const again = new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer});
    event.target.dispatchEvent(again);
  }, true);
  document.addEventListener('error', (event) => {
    if (event.target instanceof HTMLVideoElement && inBox(event)) event.stopImmediatePropagation();
  }, true);
}"""
POSTER = """(picture) => {
  const film = document.querySelector('#video-content video');
  if (film) film.poster = picture;
}"""
POSTER_SIDE = 480


def make_request(
    spec: MethodSpec,
    content: str | None,
    styles: Sequence[StyleChoice],
    settings: Mapping[str, Any],
) -> VideoRequest:
    """A job out of the video's path, the styles, and settings of the method and the video."""
    if not content:
        raise StyleSwapError("There is no video yet; choose or upload one.")
    params, own = specs.make_frame_params(spec, specs.VideoParams, "A video", settings)
    clip = probe.open_clip(content, cancel=line.cancel())
    job = VideoRequest(clip, spec.id, styles, params, own)
    length = float(clip.time(job.chosen.stop) - clip.time(job.chosen.start))
    if length > limits.now().clip:
        raise StyleSwapError(
            f"{length:.0f} s of a video are asked for, and {limits.now().clip:g} s are the most;"
            " choose a part of it by start and end."
        )
    return job


def film(
    engine: Engine, job: VideoRequest, target: Path, cancel: threading.Event
) -> Iterator[VideoProgress]:
    """`movie.restyle` that also ends once `time_cap` seconds of work are over."""
    restyled = movie.restyle(engine, job, target, cancel)
    with ended_in_time(cancel), contextlib.closing(restyled) as steps:  # type: ignore[type-var]
        for progress in steps:
            yield progress
            if progress.seconds >= time_cap():
                cancel.set()


@contextlib.contextmanager
def ended_in_time(cancel: threading.Event) -> Iterator[None]:
    """Set `cancel` where nothing comes of a file for longer than a job may take."""
    timer = threading.Timer(time_cap() + limits.now().reading, cancel.set)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class VideoStage(Stage):
    """Shows the frame that was repainted last, and in the end the whole video."""

    def _draw(self) -> list[Component]:
        with gr.Column(elem_id=self.id, elem_classes=["stage", "films"], min_width=200):
            self.preview = gr.Image(
                label=t(i18n.PREVIEW),
                interactive=False,
                buttons=[],
                elem_id=f"{self.id}-preview",
            )
            self.film = gr.Video(
                label=t(i18n.RESULT_VIDEO),
                interactive=False,
                visible=False,
                buttons=[],
                elem_id=f"{self.id}-film",
            )
        return [self.preview, self.film]

    def show_frame(self, pixels: Pixels) -> dict[Any, Any]:
        """What shows one frame."""
        picture = Image.fromarray(pixels)
        shown = inline(jpeg(picture, picture.size)).model_dump()
        return {
            self.preview: gr.update(value=shown, visible=True),
            self.film: gr.update(visible=False),
        }

    def show(
        self, engine: Engine, job: VideoRequest, cancel: threading.Event, name: str
    ) -> Generator[dict[Any, Any]]:
        """Do a job, and yield what the stage shows of it; `name` is of the file."""
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / f"result{Path(name).suffix}"
            last, shown = None, -math.inf
            for last in film(engine, job, target, cancel):
                now = time.monotonic()
                if now - shown >= PREVIEW_EVERY and last.i < last.n:
                    shown = now
                    yield self.show_frame(last.picture) | {self.status: working(last)}
            if last is None:
                yield {self.status: status(both(i18n.STOPPED_EARLY))}
                return
            file = FileData(path=str(target), orig_name=name).model_dump()
            yield {
                self.preview: gr.update(visible=False),
                self.film: gr.update(value=file, visible=True),
                self.status: finished(last, job),
                self.download: gr.update(value=file, interactive=True),
            }


def working(progress: VideoProgress) -> str:
    """The status of a video that is under way."""
    line = both(i18n.FRAME, i=progress.i, n=progress.n)
    left = both(i18n.LEFT, time=i18n.duration(progress.left))
    pace = both(i18n.PACE, pace=progress.pace)
    return status(f"{line} · {left}", pace, progress.i / progress.n)


def finished(progress: VideoProgress, job: VideoRequest) -> str:
    """The status of a video that is there, and why it ended where that was early."""
    width, height = job.size
    facts = {"i": progress.i, "n": progress.n}
    if progress.i == progress.n:
        line = both(i18n.DONE, time=i18n.duration(progress.seconds), width=width, height=height)
    elif progress.seconds >= time_cap():
        line = both(i18n.VIDEO_CAPPED, minutes=f"{limits.now().minutes:g}", **facts)
    else:
        line = both(i18n.VIDEO_STOPPED, **facts)
    begin = float(job.clip.time(job.chosen.start))
    pace = f'<span data-from="{begin:.4f}">{both(i18n.PACE, pace=progress.pace)}</span>'
    return status(line, pace, 1.0)


class VideoTab:
    """The tab's widgets and what happens on them; drawn where it is constructed."""

    def __init__(self, page: gr.Blocks, engine: Engine) -> None:
        self.engine = engine
        self.specs = specs.stylisers()
        self.choice = Choice(self.specs, specs.VideoParams, "video-")
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320):
                self._draw_inputs()
            with gr.Column(scale=6, min_width=320, elem_classes=["result", "first"]):
                self.stage = VideoStage(
                    i18n.STYLISE, i18n.VIDEO_IDLE, i18n.DOWNLOAD_VIDEO, "video-"
                )
        self._wire(page)
        self._wire_endpoint()
        self.link = self.choice.link({"content": link.example(self.content, clip_examples())})

    def _draw_inputs(self) -> None:
        clips = clip_examples()
        with gr.Row():
            with gr.Column(min_width=150):
                self.content = VideoBox(
                    value=str(clips[0]) if clips else None,
                    label=t(i18n.VIDEO),
                    sources=["upload", "webcam"],
                    include_audio=True,
                    height=250,
                    buttons=[],
                    elem_id="video-content",
                )
                tiles(
                    [small(first_picture(clip)) for clip in clips],
                    [str(clip) for clip in clips],
                    [clip.stem for clip in clips],
                    self.content,
                    i18n.VIDEO_EXAMPLES,
                    "video-examples",
                )
            self.choice.draw_style()
        self.poster = gr.Textbox(visible="hidden")
        self.choice.draw_method()
        self.slow = gr.HTML(
            f'<p class="fine">{both(i18n.SLOW_VIDEO)}</p>',
            visible=False,
            container=False,
            elem_id="video-slow",
        )

    # --- events ---

    def _wire(self, page: gr.Blocks) -> None:
        self.content.upload(
            self._check,
            self.content,
            [self.content, self.poster],
            **(QUICK | {"queue": True}),
            concurrency_limit=None,
        ).then(None, self.poster, None, js=POSTER, api_visibility="private")
        self.choice.method.change(
            lambda method: gr.update(visible=specs.get_spec(method).pace != "live"),
            self.choice.method,
            self.slow,
            **QUICK,
        )
        inputs: set[Component] = {self.content, *self.choice.inputs}
        self.stage.wire(page, self._work, inputs, [])
        changes = [self.content, *self.choice.looks]
        gr.on(
            [box.change for box in changes],  # type: ignore[attr-defined]
            self._preview,
            inputs,
            [*self.stage.shown, self.stage.status],
            postprocess=False,
            show_progress="hidden",
            trigger_mode="always_last",
            concurrency_limit=None,
            concurrency_id=line.QUICK,
            api_visibility="private",
        )
        page.load(None, js=IN_STEP)
        page.load(None, js=TAKES_ALL)

    def _check(self, path: str | None) -> Iterator[Any]:
        """On an upload: a file that is no video is put out again, with a sentence; of others the
        first frame is shown, if the browser shows none."""
        with toasts(str):
            try:
                clip = probe.open_clip(path or "", cancel=line.cancel())
                picture = first_of(clip, POSTER_SIDE)
            except StyleSwapError:
                yield None, ""
                raise
            yield gr.skip(), inline(jpeg(picture, picture.size)).url

    def _job(self, values: dict[Component, Any]) -> tuple[VideoRequest, str | None]:
        """What the widgets ask for, and the style's name or path."""
        c = self.choice.chosen(values)
        job = make_request(c.spec, values[self.content], make_styles(c.spec, c.styles), c.settings)
        return job, c.styles[0][0] if c.styles else None

    def _preview(
        self, values: dict[Component, Any], request: gr.Request
    ) -> Iterator[dict[Any, Any]]:
        """A stylised first frame, where nobody has to wait long for it."""
        if request.session_hash in self.stage.jobs or not values[self.content]:
            return
        if specs.get_spec(values[self.choice.method]).pace != "live":
            return
        # What is missing or wrong is said when the person starts the video.
        with contextlib.suppress(StyleSwapError, Stopped):
            job, _ = self._job(values)
            cancel = line.cancel()
            with ended_in_time(cancel):
                frame = movie.first_frame(self.engine, job, cancel)
            # A job may have begun meanwhile.
            if request.session_hash not in self.stage.jobs:
                yield self.stage.show_frame(frame) | {
                    self.stage.status: status(both(i18n.FIRST_FRAME))
                }

    def _work(
        self, values: dict[Component, Any], cancel: threading.Event
    ) -> Iterator[dict[Any, Any]]:
        job, style = self._job(values)
        name = Path(file_name(job.method, values[self.content], style)).with_suffix(".mp4").name
        yield from self.stage.show(self.engine, job, cancel, name)

    # --- the endpoint ---

    def _wire_endpoint(self) -> None:
        own = specs.VideoParams
        with gr.Column(visible=False):
            endpoints.publish(
                "video",
                "Repaint a video in a style, with its sound: a trained style, by its name, or a"
                " picture of the caller's. Gives an MP4 and its method, frames, frames a second"
                " before and after, width, height, sound, seconds of work and milliseconds a"
                " frame. A caller that listens is first told the frame, with a null for the video.",
                self._video,
                {
                    "content": endpoints.picture(VideoBox(), "The video."),
                    "trained_style": endpoints.trained_style(self.specs),
                    "style": endpoints.picture(
                        picture_input(), "The style picture, for methods that take one."
                    ),
                    "method": endpoints.method(self.specs),
                    "settings": endpoints.settings(
                        {"every method": specs.knobs(own)}
                        | {s.id: specs.frame_knobs(s, own) for s in self.specs}
                    ),
                    **endpoints.further_styles(self.specs),
                },
                [gr.File(label="video"), gr.JSON(label="facts")],
            )

    def _video(
        self,
        content: str | None,
        trained_style: str | None = None,
        style: str | None = None,
        method: str | None = None,
        settings: dict[str, Any] | None = None,
        style_2: str | None = None,
        style_3: str | None = None,
        style_4: str | None = None,
        weights: list[float] | None = None,
        mix_with: list[str] | None = None,
    ) -> Iterator[tuple[str | None, dict[str, Any]]]:
        with toasts(str):
            spec = endpoints.method_for(method, trained_style)
            if not isinstance(settings or {}, Mapping):
                raise StyleSwapError("settings must be an object of names and values.")
            pictures = [style, style_2, style_3, style_4]
            chosen = endpoints.all_styles(spec, pictures, trained_style, mix_with, weights)
            job = make_request(spec, content, make_styles(spec, chosen), settings or {})
            with tempfile.TemporaryDirectory() as folder:
                target = (Path(folder) / file_name(spec.id, trained_style)).with_suffix(".mp4")
                last, shown = None, time.monotonic()
                for last in film(self.engine, job, target, line.cancel()):
                    if time.monotonic() - shown >= PREVIEW_EVERY and last.i < last.n:
                        shown = time.monotonic()
                        yield None, {"frame": last.i, "frames": last.n, "seconds": last.seconds}
                if last is None:
                    raise StyleSwapError("The job was ended before its first frame.")
                yield str(target), {"method": spec.id, **movie.facts(job, target, last)}


def first_picture(clip: Path) -> Image.Image:
    """What a clip is known by among others: its first frame, which is there at once."""
    return first_of(files.open_clip(clip), THUMB_SIDE * 2)


def first_of(clip: files.Clip, longest: int) -> Image.Image:
    """The first frame of a clip, with a longer side of at most `longest`."""
    with contextlib.closing(files.read_frames(clip, range(1), clip.fitted(longest))) as frames:
        return Image.fromarray(next(frames)[1])
