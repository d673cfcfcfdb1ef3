"""From video to video: reading, repainting and writing at the same time.

    reading: decode, scale, find the motion, steady what was filmed | repainting | writing: steady
    what was painted, encode

Each of the three runs in a thread of its own, a few frames ahead of the next: memory does not grow
with the video's length.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from styleswap import video
from styleswap.media import Pixels
from styleswap.request import Stopped, StyleChoice
from styleswap.specs import Params, VideoParams
from styleswap.steady import Finder, Motion, Steady
from styleswap.video import Clip

if TYPE_CHECKING:
    from styleswap.engine import Engine

T = TypeVar("T")

# x264's constant rate factors: paint has more detail than what is filmed.
QUALITIES = {"small": 26, "good": 21, "best": 16}
# How much less than others the threads press that read and write; 19 is the most.
NICE = 10
# Frames that may wait between two of the threads.
ROOM = 4


@dataclass(frozen=True)
class VideoRequest:
    """A video to make: the method with its styles and settings, and the video's own settings."""

    clip: Clip
    method: str
    styles: Sequence[StyleChoice]
    params: Params
    video: VideoParams

    @property
    def chosen(self) -> range:
        """The frames that are repainted."""
        return self.clip.between(self.video.start, self.video.end)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result."""
        return self.clip.fitted(self.video.size)


@dataclass(frozen=True)
class VideoProgress:
    """How far a video is.

    Attributes:
        i, n: frames done, and frames in all.
        seconds: since the job began.
        picture: the frame that was repainted last, (H, W, 3).
    """

    i: int
    n: int
    seconds: float
    picture: Pixels

    @property
    def pace(self) -> float:
        """Frames a second."""
        return self.i / self.seconds if self.seconds else 0.0

    @property
    def left(self) -> float:
        """Seconds that the rest takes at this pace."""
        return (self.n - self.i) * self.seconds / self.i


@dataclass(frozen=True)
class _Filmed:
    """A frame as it is repainted: its number, its pixels, and how it came out of the one before."""

    k: int
    pixels: Pixels
    motion: Motion | None


def first_frame(engine: Engine, request: VideoRequest, cancel: threading.Event) -> Pixels:
    """The first chosen frame, repainted.

    Raises:
        StyleSwapError: as `restyle`.
        Stopped: `cancel` was set while waiting for the device.
    """
    painter = engine.painter(request.method, request.size, request.styles, request.params, cancel)
    with contextlib.closing(
        video.read_frames(request.clip, request.chosen, request.size, cancel)
    ) as frames:
        _, pixels = next(frames, (0, None))
    if pixels is None:
        raise Stopped
    (result,) = painter.paint([pixels])
    return result


def restyle(
    engine: Engine, request: VideoRequest, target: Path, cancel: threading.Event | None = None
) -> Iterator[VideoProgress]:
    """Make a video; yields after each frame, or batch of frames, and once more when it is written.

    Setting `cancel` ends the video at the next frame: what is done by then is a whole file. Closing
    the generator before its end leaves no file.

    Raises:
        StyleSwapError: as `Engine.run`, `video.read_frames` and `video.writing`.
    """
    began = time.monotonic()
    last = None
    with contextlib.suppress(Stopped):
        for last in _restyled(engine, request, target, cancel or threading.Event(), began):
            yield last
    if last:
        yield replace(last, seconds=time.monotonic() - began)


def _restyled(
    engine: Engine, request: VideoRequest, target: Path, cancel: threading.Event, began: float
) -> Iterator[VideoProgress]:
    chosen, size = request.chosen, request.size
    painter = engine.painter(request.method, size, request.styles, request.params, cancel)
    crf, done = QUALITIES[request.video.quality], 0
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(video.writing(target, request.clip, chosen, size, crf))
        steady = Steady(request.video.steady, Finder()) if request.video.steady else None
        painted = stack.enter_context(Behind())
        filmed = stack.enter_context(contextlib.closing(ahead(_filmed(request, steady, cancel))))

        def write(frame: _Filmed, pixels: Pixels) -> None:
            writer.add(frame.k, steady.painted(pixels, frame.motion) if steady else pixels)

        while frames := list(itertools.islice(filmed, painter.batch)):
            try:
                results = painter.paint([frame.pixels for frame in frames])
            except Stopped:
                return
            for frame, result in zip(frames, results, strict=True):
                painted.give(write, frame, result)
            done += len(frames)
            yield VideoProgress(done, len(chosen), time.monotonic() - began, results[-1])
            if cancel.is_set():
                return


def _filmed(
    request: VideoRequest, steady: Steady | None, cancel: threading.Event
) -> Iterator[_Filmed]:
    """The frames, with their motion and less noise where they are to be steady."""
    for k, pixels in video.read_frames(request.clip, request.chosen, request.size, cancel):
        yield _Filmed(k, *(steady.filmed(pixels) if steady else (pixels, None)))


def helper() -> ThreadPoolExecutor:
    """A thread that lets the network's go first, which wait for one another at every layer."""

    def give_way() -> None:
        if sys.platform == "linux":  # elsewhere threads have no priority of their own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)

    return ThreadPoolExecutor(1, initializer=give_way)


def ahead(items: Iterator[T]) -> Generator[T]:
    """The same items, taken in a thread up to `ROOM` before they are asked for."""
    end = object()
    with helper() as pool:
        waiting: deque[Future[Any]] = deque(pool.submit(next, items, end) for _ in range(ROOM))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(pool.submit(next, items, end))
                yield item
        finally:
            pool.shutdown(cancel_futures=True)


class Behind:
    """Calls functions one after the other in a thread; at most `ROOM` wait there.

    What one of them raises comes up where the next is given, or in the end. A block that is left by
    a fault does not wait for those that have not begun.
    """

    def __init__(self) -> None:
        self._pool = helper()
        self._waiting: deque[Future[None]] = deque()

    def give(self, function: Any, *args: Any) -> None:
        """Have it called; waits while too many do."""
        if len(self._waiting) == ROOM:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(function, *args))

    def __enter__(self) -> Behind:
        return self

    def __exit__(self, kind: type[BaseException] | None, *fault: object) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)
        if kind is None:
            for call in self._waiting:
                call.result()


def facts(request: VideoRequest, target: Path, last: VideoProgress) -> dict[str, Any]:
    """The numbers of a video that was made, for ``--json`` and the API."""
    made = video.open_clip(target)
    width, height = made.size
    return {
        "frames": len(made.ticks),
        "fps_in": str(request.clip.rate),
        "fps_out": str(made.rate),
        "width": width,
        "height": height,
        "audio": made.sound,
        "seconds": round(last.seconds, 3),
        "ms_per_frame": round(1000 * last.seconds / last.i, 2),
    }


def warping_errors(request: VideoRequest, target: Path) -> dict[str, float]:
    """How a video that was made flickers: see `styleswap.metrics.warping_error`.

    Returns:
        ``warping_error`` of the result and ``warping_error_content`` of what it was made from.
    """
    from styleswap import metrics  # torch and scikit-image, which no page needs to make a video

    chosen, size = request.chosen, request.size
    made = video.open_clip(target)
    filmed = (pixels for _, pixels in video.read_frames(request.clip, chosen, size))
    results = (pixels for _, pixels in video.read_frames(made, made.between(0, 0), size))
    content, result = metrics.warping_error(zip(filmed, results, strict=False))
    return {"warping_error": result, "warping_error_content": content}
