"""One photograph in one style by several methods, and how they compare."""

from __future__ import annotations

import csv
import functools
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

from styleswap import __version__, media, weights
from styleswap.errors import StyleSwapError
from styleswap.request import Request, Stopped, StyleChoice, sized
from styleswap.specs import METHODS, CompareParams, MethodSpec, get_spec, stylisers

if TYPE_CHECKING:
    from styleswap.engine import Engine, Progress

FIGURES = ("seconds", "content", "style", "brightness")
RESULTS, FIGURES_FILE, SHEET = "results.json", "results.csv", "contact-sheet.jpg"
# Width of a picture on the contact sheet, and the room for its two lines, in pixels.
CELL, LINES = 360, 52


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Attributes:
        content, style: RGB pictures.
        names: what content and style are called in the records.
        methods: in the order in which they work.
        trained: by method, the style that was trained from the style picture.
    """

    content: Image.Image
    style: Image.Image
    names: tuple[str, str]
    methods: Sequence[str]
    trained: Mapping[str, str]
    params: CompareParams

    @functools.cached_property
    def photograph(self) -> Image.Image:
        """The content as every method is given it, of the results' size.

        Raises:
            StyleSwapError: it would be too thin.
        """
        return sized(self.content, self.params)

    def request(self, method: str) -> Request:
        """The job of one method."""
        spec = get_spec(method)
        if spec.style == "trained":
            choice = StyleChoice(name=self.trained[method])
        else:
            choice = StyleChoice(picture=self.style)
        return Request(method, self.content, [choice], spec.params(**asdict(self.params)))


@dataclass(frozen=True)
class Working:
    """How far one method is."""

    method: str
    progress: Progress


@dataclass(frozen=True)
class Fault:
    """What one method cannot do, in one sentence."""

    method: str
    sentence: str


@dataclass(frozen=True)
class Result:
    """What one method made.

    Attributes:
        progress: the last one.
        figures: content distance, style distance and brightness.
    """

    method: str
    progress: Progress
    figures: Mapping[str, float]

    @property
    def file(self) -> str:
        """The picture's file name."""
        return f"{self.method}.png"

    @property
    def row(self) -> dict[str, Any]:
        """What the records and the page's table say of it."""
        seconds = {"seconds": round(self.progress.seconds, 3)}
        figures = {name: round(value, 4) for name, value in self.figures.items()}
        early = self.progress.i < self.progress.n  # stopped, or at the time cap
        steps = {"step": self.progress.i, "steps": self.progress.n} if early else {}
        return {"method": self.method, **seconds, **figures, **steps}


# What is told of a method: first how far it is, then how it ended.
State = Working | Fault | Result


def choose(methods: Sequence[str] | None, style: str) -> tuple[list[str], dict[str, str]]:
    """The methods in the order in which they work, and the trained style of those that need one.

    Args:
        methods: their ids; None for all that can.
        style: path of the style picture.

    Raises:
        StyleSwapError: a method that does not exist, makes no styles, or has none that was trained
            from this picture; no method at all.
    """
    known = [spec.id for spec in stylisers()]
    trained = {}
    for spec in stylisers():
        if spec.style == "trained" and (found := weights.trained_from(spec.id, Path(style))):
            trained[spec.id] = found.name

    def can(spec: MethodSpec) -> bool:
        return spec.style == "image" or spec.id in trained

    for method in methods or ():
        spec = get_spec(method)
        if method not in known:
            raise StyleSwapError(f"{method} takes no style; compare some of {', '.join(known)}.")
        if not can(spec):
            raise StyleSwapError(
                f"{method} has no style that was trained from this picture; leave {method} out, or"
                " choose a picture that it was trained from."
            )
    chosen = [spec for spec in stylisers() if can(spec) and (methods is None or spec.id in methods)]
    if not chosen:
        raise StyleSwapError("There is no method to compare; choose at least one.")
    return [spec.id for spec in chosen], trained


def open_comparison(
    content: str, style: str, methods: Sequence[str] | None, params: CompareParams
) -> Comparison:
    """What is compared, out of two files.

    Raises:
        StyleSwapError: a file that is no picture or too thin for the size, or as `choose`.
    """
    picture = media.open_picture(content, "photograph")
    sized(picture, params)
    look = media.open_picture(style, "style picture")
    chosen, trained = choose(methods, style)
    names = (Path(content).name, Path(style).name)
    return Comparison(picture, look, names, chosen, trained, params)


def run(engine: Engine, task: Comparison, cancel: threading.Event) -> Iterator[State]:
    """Let the methods work one after the other; yields after each step, and how each one ended.
    What one cannot do does not keep the others from it.

    Setting `cancel` ends it with what there is.
    """
    for method in task.methods:
        last = None
        try:
            for last in engine.run(task.request(method), cancel):
                yield Working(method, last)
            if last is None:
                return
            figures = engine.measure(last.result(), task.photograph, task.style, threading.Event())
        except StyleSwapError as error:
            yield Fault(method, str(error))
        else:
            yield Result(method, last, figures)
        if cancel.is_set():
            return


def untouched(engine: Engine, task: Comparison, cancel: threading.Event) -> dict[str, float]:
    """The figures of the photograph itself, to measure the others by; empty where `cancel` was set
    before the device was free."""
    try:
        return engine.measure(task.photograph, task.photograph, task.style, cancel)
    except Stopped:
        return {}


def records(
    task: Comparison, own: Mapping[str, float], results: Sequence[Result]
) -> dict[str, Any]:
    """Settings and figures, for ``results.json`` and the API; `own` is what `untouched` gave."""
    width, height = task.photograph.size
    settings = {
        "content": task.names[0],
        "style": task.names[1],
        "methods": list(task.methods),
        "trained_styles": {m: name for m, name in task.trained.items() if m in task.methods},
        **asdict(task.params),
        "width": width,
        "height": height,
        "version": __version__,
    }
    return {
        "settings": settings,
        "photograph": {name: round(value, 4) for name, value in own.items()},
        "results": [result.row | {"file": result.file} for result in results],
    }


def save_result(task: Comparison, result: Result, folder: Path) -> Path:
    """Write one method's picture, with its settings in it; gives the file."""
    target = folder / result.file
    about = task.request(result.method).about(*task.names)
    media.save_picture(result.progress.result(), target, about)
    return target


def save_records(
    task: Comparison, own: Mapping[str, float], results: Sequence[Result], folder: Path
) -> dict[str, Any]:
    """Write the contact sheet, ``results.json`` and the figures as ``results.csv`` beside the
    pictures; gives the records."""
    media.save_picture(contact_sheet(task, own, results), folder / SHEET)
    found = records(task, own, results)
    target = folder / RESULTS
    with media.whole(target) as part:
        part.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")
    rows = [{"method": "(photograph)", **found["photograph"]}, *found["results"]]
    with (
        media.whole(folder / FIGURES_FILE) as part,
        part.open("w", encoding="utf-8", newline="") as file,
    ):
        columns = ["method", *FIGURES, "step", "steps", "file"]
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return found


def contact_sheet(
    task: Comparison, own: Mapping[str, float], results: Sequence[Result]
) -> Image.Image:
    """Photograph, style and every result, each above its figures."""
    photograph = task.photograph
    cell = (CELL, round(CELL * photograph.height / photograph.width))
    cells = [
        (photograph, "Photograph", "  ".join(f"{k} {v:.3f}" for k, v in own.items())),
        (task.style, "Style", task.names[1]),
    ]
    for result in results:
        row = result.row
        line = f"{row.pop('seconds'):.1f} s  "
        title = METHODS[row.pop("method")].title.en
        line += "  ".join(f"{name} {row[name]:.3f}" for name in FIGURES if name in row)
        cells.append((result.progress.result(), title, line))
    across = 3 if len(cells) <= 6 else 4
    rows = -(-len(cells) // across)
    sheet = Image.new("RGB", (CELL * across, (cell[1] + LINES) * rows), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (picture, title, line) in enumerate(cells):
        left, top = i % across * CELL, i // across * (cell[1] + LINES)
        sheet.paste(ImageOps.fit(picture, cell), (left, top))
        for text, size, below, tone in ((title, 17, 6, "black"), (line, 13, 29, "#555555")):
            font = ImageFont.load_default(size)
            while font.getlength(text) > CELL - 16:
                text = text[:-4] + "..."
            draw.text((left + 8, top + cell[1] + below), text, tone, font)
    return sheet
