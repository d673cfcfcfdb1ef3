"""A stranger's video, looked at in a process of its own: a small file may claim, or unpack to, any
size, and what reads it takes what it can get.

``python -m styleswap.probe FILE WHAT MEGABYTES SECONDS`` prints what is known of a clip, as JSON.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from styleswap import limits, media
from styleswap.errors import StyleSwapError
from styleswap.video import Clip
from styleswap.video import open_clip as look

# Videos that are looked at together, and that are known from before.
AT_ONCE = 2
KEPT = 16

_room = threading.BoundedSemaphore(AT_ONCE)
_known: collections.OrderedDict[tuple[str, int, int], Clip] = collections.OrderedDict()
_lock = threading.Lock()


def open_clip(
    path: str | os.PathLike[str], what: str = "video", cancel: threading.Event | None = None
) -> Clip:
    """`styleswap.video.open_clip`, within the memory and the time of `styleswap.limits`.

    Args:
        cancel: where it is set, the looking ends.

    Raises:
        StyleSwapError: as that; or it takes too much.
    """
    file = Path(path).absolute()
    size = media.size_of(file, what, "video")
    key = (str(file), size, file.stat().st_mtime_ns)
    with _lock:
        if key in _known:
            _known.move_to_end(key)
            return _known[key]
    clip = _clip(file, _asked(file, what, cancel or threading.Event()))
    with _lock:
        _known[key] = clip
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return clip


def _asked(file: Path, what: str, cancel: threading.Event) -> dict[str, Any]:
    """What the process says of a file."""
    now = limits.now()
    end = time.monotonic() + 2 * now.reading  # with the wait for room
    too_long = StyleSwapError(
        f"The {what} takes longer than {now.reading:g} s to look at; save it as an MP4 first."
    )
    while not _room.acquire(timeout=0.1):
        if cancel.is_set() or time.monotonic() > end:
            raise too_long
    with contextlib.ExitStack() as stack:
        stack.callback(_room.release)
        asked = [str(file), what, str(now.memory), str(now.reading)]
        package = str(Path(__file__).resolve().parent.parent)
        paths = [package, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", __name__, *asked],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in paths if p)},
            )
        )
        stack.callback(process.kill)
        told: list[bytes] = []
        listener = threading.Thread(target=lambda: told.append(process.communicate()[0]))
        listener.start()
        end = time.monotonic() + 1.5 * now.reading  # where its own clock does not end it
        while listener.is_alive() and not cancel.is_set() and time.monotonic() < end:
            listener.join(0.1)
        process.kill()
        listener.join()
    killed = {-signal.SIGKILL, -getattr(signal, "SIGXCPU", signal.SIGKILL)}
    if process.returncode in killed:
        raise too_long
    try:
        found: dict[str, Any] = json.loads(told[0])
    except ValueError as fault:  # it crashed
        raise StyleSwapError(
            f"The {what} cannot be read; send it again, or save it as an MP4 first."
        ) from fault
    if "error" in found:
        raise StyleSwapError(found["error"])
    return found


def _clip(file: Path, found: dict[str, Any]) -> Clip:
    width, height = found["size"]
    return Clip(
        file,
        (width, height),
        found["ticks"],
        Fraction(found["time_base"]),
        found["last"],
        Fraction(found["rate"]),
        found["constant"],
        found["sound"],
        [(place, lack) for place, lack in found["joins"]],
        found["counted"],
        found["peak"],
    )


def main(arguments: Sequence[str]) -> None:
    """What the process does."""
    file, what, megabytes, seconds = arguments
    _limit(float(megabytes), float(seconds))
    try:
        clip = look(file, what)
    except StyleSwapError as error:
        found: dict[str, Any] = {"error": str(error)}
    except MemoryError:
        found = {"error": f"The {what} takes too much memory to look at; send another."}
    except Exception:  # on hostile bytes FFmpeg's and Pillow's readers raise almost anything
        found = {"error": f"The {what} cannot be read; save it as an MP4 first."}
    else:
        found = {
            "size": clip.size,
            "ticks": list(clip.ticks),
            "time_base": str(clip.time_base),
            "last": clip.last,
            "rate": str(clip.rate),
            "constant": clip.constant,
            "sound": clip.sound,
            "joins": clip.joins,
            "counted": clip.counted,
            "peak": clip.peak,
        }
    json.dump(found, sys.stdout)


def _limit(megabytes: float, seconds: float) -> None:
    """Bound this process: more memory than it has now, and seconds of work."""
    try:
        import resource
    except ImportError:  # no such limits on Windows; there whoever asked ends it in time
        return
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + int(megabytes * 2**20)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    work = max(1, int(seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (work, work))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1:])
