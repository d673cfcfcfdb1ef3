"""The one folder in which a server keeps uploads, results and what is on its way, and which does
not grow without end."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any

# Bytes that are left free on the disk, whatever the quota is.
RESERVE = 256 * 2**20
# Seconds after which a file that Gradio has not moved into its place is what is left of an upload
# that was broken off, and in which no other is deleted.
BROKEN_OFF = 120.0
FRESH = 60.0


@contextlib.contextmanager
def claimed() -> Iterator[Path]:
    """A folder for this process, for Gradio's files and all temporary ones; gone afterwards.

    What earlier processes have left, ended as they may be, is deleted; what another one that runs
    has is not. They lie in ``$GRADIO_TEMP_DIR``, else in the system's folder for such files. To be
    entered before Gradio is imported.
    """
    base = os.environ.get("GRADIO_TEMP_DIR")
    root = Path(base) if base else _own(Path(tempfile.gettempdir()))
    root.mkdir(parents=True, exist_ok=True)
    for left in root.glob("run-*"):
        if lock := _locked(left):
            shutil.rmtree(left, ignore_errors=True)
            lock.close()
    folder = root / f"run-{secrets.token_hex(8)}"
    for part in ("files", "temporary"):
        (folder / part).mkdir(parents=True, mode=0o700)
    lock = _locked(folder)
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "files")
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder / "temporary")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock:
            lock.close()


def _own(parent: Path) -> Path:
    """A folder that is this person's, whoever else may write to `parent`."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = parent / f"styleswap-{user}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == user:
            return folder
    return Path(tempfile.mkdtemp(prefix="styleswap-"))


def _locked(folder: Path) -> IO[Any] | None:
    """The folder's lock, held as long as the file is open; None where another process has it."""
    try:
        file = open(folder / "lock", "w")  # noqa: SIM115 - it is held
    except OSError:
        return None
    if sys.platform != "win32":  # where what is open cannot be deleted anyway
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
    return file


def tidy(folder: Path, most: float, kept: Collection[str] = ()) -> int:
    """Delete files, the oldest first, until they have `most` bytes together at the most.

    What is left of uploads that were broken off goes in any case.

    Args:
        kept: paths that stay.

    Returns:
        The bytes that are left.
    """
    now, total = time.time(), 0
    files: list[tuple[float, int, Path]] = []
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode):
                continue
            total += found.st_blocks * 512 if hasattr(found, "st_blocks") else found.st_size
            if str(path) in kept:
                continue
            if path.parent == folder and now - found.st_mtime > BROKEN_OFF:
                path.unlink()
                continue
            files.append((found.st_mtime, found.st_size, path))
    for changed, size, path in sorted(files):
        if total <= most or (now - changed < FRESH and total <= 2 * most):
            break
        with contextlib.suppress(OSError):
            path.unlink()
            total -= size
            path.parent.rmdir()  # if it was the last
    return total


def is_full(folder: Path) -> bool:
    """Whether there is no room for another upload."""
    try:
        return shutil.disk_usage(folder).free < RESERVE
    except OSError:
        return True
