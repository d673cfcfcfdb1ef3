"""README's pictures, by our own weights.

``results.jpg`` is a photograph beside itself in three of our style pictures, by optimisation;
``styles.jpg`` is another in every trained style; ``methods.jpg`` is the contact sheet of a
comparison; ``first.jpg``, in examples/, is what the page shows before anybody has done anything.

python benchmarks/pictures.py [NAME ...]
"""

from __future__ import annotations

import threading
from pathlib import Path

import gradio as gr
import typer
from PIL import Image, ImageOps

from styleswap import compare, media, weights
from styleswap.engine import Engine
from styleswap.request import Request, StyleChoice
from styleswap.specs import CompareParams, GatysParams, JohnsonParams
from styleswap.ui import examples
from styleswap.ui.picture import first_job

IMAGES = Path(__file__).parent / "images"
STYLES = ("swirls", "tiles", "waves")
HEIGHT = 480
COLUMNS, SIDE = 4, 300
COMPARED = "waves"  # a style picture that a style was trained from


def main(names: list[str] = typer.Argument(None)) -> None:  # noqa: B008
    engine = Engine()
    makers = {
        IMAGES / "results.jpg": optimised,
        IMAGES / "styles.jpg": trained,
        IMAGES / "methods.jpg": compared,
        examples.FIRST_RESULT: first,
    }
    for file, make in makers.items():
        if not names or file.stem in names:
            media.save_picture(make(engine), file)


def first(engine: Engine) -> Image.Image:
    *_, last = engine.run(first_job())
    return last.result()


def optimised(engine: Engine) -> Image.Image:
    photo = media.open_picture(gr.media.get_image("tower.jpg"))
    pictures = [photo]
    for name in STYLES:
        style = media.open_picture(examples.EXAMPLES / "style" / f"{name}.jpg")
        *_, last = engine.run(Request("gatys", photo, [StyleChoice(style)], GatysParams()))
        pictures.append(last.picture())
    return in_a_row(pictures)


def compared(engine: Engine) -> Image.Image:
    photo = str(gr.media.get_image("tower.jpg"))
    style = str(examples.EXAMPLES / "style" / f"{COMPARED}.jpg")
    task = compare.open_comparison(photo, style, None, CompareParams())
    never = threading.Event()
    results = [
        compare.Result(state.method, state.progress, state.figures)
        for state in compare.run(engine, task, never)
        if state.progress and state.figures
    ]
    return compare.contact_sheet(task, compare.untouched(engine, task, never), results)


def in_a_row(pictures: list[Image.Image]) -> Image.Image:
    row = [p.resize((round(p.width * HEIGHT / p.height), HEIGHT)) for p in pictures]
    sheet = Image.new("RGB", (sum(p.width for p in row), HEIGHT))
    left = 0
    for p in row:
        sheet.paste(p, (left, 0))
        left += p.width
    return sheet


def trained(engine: Engine) -> Image.Image:
    photo = media.open_picture(gr.media.get_image("lion.jpg"))
    styles = weights.styles()
    rows = -(-len(styles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * SIDE), "white")
    for i, entry in enumerate(styles):
        request = Request("johnson", photo, [StyleChoice(name=entry.name)], JohnsonParams())
        *_, last = engine.run(request)
        picture = ImageOps.fit(last.picture(), (SIDE, SIDE))
        sheet.paste(picture, (i % COLUMNS * SIDE, i // COLUMNS * SIDE))
    return sheet


if __name__ == "__main__":
    typer.run(main)
