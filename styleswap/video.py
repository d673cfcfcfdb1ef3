"""A video file -> frames -> a video file, with its own timing, its colours and its sound (PyAV).

Every frame keeps its moment: a constant frame rate is an exact fraction (29.97 is 30000/1001), and
where it varies the timestamps are kept. Frames here are arrays (H, W, 3), uint8, sRGB as a player
shows them: upright, with square pixels. Nothing here imports torch.
"""

from __future__ import annotations

import bisect
import contextlib
import errno
import functools
import itertools
import math
import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import av.filter
import cv2
import numpy as np
from av.error import FFmpegError, InvalidDataError
from av.format import Flags
from av.stream import Disposition
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray
from PIL import Image

from styleswap import hdr, media
from styleswap.errors import StyleSwapError
from styleswap.media import Pixels

# The largest frame that is decoded.
LONGEST_SIDE = 4096
MOST_PIXELS = 4096 * 2304
# The most frames of a file: two hours at 60 a second.
MOST_FRAMES = 432_000
# The longest clip that becomes a GIF, in seconds: it has no better compression than pictures do.
LONGEST_GIF = 30

# What FFmpeg may take a file for. Its playlists are not among them: they name other files, and a
# stranger's would read this machine's.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,gif,ogg,asf,h264,"
    "hevc,m4v,av1,obu,ivf,nut,mxf,dv,rm,apng,yuv4mpegpipe,wtv,vob,mp3,aac,wav,flac"
)
# Those that say how long they are, and where each moment is: elsewhere a jump lands too late, or
# on frames that do not say when they are shown.
INDEXED = ("mov", "matroska")
SUFFIXES = (".mp4", ".gif")
# Sound that MP4 holds and browsers play; other sound becomes AAC, and so does MP3 of lower rates.
KEPT_SOUND = ("aac", "mp3", "opus", "flac")
LEAST_MP3 = 16_000
# Frames a second that no camera and no player has.
MOST_RATE = 1000

# Constant frame rates that files mean when their timestamps are rounded.
RATES = tuple(
    Fraction(1000 * n, 1001) if almost else Fraction(n)
    for n in (24, 25, 30, 48, 50, 60, 120)
    for almost in (n not in (25, 50), False)
)

# How FFmpeg numbers the matrices that make colours out of Y'CbCr, and swscale.
BT709 = 1
MATRICES = {
    BT709: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
# As `_turn` says it, by degrees counter-clockwise.
TURNS = {
    0: (False, False, False),
    90: (True, True, False),
    180: (False, True, True),
    270: (True, False, True),
}
HD = 720  # rows from which on a video that says nothing of its matrix has BT.709's

REORDERED = 16  # frames at most that a coder may store after one that is shown later
# A file that has less of what it says it lasts is cut short.
WHOLE = 0.9
MOST_SAME = 0.25  # of the frames whose timestamps FFmpeg guesses, and guesses the same
KEY_EVERY = 2  # seconds: what a browser has to decode at most to jump somewhere
PRESET = "superfast"  # of x264: faster than the network, so that it hardly costs time
PRIMING = Fraction(1, 10)  # seconds of sound that a coder may begin with
JUMP = Fraction(1, 10)  # seconds that sound may be off before silence is put in
CLOSE = Fraction(1, 1000)  # seconds: a packet of sound lasts longer
# Seconds that timestamps go back by, or in broadcasts' containers ahead, where they begin anew.
BACK, AHEAD = Fraction(1, 2), 10
GIF_TICK = Fraction(1, 100)
SHORTEST_TICKS = 2  # browsers show a frame that is meant for less for ten

# How often it is looked how bright an HDR video is, at how small a picture, and how many frames
# behind a key frame at most.
LOOKS, LOOK_SIDE, LOOK_AHEAD = 8, 256, 32

# Without the last two a decoder's colours are off by several steps of 255.
SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


@dataclass(frozen=True)
class Clip:
    """What is known of a video before it is decoded.

    Attributes:
        size: width and height, upright, with square pixels.
        ticks: when each frame is shown, in units of `time_base`, ascending.
        time_base: seconds.
        last: how long the last frame is shown, in the same units.
        rate: frames a second: exact where it is constant, else the mean.
        constant: whether the frames are evenly spaced.
        sound: the codec of its sound, or None.
        joins: where timestamps begin anew, as in files that were put one behind the other: the
            byte in the file, and what the timestamps from there on lack, in units of `time_base`.
        counted: whether the timestamps do not say which frame is which, but only their order does.
        peak: how bright an HDR video gets, in cd/m²; 0 for others.
    """

    path: Path
    size: tuple[int, int]
    ticks: Sequence[int]
    time_base: Fraction
    last: int
    rate: Fraction
    constant: bool
    sound: str | None
    joins: Sequence[tuple[int, int]] = ()
    counted: bool = False
    peak: float = 0.0

    def time(self, k: int) -> Fraction:
        """Seconds from the first frame to frame `k`; to the end for the number of frames."""
        if self.constant:
            return k / self.rate
        if k < len(self.ticks):
            return (self.ticks[k] - self.ticks[0]) * self.time_base
        return (self.ticks[-1] + self.last - self.ticks[0]) * self.time_base

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self.time(len(self.ticks)))

    def between(self, start: float, end: float) -> range:
        """The frames that begin from `start` to before `end`, in seconds; where none does, the one
        that is shown then. An `end` of 0 is the clip's.

        Raises:
            StyleSwapError: there are none.
        """
        # What is a tenth to a person is a bit more to the computer.
        begin, stop = (Fraction(moment).limit_denominator(10**6) for moment in (start, end))
        frames, last = range(len(self.ticks)), self.time(len(self.ticks))
        stop = min(stop or last, last)
        if begin >= stop:
            raise StyleSwapError(
                f"There is nothing of the video from {start:g} to {end or self.duration:g} s, for"
                f" it lasts {self.duration:.1f} s; choose another part."
            )
        past = bisect.bisect_left(frames, stop, key=self.time)
        return range(min(bisect.bisect_left(frames, begin, key=self.time), past - 1), past)

    def fitted(self, longest: int) -> tuple[int, int]:
        """Width and height, even, of the clip with a longer side of at most `longest`."""
        shrink = min(1.0, longest / max(self.size))
        width, height = (max(2, 2 * round(side * shrink / 2)) for side in self.size)
        return width, height


def open_clip(path: str | os.PathLike[str], what: str = "video") -> Clip:
    """Look at a file: its size, its timing, whether it is whole.

    Raises:
        StyleSwapError: no video is in it, it is cut short, or its frames are too large.
    """
    if not media.size_of(path, what, "video"):
        raise StyleSwapError(f"The {what} is an empty file; send it again, whole.")
    file = Path(path).absolute()
    webp = _is_webp(file)
    if _is_still(file):
        raise StyleSwapError(f"The {what} is a still picture; send it on the tab for pictures.")
    if webp:
        return _webp_clip(file, what)
    with _read_sentences(what):
        with _opened(file) as container:
            stream = _pictures(container, what)
            _check_size(stream.width, stream.height, what)
            first = next(container.decode(stream), None)
            if first is None:
                raise StyleSwapError(f"The {what} has no frames; send another.")
            size = _upright_size(first, stream.sample_aspect_ratio)
            sound = _sound_of(container)
            rates = [stream.guessed_rate, *RATES, stream.average_rate]
        with _opened(file) as container:
            stream = _pictures(container, what)
            ticks, last, joins, counted = _timing(container, stream, rates, what)
            time_base = Fraction(stream.time_base)
        peak = _peak(file, ticks, what) if int(first.color_trc) in hdr.TRANSFERS else 0.0
    _check_size(size[0], size[1], what)
    rate = len(ticks) / float((ticks[-1] + last - ticks[0]) * time_base)
    if rate > MOST_RATE:
        raise StyleSwapError(
            f"The {what} says that it has {rate:.3g} frames a second, which nothing plays; save it"
            " as an MP4 first."
        )
    clip = _clip(file, size, ticks, time_base, last, rates, sound)
    return replace(clip, joins=joins, counted=counted, peak=peak)


def read_frames(
    clip: Clip, chosen: range, size: tuple[int, int], cancel: threading.Event | None = None
) -> Generator[tuple[int, Pixels]]:
    """Decode some of a clip's frames.

    Args:
        chosen: which, as `Clip.between` gives them.
        size: width and height that they are scaled to.
        cancel: where it is set, there are no more, also while nothing comes of what is read.

    Yields:
        A frame's number, ascending, and its pixels.

    Raises:
        StyleSwapError: nothing can be decoded.
    """
    cancel = cancel or threading.Event()
    if _is_webp(clip.path):
        frames = _webp_frames(clip, size, cancel)
    else:
        frames = _av_frames(clip, chosen, size, cancel)
    last = chosen.start - 1
    for k, pixels in frames:
        if k >= chosen.stop:
            break
        if k > last:
            last = k
            yield k, pixels()
    if last < chosen.start and not cancel.is_set():
        raise StyleSwapError("The video could not be decoded; save it as an MP4 first.")


def _av_frames(
    clip: Clip, chosen: range, size: tuple[int, int], cancel: threading.Event
) -> Iterator[tuple[int, Callable[[], Pixels]]]:
    with _read_sentences("video"), _opened(clip.path) as container:
        stream = _pictures(container, "video")
        stream.thread_type = "AUTO"
        if chosen.start and _is_indexed(container):
            container.seek(clip.ticks[max(0, chosen.start - REORDERED)], stream=stream)
        count, timeline = -1, _Timeline(clip, container, stream)
        combed, tones = _Deinterlacer(), hdr.ToneMap(clip.peak or hdr.USUAL_PEAK)
        for packet in container.demux(stream):
            if cancel.is_set():
                return
            timeline.move(packet)
            try:
                frames = packet.decode()
            except InvalidDataError:  # players leave out what is damaged
                continue
            for frame in frames:
                # To the nearest: what a container rounds the decoder may not.
                told = None if frame.pts is None else _nearest(clip.ticks, frame.pts)
                if told is None or clip.counted:
                    # A key frame is decoded when it is shown: it makes up for what was left out.
                    sure = frame.key_frame or count < 0
                    count = max(count + 1, told or 0 if sure else 0)
                else:
                    count = told
                for k, whole in combed.give(count, frame):
                    yield k, functools.partial(_upright, whole, size, tones)
        for k, whole in combed.rest():
            yield k, functools.partial(_upright, whole, size, tones)


def _opened(file: Path) -> Any:
    """The file's container; nothing but this file is read."""
    return av.open(
        f"file:{file}", options={"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    )


def _is_indexed(container: Any) -> bool:
    return any(name in container.format.name for name in INDEXED)


def _pictures(container: Any, what: str) -> Any:
    """The stream of pictures that move; not a cover that comes with music."""
    unknown = False
    for stream in container.streams.video:
        unknown = unknown or stream.codec_context is None
        if stream.codec_context and not stream.disposition & Disposition.attached_pic:
            # Of the frames themselves, whatever the container says; coders pad them a bit.
            stream.codec_context.options = {"max_pixels": str(MOST_PIXELS + MOST_PIXELS // 8)}
            return stream
    if unknown:
        raise StyleSwapError(
            f"The {what} is coded in a way that is not known here; save it as an MP4 first."
        )
    raise StyleSwapError(f"The {what} has no pictures, only sound; send one with both.")


def _sound_of(container: Any) -> str | None:
    """The codec of the first stream of sound that can be decoded, if there is one."""
    streams = container.streams.audio
    context = streams[0].codec_context if streams else None
    return context.codec.canonical_name if context else None


def _timing(
    container: Any, stream: Any, rates: Iterable[Fraction | None], what: str
) -> tuple[list[int], int, list[tuple[int, int]], bool]:
    """When each frame is shown, how long the last is, and the clip's `joins` and `counted`."""
    found: list[tuple[int, int]] = []  # moment and length, in the order of decoding
    joins: list[tuple[int, int]] = []
    jumps = _Jumps(container, stream)
    step = max(1, round(1 / (stream.average_rate or 25) / stream.time_base))
    end, past = 0.0, -math.inf  # of the file in seconds, of the frames in ticks
    count = there = 0
    for packet in container.demux():
        if not packet.size:
            continue
        if packet.pts is not None:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if packet.stream_index != stream.index:
            continue
        there += 1
        if there > MOST_FRAMES:
            raise StyleSwapError(
                f"The {what} has more than {MOST_FRAMES} frames; cut it and send a part."
            )
        anew = jumps.at(packet) and not _is_indexed(container)  # which says where moments are
        moment = packet.pts if packet.pts is not None else packet.dts
        if anew:
            joins.append((jumps.place, int(past) - moment))
        if packet.is_discard:
            continue
        count += 1
        if moment is not None:
            moment += joins[-1][1] if joins else 0
            past = max(past, moment + (packet.duration or step))
            found.append((moment, packet.duration or 0))
    if not found:  # a bare stream of pictures says nothing of time
        found = [(k * step, step) for k in range(count)]
    if not found:
        raise StyleSwapError(f"The {what} has no frames; send another.")
    # Other containers guess how long they are. What an edit list leaves out is not in the index.
    name = container.format.name
    tells = container.duration and _is_indexed(container)
    expected = len(stream.index_entries) if "mov" in name else 0
    promised = container.duration / av.time_base if tells else 0.0
    begun = (container.start_time or 0) / av.time_base
    # From 0 on: where the first frame comes late, some writers count the wait, too.
    if there < expected or end < WHOLE * promised:
        raise StyleSwapError(
            f"The {what} is cut short: it ends at {max(0.0, end - begun):.1f} of {promised:.1f} s;"
            " send it again, whole."
        )
    ticks = sorted(moment for moment, _ in found)
    usual = ticks[-1] - ticks[-2] if len(ticks) > 1 else 1
    last = dict(found)[ticks[-1]] or usual
    # Where frames are stored in another order than they are shown in, and the timestamps are not
    # (as in AVI), or two are the same (where FFmpeg guesses at them), they say nothing of a frame.
    delayed = stream.codec_context.has_b_frames and not _is_indexed(container)
    counted = delayed and ticks == [moment for moment, _ in found]
    if len(set(ticks)) < len(ticks):
        even = _even(ticks, rates, Fraction(stream.time_base))
        counted = counted or even is not None
        ticks = even or sorted(set(ticks))
    return ticks, last, joins, counted


def _even(
    ticks: Sequence[int], rates: Iterable[Fraction | None], time_base: Fraction
) -> list[int] | None:
    """As many ticks as there are with some that are the same, evenly spaced at one of `rates`, if
    it fills the time from first to last but for what those are too early."""
    length, same = len(ticks) - 1, len(ticks) - len(set(ticks))
    if same > MOST_SAME * len(ticks):  # of two fields that make one frame, say
        return None
    for rate in filter(None, rates):
        step = 1 / (rate * time_base)
        if -step / 2 < length * step - (ticks[-1] - ticks[0]) < (same + 0.5) * step:
            return [ticks[0] + round(k * step) for k in range(length + 1)]
    return None


class _Jumps:
    """Tells where the timestamps of a stream begin anew.

    Attributes:
        place: the byte in the file at which the packet that was looked at last lies, or one before.
    """

    def __init__(self, container: Any, stream: Any) -> None:
        self.back = BACK / stream.time_base
        anew = Flags.ts_discont.value & container.format.flags
        self.ahead = AHEAD / stream.time_base if anew else math.inf
        self.begun: int | None = None
        self.last = self.place = 0

    def at(self, packet: Any) -> bool:
        """Whether they do at this packet, the next one of the stream.

        A packet that FFmpeg has guessed to be shown after a jump, which it lies before, is shown
        next.
        """
        if packet.pos is not None:
            self.place = packet.pos
        moment = packet.dts
        if moment is None:
            return False
        if packet.pts is not None and packet.pts - moment > self.ahead:
            packet.pts = moment + packet.duration
        jumps = self.begun is not None and (
            moment <= self.begun < self.last or not -self.back <= moment - self.last <= self.ahead
        )
        if jumps or self.begun is None:
            self.begun = moment
        self.last = moment
        return jumps


class _Timeline:
    """Moves a stream's packets to where a clip's `joins` put them; to be shown all of them."""

    def __init__(self, clip: Clip, container: Any, stream: Any) -> None:
        self.places = [0, *(place for place, _ in clip.joins)]
        self.lacks = [0, *(lack * clip.time_base / stream.time_base for _, lack in clip.joins)]
        self.jumps = _Jumps(container, stream)
        self.part = 0

    def move(self, packet: Any) -> None:
        if self.jumps.at(packet) and len(self.places) > 1:
            # Sound jumps a bit before or after the pictures do.
            self.part = max(self.part, _nearest(self.places, self.jumps.place))
        lack = round(self.lacks[self.part])
        if packet.pts is not None:
            packet.pts += lack
        if packet.dts is not None:
            packet.dts += lack


def _clip(
    file: Path,
    size: tuple[int, int],
    ticks: list[int],
    time_base: Fraction,
    last: int,
    rates: Iterable[Fraction | None],
    sound: str | None,
) -> Clip:
    """A clip whose rate is the first of `rates` that its timing keeps to, else the mean."""
    mean = len(ticks) / ((ticks[-1] + last - ticks[0]) * time_base)
    mean = mean.limit_denominator(10**6)
    for rate in [*rates, mean]:
        if rate and _keeps_to(rate, ticks, time_base, last):
            return Clip(file, size, ticks, time_base, last, Fraction(rate), True, sound)
    return Clip(file, size, ticks, time_base, last, mean, False, sound)


def _keeps_to(rate: Fraction, ticks: Sequence[int], time_base: Fraction, last: int) -> bool:
    """Whether frames come at `rate`, but for what timestamps are rounded by."""
    step = float(1 / (rate * time_base))
    off = np.asarray(ticks, np.float64) - ticks[0] - step * np.arange(len(ticks))
    slack = max(1.0, 0.001 / float(time_base))
    # A single frame says nothing of a rate but by how long it is shown.
    return bool(np.abs(off).max() <= slack and (len(ticks) > 1 or abs(last - step) <= slack))


def _nearest(ticks: Sequence[int], pts: int) -> int:
    """The number of the frame that is shown at `pts`, or next to it."""
    k = bisect.bisect_left(ticks, pts)
    if k == len(ticks) or (k and pts - ticks[k - 1] < ticks[k] - pts):
        k -= 1
    return k


def _upright_size(frame: av.VideoFrame, ratio: Fraction | None) -> tuple[int, int]:
    """Width and height as a player shows the frame; `ratio` is the width of a pixel over its
    height."""
    width = round(frame.width * (ratio or 1))
    return (frame.height, width) if _turn(frame)[0] else (width, frame.height)


def _turn(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """How a player turns the frame: whether rows become columns, and whether the result is then
    mirrored from top to bottom and from left to right."""
    try:
        matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # for PyAV does not know all that a frame may come with
        return TURNS.get(frame.rotation % 360, TURNS[0])
    if matrix is None:
        return TURNS[0]
    # x is to be a x + c y, and y b x + d y.
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    return (True, b < 0, c < 0) if abs(b) > abs(a) else (False, d < 0, a < 0)


def _upright(frame: av.VideoFrame, size: tuple[int, int], tones: hdr.ToneMap) -> Pixels:
    """The frame's pixels, scaled to `size`, turned as a player turns them."""
    turned, flipped, mirrored = _turn(frame)
    width, height = size[::-1] if turned else size
    see_through = any(part.is_alpha for part in frame.format.components)
    if int(frame.color_trc) in hdr.TRANSFERS:
        pixels = tones(_scaled(frame, width, height, hdr.DEEP)).to_ndarray(format="rgb24")
    elif see_through:
        pixels = _on_white(_scaled(frame, width, height, "rgba").to_ndarray())
    else:
        pixels = _merged(_scaled(frame, width, height, "gbrp"))  # swscale is much quicker at planes
    pixels = pixels.swapaxes(0, 1) if turned else pixels
    return np.ascontiguousarray(pixels[:: -1 if flipped else 1, :: -1 if mirrored else 1])


def _scaled(frame: av.VideoFrame, width: int, height: int, kind: str) -> av.VideoFrame:
    """The frame in R'G'B'."""
    full = frame.color_range == ColorRange.JPEG or frame.format.is_rgb or "j" in frame.format.name
    # What says nothing of its matrix has that of its size, as players have it.
    usual = Colorspace.ITU709 if frame.height >= HD else Colorspace.ITU601
    return frame.reformat(
        width,
        height,
        kind,
        src_colorspace=MATRICES.get(frame.colorspace, usual),
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=SCALING,
        threads=1,  # others have work at the same time
    )


def _peak(file: Path, ticks: Sequence[int], what: str) -> float:
    """How bright an HDR video gets, in cd/m², at a few of its moments; 0 if none can be seen."""
    peak, seen = 0.0, set()
    with _opened(file) as container:
        stream = _pictures(container, what)
        for moment in ticks[:: -(-len(ticks) // LOOKS)]:
            with contextlib.suppress(FFmpegError):
                container.seek(moment, stream=stream)
                frames = itertools.islice(container.decode(stream), LOOK_AHEAD)
                frame = next(frames, None)
                if frame is None:
                    continue
                # A jump lands on a key frame; if that has been looked at, it goes on from there.
                if frame.pts in seen:
                    later = (frame for frame in frames if frame.pts and frame.pts >= moment)
                    frame = next(later, frame)
                seen.add(frame.pts)
                small = _scaled(frame, LOOK_SIDE, LOOK_SIDE, hdr.DEEP)
                peak = max(peak, hdr.brightness(small))
    return peak


def _merged(frame: av.VideoFrame) -> Pixels:
    """Green, blue and red planes as (H, W, 3)."""
    green, blue, red = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[
            :, : plane.width
        ]
        for plane in frame.planes
    )
    merged: Any = cv2.merge((red, green, blue))
    pixels: Pixels = merged
    return pixels


def _on_white(pixels: NDArray[Any]) -> Pixels:
    """(H, W, 4) with alpha as it looks on white paper, (H, W, 3)."""
    alpha = pixels[..., 3:].astype(np.uint16)
    mixed: Pixels = ((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return mixed


def _check_size(width: int, height: int, what: str) -> None:
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        raise StyleSwapError(
            f"The {what} is {width} x {height}, and {LONGEST_SIDE} x {MOST_PIXELS // LONGEST_SIDE}"
            " is the largest that is read; send a smaller one."
        )


@contextlib.contextmanager
def _read_sentences(what: str) -> Iterator[None]:
    """Turn what FFmpeg says of reading a file into a sentence."""
    try:
        yield
    except FFmpegError as fault:
        raise StyleSwapError(
            f"The {what} cannot be read: it is damaged, cut short, or no video; send it again, or"
            " save it as an MP4 first."
        ) from fault


def _is_still(file: Path) -> bool:
    """Whether it is a picture, which FFmpeg may take for a video of one frame."""
    Image.init()
    kinds = [name for name in media.FORMATS if name in Image.OPEN]
    try:
        with Image.open(file, formats=kinds) as picture:
            return int(getattr(picture, "n_frames", 1)) == 1
    except Exception:  # on hostile bytes Pillow's readers raise almost anything
        return False


_BASE = Fraction(1, 25)


class _Deinterlacer:
    """Weaves the two moments of an interlaced frame into one, where frames say that they are (Bob
    Weaver, FFmpeg's bwdif); others stay as they are."""

    def __init__(self) -> None:
        self.graph: Any = None
        self.kind = (0, 0, "")

    def give(self, k: int, frame: av.VideoFrame) -> list[tuple[int, av.VideoFrame]]:
        """A frame and its number; returns those that are done."""
        if not self.graph and not frame.interlaced_frame:
            return [(k, frame)]
        done, kind = [], (frame.width, frame.height, frame.format.name)
        if kind != self.kind:
            done, self.kind = self.rest(), kind
            self.graph = av.filter.Graph()
            self.graph.link_nodes(
                self.graph.add_buffer(
                    width=frame.width, height=frame.height, format=frame.format, time_base=_BASE
                ),
                self.graph.add("bwdif", "mode=send_frame:deint=interlaced"),
                self.graph.add("buffersink"),
            ).configure()
        frame.pts, frame.time_base = k, _BASE
        self.graph.vpush(frame)
        return done + self._pulled()

    def rest(self) -> list[tuple[int, av.VideoFrame]]:
        """Those that were held back."""
        if not self.graph:
            return []
        self.graph.vpush(None)
        return self._pulled()

    def _pulled(self) -> list[tuple[int, av.VideoFrame]]:
        frames = []
        with contextlib.suppress(BlockingIOError, EOFError):  # nothing yet; nothing more
            while True:
                frame = self.graph.vpull()
                frames.append((round(frame.pts * frame.time_base / _BASE), frame))
        return frames


# --- animated WebP, which FFmpeg does not read ---


def _is_webp(file: Path) -> bool:
    with media.read_sentences(file, "video"), open(file, "rb") as opened:
        head = opened.read(16)
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


@contextlib.contextmanager
def _webp(file: Path, what: str) -> Iterator[Any]:
    try:
        with Image.open(file, formats=["WEBP"]) as picture:
            yield picture
    except StyleSwapError:
        raise
    except Exception as fault:  # on hostile bytes Pillow's decoders raise almost anything
        raise StyleSwapError(
            f"The {what} is damaged or cut short; send it again, whole."
        ) from fault


def _webp_clip(file: Path, what: str) -> Clip:
    with _webp(file, what) as picture:
        _check_size(picture.width, picture.height, what)
        ticks, now = [], 0
        for k in range(picture.n_frames):
            picture.seek(k)
            picture.load()
            ticks.append(now)
            now += max(1, int(picture.info.get("duration", 0)))
        size = picture.size
    return _clip(file, size, ticks, Fraction(1, 1000), now - ticks[-1], RATES, None)


def _webp_frames(
    clip: Clip, size: tuple[int, int], cancel: threading.Event
) -> Iterator[tuple[int, Callable[[], Pixels]]]:
    with _webp(clip.path, "video") as picture:
        for k in range(len(clip.ticks)):
            if cancel.is_set():
                return
            picture.seek(k)
            scaled = picture.convert("RGBA").resize(size, Image.Resampling.BICUBIC)
            yield k, functools.partial(_on_white, np.asarray(scaled))


# --- back to a file ---


class Writer(Protocol):
    """Takes the frames of a clip, in their order."""

    def add(self, k: int, pixels: Pixels) -> None:
        """Write frame `k` of the clip: (H, W, 3), uint8."""
        ...

    def finish(self) -> None:
        """Write what is still held back."""
        ...


@contextlib.contextmanager
def writing(
    target: Path, clip: Clip, chosen: range, size: tuple[int, int], quality: int
) -> Iterator[Writer]:
    """Write frames as an MP4 (H.264, as browsers play it) with the clip's sound, or as a GIF.

    The file appears whole or not at all: it is written under another name and moved into place
    where the block is left without a fault, with as many frames as came until then.

    Args:
        target: ends in one of `SUFFIXES`.
        clip: whose timing and sound it takes.
        chosen: the frames that are going to come, as of `Clip.between`.
        size: their width and height; even.
        quality: x264's constant rate factor: less is better, and larger.

    Raises:
        StyleSwapError: as `styleswap.media.save_picture`; too long a GIF; or there was no frame.
    """
    media.check_target(target, SUFFIXES)
    gif = target.suffix.lower() == ".gif"
    length = float(clip.time(chosen.stop) - clip.time(chosen.start))
    if gif and length > LONGEST_GIF:
        raise StyleSwapError(
            f"A GIF is at most {LONGEST_GIF} s long and this would be {length:.0f} s; choose a"
            " part, or write an MP4."
        )
    with media.whole(target) as part, _write_faults(), contextlib.ExitStack() as stack:
        kind, options = ("gif", {}) if gif else ("mp4", {"movflags": "+faststart"})
        container = stack.enter_context(
            av.open(f"file:{part.absolute()}", "w", kind, options=options)
        )
        if gif:
            writer: Writer = _Gif(container, clip, chosen, size)
        else:
            writer = _Mp4(container, clip, chosen, size, quality)
            if clip.sound:
                with _read_sentences("video"):
                    source = stack.enter_context(_opened(clip.path))
                writer.sound = _Sound(source, clip, chosen, container)
        careful = _Careful(writer)
        yield careful
        careful.finish()


@contextlib.contextmanager
def _write_faults() -> Iterator[None]:
    """What FFmpeg says of writing, such as a full disk, as Python says it."""
    try:
        yield
    except (OverflowError, FFmpegError) as fault:
        number = fault.errno or errno.EIO if isinstance(fault, FFmpegError) else errno.EINVAL
        # FFmpeg's numbers have 32 or 64 bits; what it says itself has none of the system's.
        if number == errno.EINVAL or number not in errno.errorcode:
            raise StyleSwapError(
                "The video's times are such that they cannot be written; save it as an MP4 first."
            ) from fault
        raise OSError(number, os.strerror(number)) from fault


class _Careful:
    """A writer that is not called again after a fault, which comes up each time: libavformat, asked
    to go on after a write that failed, takes the process down."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.fault: Exception | None = None

    def add(self, k: int, pixels: Pixels) -> None:
        self._once(lambda: self.writer.add(k, pixels))

    def finish(self) -> None:
        self._once(self.writer.finish)

    def _once(self, write: Callable[[], None]) -> None:
        if self.fault:
            raise self.fault
        try:
            write()
        except Exception as fault:
            self.fault = fault
            raise


class _Mp4:
    def __init__(
        self, container: Any, clip: Clip, chosen: range, size: tuple[int, int], quality: int
    ) -> None:
        self.container, self.clip, self.chosen = container, clip, chosen
        self.sound: _Sound | None = None
        self.lasting: dict[int, int] = {}  # how long the frames are shown that x264 holds back
        options = {"preset": PRESET, "crf": str(quality)}
        if not clip.constant:  # an MP4 has durations in the order of decoding: let that be the same
            options["bf"] = "0"
        rate = clip.rate.limit_denominator(10_000)
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = stream.time_base = 1 / clip.rate if clip.constant else clip.time_base
        context.gop_size = max(1, round(KEY_EVERY * clip.rate))
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = ColorRange.MPEG
        self.stream = stream

    def add(self, k: int, pixels: Pixels) -> None:
        moment, end = self._moment(k), self._moment(k + 1)
        self.lasting[moment] = end - moment
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation=SCALING,
            threads=1,
        )
        frame.pts, frame.time_base = moment, self.stream.codec_context.time_base
        self._mux(frame)
        if self.sound:
            self.sound.until(self.clip.time(k + 1) - self.clip.time(self.chosen.start))

    def finish(self) -> None:
        if not self.stream.codec_context.is_open:
            raise StyleSwapError("Nothing was written, for there was no frame yet.")
        self._mux(None)

    def _moment(self, k: int) -> int:
        """When frame `k` is shown, in units of the encoder's time base."""
        ticks = self.clip.ticks
        if self.clip.constant:
            return k - self.chosen.start
        last = ticks[-1] + self.clip.last
        return (ticks[k] if k < len(ticks) else last) - ticks[self.chosen.start]

    def _mux(self, frame: av.VideoFrame | None) -> None:
        for packet in self.stream.encode(frame):
            packet.duration = self.lasting.pop(packet.pts)
            self.container.mux(packet)


class _Sound:
    """The sound of a clip from the first of the chosen frames on.

    Copied where MP4 holds it and browsers play it, else encoded anew.
    """

    def __init__(self, source: Any, clip: Clip, chosen: range, target: Any) -> None:
        self.source, self.target = source, target
        self.stream = source.streams.audio[0]
        self.begin = clip.ticks[chosen.start] * clip.time_base
        # What a coder starts with lies before the first frame; it is kept with that.
        self.early = Fraction(0) if chosen.start else PRIMING
        kept = clip.sound in KEPT_SOUND
        if clip.sound == "mp3" and self.stream.rate < LEAST_MP3:
            kept = False
        self.packets = self._copied() if kept else self._encoded()
        if kept:
            self.out = target.add_stream_from_template(self.stream)
        else:
            wanted = min(48_000, self.stream.rate)
            rates = av.Codec("aac", "w").audio_rates or [wanted]
            rate = min(rates, key=lambda rate: abs(rate - wanted))
            self.out = target.add_stream("aac", rate=rate)
            self.out.codec_context.layout = "mono" if self.stream.channels == 1 else "stereo"
        if chosen.start and _is_indexed(source):
            source.seek(int(self.begin / self.stream.time_base), stream=self.stream)
        self.timeline = _Timeline(clip, source, self.stream)
        self.waiting = next(self.packets, None)

    def until(self, moment: Fraction) -> None:
        """Write the sound up to `moment`, in seconds from the first chosen frame."""
        while self.waiting is not None and self.waiting.pts * self.waiting.time_base < moment:
            self.target.mux(self.waiting)
            self.waiting = next(self.packets, None)

    def _read(self) -> Iterator[Any]:
        with contextlib.suppress(InvalidDataError):  # players fall silent, too
            for packet in self.source.demux(self.stream):
                self.timeline.move(packet)
                yield packet

    def _copied(self) -> Iterator[Any]:
        last, end, moved = -math.inf, Fraction(0), False
        for packet in self._read():
            if packet.pts is None:
                continue
            packet.pts -= round(self.begin / packet.time_base)
            now = packet.pts * packet.time_base
            if now + packet.duration * packet.time_base <= -self.early:
                continue
            # No two may come at the same moment: the second is put behind the first, unless that
            # has been moved itself, or it is too far.
            collides = now < last + CLOSE
            if collides:
                if moved or end > now + JUMP:
                    continue
                packet.pts = math.ceil(end / packet.time_base)
            moved = collides
            last = packet.pts * packet.time_base
            end = last + max(CLOSE, packet.duration * packet.time_base)
            packet.dts = packet.pts
            packet.stream = self.out
            yield packet

    def _decoded(self) -> Iterator[Any]:
        for packet in self._read():
            with contextlib.suppress(InvalidDataError):
                yield from packet.decode()

    def _encoded(self) -> Iterator[Any]:
        now: Fraction | None = None
        for frame in self._decoded():
            told = now if frame.pts is None else frame.pts * frame.time_base - self.begin
            # Timestamps may be coarse; only a jump counts.
            if told is not None and (now is None or told > now + JUMP):
                now = told
            if now is None or (told is not None and told < now - JUMP):
                continue
            frame.time_base = Fraction(1, frame.sample_rate)
            frame.pts = round(now * frame.sample_rate)
            now += Fraction(frame.samples, frame.sample_rate)
            if now > 0:
                yield from self.out.encode(frame)
        yield from self.out.encode(None)


class _Gif:
    """Each frame with colours of its own: what all frames have in common would have to be known
    before the first is written."""

    def __init__(self, container: Any, clip: Clip, chosen: range, size: tuple[int, int]) -> None:
        self.container, self.clip, self.chosen = container, clip, chosen
        self.last = -SHORTEST_TICKS
        self.stream = container.add_stream("gif", rate=clip.rate.limit_denominator(1000))
        self.stream.width, self.stream.height = size
        self.stream.pix_fmt = "pal8"
        context = self.stream.codec_context
        context.time_base = self.stream.time_base = GIF_TICK
        width, height = size
        self.graph = av.filter.Graph()
        source = self.graph.add_buffer(
            width=width, height=height, format=av.VideoFormat("rgb24"), time_base=GIF_TICK
        )
        split, palette = self.graph.add("split"), self.graph.add("palettegen", "stats_mode=single")
        use, sink = self.graph.add("paletteuse", "new=1"), self.graph.add("buffersink")
        source.link_to(split)
        split.link_to(palette, 0, 0)
        split.link_to(use, 1, 0)
        palette.link_to(use, 0, 1)
        use.link_to(sink)
        self.graph.configure()

    def add(self, k: int, pixels: Pixels) -> None:
        moment = round((self.clip.time(k) - self.clip.time(self.chosen.start)) / GIF_TICK)
        if moment < self.last + SHORTEST_TICKS:
            return
        self.last = moment
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = moment, GIF_TICK
        self.graph.vpush(frame)
        self._mux()

    def finish(self) -> None:
        self.graph.vpush(None)
        self._mux()
        if not self.stream.codec_context.is_open:
            raise StyleSwapError("Nothing was written, for there was no frame yet.")
        self.container.mux(self.stream.encode(None))

    def _mux(self) -> None:
        with contextlib.suppress(BlockingIOError, EOFError):  # nothing yet; nothing more
            while True:
                self.container.mux(self.stream.encode(self.graph.vpull()))
