"""The one exception that a person may see, and what a stranger may see of it."""

from __future__ import annotations

import errno
import re

# The most characters of a sentence that a stranger is told: it may quote what was sent.
MOST_SAID = 300

_FOLDERS = re.compile(r"(?:[A-Za-z]:)?[/\\](?:[^\s'\"/\\]+[/\\])+")
FULL = "The server's disk is full; try again later."


class StyleSwapError(Exception):
    """Something a person can put right. Its text is one sentence: what was wrong and what to do.

    The page shows it as a toast, the command line prints it and exits 2, the API returns it.
    Every other exception that escapes is a bug.
    """


def without_folders(text: str) -> str:
    """A text without this machine's folders, and of a sentence's length."""
    text = _FOLDERS.sub("", text)
    return text if len(text) <= MOST_SAID else f"{text[: MOST_SAID - 1]}…"


def is_full(fault: BaseException | None) -> bool:
    """Whether a fault is that of a full disk."""
    return isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def for_strangers(error: StyleSwapError) -> str:
    """The sentence of an error as whoever uses the page is told it, who knows no file by its place
    on this machine."""
    if is_full(error.__cause__):
        return FULL
    if isinstance(error.__cause__, OSError) and str(error).startswith("Cannot save as"):
        return "The server could not keep the result; try again later."
    if isinstance(error.__cause__, FileNotFoundError):
        return "A file of yours is no longer on the server; upload it again."
    return without_folders(str(error))
