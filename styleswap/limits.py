"""How much a visitor may ask of the machine: one table, with an environment variable for each line.

Where only this machine can reach the page the limits are gentle, and strict where others can. Each
may be set by its variable, such as ``STYLESWAP_JOBS=6``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from styleswap.errors import StyleSwapError

PREFIX = "STYLESWAP_"


def _limit(gentle: float, strict: float, what: str) -> Any:
    return field(default=gentle, metadata={"strict": strict, "what": what})


@dataclass(frozen=True)
class Limits:
    """The limits in force; what they are by default holds where only this machine has access."""

    megapixels: float = _limit(64, 50, "megapixels of a picture")
    upload: float = _limit(512, 128, "MB of an upload")
    uploads: float = _limit(10_000, 1_000, "MB that a visitor may upload an hour")
    clip: float = _limit(600, 60, "seconds of a video that are repainted")
    minutes: float = _limit(10, 5, "minutes of work a job; it then ends with what it has")
    jobs: float = _limit(8, 3, "jobs that a visitor may have waiting or under way")
    line: float = _limit(32, 32, "jobs that may wait, quick and slow ones each")
    reading: float = _limit(60, 20, "seconds that looking at a video may take")
    memory: float = _limit(2_048, 1_024, "MB that looking at a video may take")
    disk: float = _limit(20_000, 5_000, "MB of uploads and results; the oldest are deleted first")
    sessions: float = _limit(50, 50, "visitors whose page Gradio keeps a state of, 0.5 MB each")
    logins: float = _limit(10, 5, "wrong logins a minute from one address")


def read(strict: bool, given: Mapping[str, str] = os.environ) -> Limits:
    """The limits, as far as they are set in `given`, else the gentle or the strict ones.

    Raises:
        StyleSwapError: a value is no number above 0.
    """
    chosen: dict[str, float] = {}
    for line in fields(Limits):
        value: float = line.metadata["strict"] if strict else line.default  # type: ignore[assignment]
        text = given.get(PREFIX + line.name.upper())
        if text:
            try:
                value = float(text)
            except ValueError:
                value = -1
            if not 0 < value < float("inf"):
                raise StyleSwapError(
                    f"{PREFIX}{line.name.upper()} must be a number above 0, not {text!r}."
                )
        chosen[line.name] = value
    return Limits(**chosen)


def table() -> str:
    """The table, in Markdown, as it stands in the documentation."""
    lines = ["| variable | alone | strangers | what |", "|---|---|---|---|"]
    lines += [
        f"| `{PREFIX}{line.name.upper()}` | {line.default:g} | {line.metadata['strict']:g}"
        f" | {line.metadata['what']} |"
        for line in fields(Limits)
    ]
    return "\n".join(lines)


_now = Limits()


def now() -> Limits:
    """The limits in force."""
    return _now


def use(chosen: Limits) -> None:
    """Put limits in force, for the whole process."""
    global _now
    _now = chosen
