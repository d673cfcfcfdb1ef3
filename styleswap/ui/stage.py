"""Where a tab's result appears: the picture before and after, how far the work is, its buttons, and
the jobs that they start and stop."""

from __future__ import annotations

import abc
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
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from gradio.components.imageslider import SliderData
from gradio.data_classes import FileData, ImageData
from PIL import Image

from styleswap import limits, media
from styleswap.errors import FULL, StyleSwapError, for_strangers, is_full
from styleswap.request import Request, sized
from styleswap.specs import Text
from styleswap.ui import i18n, line
from styleswap.ui.i18n import both, t

if TYPE_CHECKING:
    from styleswap.engine import Engine, Progress

# Pages that are known to have begun a job: whoever asks for one need not ever come back.
MOST_PAGES = 1000
# Seconds between two previews.
PREVIEW_EVERY = 0.5
# Longer side of a preview, in pixels; it travels inside the event, not as a file.
PREVIEW_SIDE = 1024

# Of events that take no time: they need not wait in line.
QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

logger = logging.getLogger(__name__)


def time_cap() -> float:
    """Seconds of work after which a job ends as if it had been stopped: others wait for the
    device."""
    return 60 * limits.now().minutes


def paint(engine: Engine, request: Request, cancel: threading.Event) -> Iterator[Progress]:
    """`Engine.run` that also ends once `time_cap` seconds of work are over."""
    with contextlib.closing(engine.run(request, cancel)) as steps:  # type: ignore[type-var]
        for progress in steps:
            yield progress
            if progress.seconds >= time_cap():
                return


def answers(
    steps: Iterator[Progress],
) -> Generator[tuple[None, dict[str, Any]], None, Progress]:
    """What an endpoint answers while a job is done: no picture yet, and the step; gives the job's
    last state."""
    last, shown = None, time.monotonic()
    for last in steps:
        if time.monotonic() - shown >= PREVIEW_EVERY and last.i < last.n:
            shown = time.monotonic()
            yield None, {"step": last.i, "steps": last.n, "seconds": last.seconds}
    if last is None:
        raise StyleSwapError("The job was ended before its first step.")
    return last


@contextlib.contextmanager
def toasts(escape: Callable[[str], str]) -> Iterator[None]:
    """Turn every fault into Gradio's error of one sentence; bugs go to the log, whole.

    Args:
        escape: what makes a sentence fit for where it is shown. It may quote what a person sent.
    """
    try:
        yield
    except StyleSwapError as error:
        sentence = for_strangers(error)
        if sentence != str(error):  # the owner may need to know the place
            logger.warning("%s", error)
        raise gr.Error(escape(sentence), print_exception=False) from None
    except Exception as fault:
        if is_full(fault):
            raise gr.Error(escape(FULL), print_exception=False) from None
        logger.exception("a bug")
        raise gr.Error(escape(i18n.BUG.en), print_exception=False) from None


def file_name(method: str, *pictures: str | None) -> str:
    """A name for the result: ``photo-style-gatys.png``."""
    stems = [re.sub(r"[^\w]+", "-", Path(p).stem).strip("-_")[:40] for p in pictures if p]
    return "-".join([stem for stem in stems if stem] + [method]) + ".png"


def slider_data(before: Path, after: Path | bytes) -> dict[str, Any]:
    """What the image slider in the browser takes: two files, or a file and the bytes of a JPEG."""
    if isinstance(after, bytes):  # a preview: not a file each
        shown = inline(after)
    else:
        shown = ImageData(path=str(after), orig_name=after.name)
    first = ImageData(path=str(before), orig_name=before.name)
    payload: dict[str, Any] = SliderData(root=(first, shown)).model_dump()
    return payload


def inline(data: bytes) -> ImageData:
    """The bytes of a JPEG as a picture that travels inside the event."""
    return ImageData(url=f"data:image/jpeg;base64,{base64.b64encode(data).decode()}")


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
    # What changes in here page.js says aloud.
    if done is None:
        bar = '<div class="bar idle"></div>'
    else:
        bar = (
            f'<label class="bar"><span class="unseen">{both(i18n.PROGRESS)}</span>'
            f'<progress max="1" value="{done:.3f}"></progress></label>'
        )
    return f'<div class="status">{bar}<p>{line}</p><p class="fine">{fine}</p></div>'


def working(
    progress: Progress, left: float | None, what: str = "", done: float | None = None
) -> str:
    """The status of a job that is under way.

    Args:
        what: HTML that comes first, where the job is a part of something.
        done: how far the whole is.
    """
    parts = [what] if what else []
    parts.append(both(i18n.STEP, i=progress.i, n=progress.n))
    if left is not None:
        parts.append(both(i18n.LEFT, time=i18n.duration(left)))
    share = progress.i / progress.n if done is None else done
    return status(" · ".join(parts), losses(progress), share)


def finished(progress: Progress, size: tuple[int, int]) -> str:
    """The status of a job that has ended, and why it ended where that was early."""
    width, height = size
    if progress.i == progress.n:
        time_taken = i18n.duration(progress.seconds)
        line = both(i18n.DONE, time=time_taken, width=width, height=height)
    elif progress.seconds >= time_cap():
        line = both(i18n.CAPPED, minutes=f"{limits.now().minutes:g}", i=progress.i, n=progress.n)
    else:
        line = both(i18n.STOPPED, i=progress.i, n=progress.n)
    return status(line, losses(progress), 1.0)


def losses(progress: Progress) -> str:
    """The two distances as a line of HTML, empty for methods that have none."""
    if not {"content", "style"} <= progress.losses.keys():
        return ""
    return both(i18n.LOSSES, content=progress.losses["content"], style=progress.losses["style"])


class Stage(abc.ABC):
    """The widgets, drawn where it is constructed, and the jobs of every visitor.

    Args:
        start: what the button says that starts a job.
        idle: what is said before there was one.
        download: what the button says that hands the result over.
        prefix: of the widgets' ids.
    """

    def __init__(
        self, start: Text, idle: Text, download: Text = i18n.DOWNLOAD, prefix: str = ""
    ) -> None:
        self.jobs: dict[str | None, threading.Event] = {}
        self.id = f"{prefix}stage"
        self.shown = self._draw()
        self.status = gr.HTML(
            status(both(idle)),
            elem_id=f"{prefix}status",
            elem_classes="status-box",
            container=False,
            padding=False,
        )
        with gr.Row(elem_id=f"{prefix}actions", elem_classes="actions"):
            self.go = gr.Button(
                t(start),
                variant="primary",
                scale=3,
                min_width=90,
                elem_id=f"{prefix}go",
                elem_classes="go",
            )
            self.stop = gr.Button(
                t(i18n.STOP),
                variant="secondary",
                interactive=False,
                scale=1,
                min_width=70,
                elem_id=f"{prefix}stop",
            )
            self.download = gr.DownloadButton(
                t(download),  # type: ignore[arg-type]
                interactive=False,
                scale=2,
                min_width=90,
                elem_id=f"{prefix}download",
            )

    @abc.abstractmethod
    def _draw(self) -> list[Component]:
        """Draw where the result is shown, an element called `id`; gives what takes values."""

    def wire(
        self,
        page: gr.Blocks,
        work: Callable[[dict[Component, Any], threading.Event], Iterator[dict[Any, Any]]],
        inputs: set[Component],
        outputs: list[Component],
    ) -> None:
        """Hook the buttons up.

        Args:
            work: is given what the inputs hold, and what Stop sets; yields what changes.
            outputs: what it changes, beside the stage.
        """

        def run(values: dict[Component, Any], request: gr.Request) -> Iterator[dict[Any, Any]]:
            with toasts(html.escape):
                yield from work(values, line.cancel(self.jobs.get(request.session_hash)))

        buttons = [self.go, self.stop]
        # A telephone shows the picture and the buttons far apart.
        self.go.click(
            None,
            js=f"() => {{document.getElementById('{self.id}').scrollIntoView("
            "{behavior: 'smooth', block: 'nearest'})}",
            api_visibility="private",
        )
        started = self.go.click(self._begin, None, [*buttons, self.status], **QUICK)
        ran = started.success(
            run,
            inputs,
            [*self.shown, self.status, self.download, *outputs],
            postprocess=False,  # which would save every preview as a file
            show_progress="hidden",
            concurrency_limit=None,
            concurrency_id=line.ENGINE,
            api_visibility="private",
        )
        # Gradio runs what hangs on `then` only after a success.
        ran.success(self._end, None, buttons, **QUICK)
        ran.failure(self._fail, None, [*buttons, self.status], **QUICK)
        self.stop.click(self._stop, None, [self.stop], **QUICK)
        page.unload(self._leave)

    def _begin(self, request: gr.Request) -> list[Any]:
        """Before the job waits in line, so that Stop works from the first moment."""
        self.jobs[request.session_hash] = threading.Event()
        while len(self.jobs) > MOST_PAGES:
            self.jobs.pop(next(iter(self.jobs)))
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


class PictureStage(Stage):
    """Shows a picture before and after.

    Args:
        first: the two files that it shows at first.
    """

    def __init__(
        self,
        start: Text,
        idle: Text,
        first: tuple[Path, Path] | None = None,
        prefix: str = "",
    ) -> None:
        self.first = first
        super().__init__(start, idle, prefix=prefix)

    def _draw(self) -> list[Component]:
        self.slider = gr.ImageSlider(
            self.first and (str(self.first[0]), str(self.first[1])),
            label=t(i18n.RESULT),  # type: ignore[arg-type]
            interactive=False,
            buttons=["fullscreen"],
            elem_id=self.id,
            elem_classes="stage",
        )
        return [self.slider]

    def show(
        self,
        engine: Engine,
        job: Request,
        cancel: threading.Event,
        name: str,
        about: Mapping[str, Any],
    ) -> Generator[dict[Any, Any], None, Progress | None]:
        """Do a job, and yield what the stage shows of it; gives its last state, if there is one.

        Args:
            name: of the file that can be downloaded.
            about: what that says of how it was made.
        """
        photograph = sized(job.content, job.params)
        size, clock = photograph.size, Clock(photograph.size)
        # Gradio has its own copies of what was yielded from here once the generator goes on.
        with tempfile.TemporaryDirectory() as folder:
            before = Path(folder) / "photograph.jpg"
            media.save_picture(photograph, before)
            last, shown = None, -math.inf
            for last in paint(engine, job, cancel):
                left = clock.left(last)
                now = time.monotonic()
                if now - shown >= PREVIEW_EVERY and last.i < last.n:
                    shown = now
                    yield {
                        self.slider: slider_data(before, jpeg(last.picture(), size)),
                        self.status: working(last, left),
                    }
            if last is None:
                yield {self.status: status(both(i18n.STOPPED_EARLY))}
                return None
            # Its address must not tell what the photograph is called; the download may.
            after = Path(folder) / "result.png"
            media.save_picture(last.result(), after, about)
            file = FileData(path=str(after), orig_name=name)
            yield {
                self.slider: slider_data(before, after),
                self.status: finished(last, size),
                self.download: gr.update(value=file.model_dump(), interactive=True),
            }
            return last


def checker(what: str) -> Callable[[str | None], Iterator[Any]]:
    """What happens on an upload: a file that is no picture is put out again, with a sentence."""

    def check(path: str | None) -> Iterator[Any]:
        with toasts(html.escape):
            try:
                picture = media.open_picture(path or b"", what)
            except StyleSwapError:
                yield None
                raise
            if Path(path or "").suffix.lower() not in media.UNSHOWN:
                yield gr.skip()
                return
            # No browser shows these.
            with tempfile.TemporaryDirectory() as folder:
                shown = Path(folder) / f"{Path(path or '').stem}.png"
                media.save_picture(picture, shown)
                yield shown

    return check
