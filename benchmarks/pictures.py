"""README's pictures, by our own weights, in benchmarks/images/.

``styles.jpg`` is a photograph beside itself in every trained style; ``mixtures.jpg`` is one in five
steps from one trained style to another, a row for each pair; ``results.jpg`` is another in
three of our style pictures, by optimisation; ``methods.jpg`` is the contact sheet of a comparison,
and ``method-*.jpg`` are its pictures. ``first.jpg``, in examples/, is what the page shows before
anybody has done anything.

python benchmarks/pictures.py [NAME ...]
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import gradio as gr
import torch
import typer
from PIL import Image, ImageOps

from styleswap import compare, media, tensors, weights
from styleswap.engine import Engine
from styleswap.methods import denoise
from styleswap.request import Request, StyleChoice
from styleswap.specs import CompareParams, DenoiseParams, GatysParams, JohnsonParams
from styleswap.ui import examples
from styleswap.ui.picture import first_job

IMAGES = Path(__file__).parent / "images"
STYLES = ("swirls", "tiles", "waves")
HEIGHT = 480
COLUMNS, SIDE = 6, 240
PAIRS = (
    ("starry-night", "the-scream"),
    ("udnie", "great-wave"),
    ("composition-vii", "mondrian-composition"),
    ("metzinger", "ink"),
)
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
COMPARED = "waves"  # a style picture that a style was trained from
THUMB = (300, 210)


def main(names: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    engine = Engine()
    for make in (first, results, styles, mixtures, methods):
        if not names or make.__name__ in names:
            for file, picture in make(engine):
                media.save_picture(picture, file)


Made = Iterator[tuple[Path, Image.Image]]


def first(engine: Engine) -> Made:
    *_, last = engine.run(first_job())
    yield examples.FIRST_RESULT, last.result()


def results(engine: Engine) -> Made:
    photo = media.open_picture(gr.media.get_image("tower.jpg"))
    pictures = [photo]
    for name in STYLES:
        style = media.open_picture(examples.EXAMPLES / "style" / f"{name}.jpg")
        *_, last = engine.run(Request("gatys", photo, [StyleChoice(style)], GatysParams()))
        pictures.append(last.picture())
    row = [p.resize((round(p.width * HEIGHT / p.height), HEIGHT)) for p in pictures]
    sheet = Image.new("RGB", (sum(p.width for p in row), HEIGHT))
    left = 0
    for p in row:
        sheet.paste(p, (left, 0))
        left += p.width
    yield IMAGES / "results.jpg", sheet


def styles(engine: Engine) -> Made:
    photo = media.open_picture(gr.media.get_image("lion.jpg"))
    pictures = [photo]
    for entry in weights.styles():
        request = Request("johnson", photo, [StyleChoice(name=entry.name)], JohnsonParams())
        *_, last = engine.run(request)
        pictures.append(last.picture())
    rows = -(-len(pictures) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * SIDE), "white")
    for i, picture in enumerate(pictures):
        cell = ImageOps.fit(picture, (SIDE, SIDE))
        sheet.paste(cell, (i % COLUMNS * SIDE, i // COLUMNS * SIDE))
    yield IMAGES / "styles.jpg", sheet


def mixtures(engine: Engine) -> Made:
    photo = media.open_picture(gr.media.get_image("tower.jpg"))
    params = JohnsonParams(size=420)
    rows = []
    for pair in PAIRS:
        row = []
        for share in SHARES:
            weights_ = zip(pair, (1 - share, share), strict=True)
            mix = [StyleChoice(name=name, weight=weight) for name, weight in weights_ if weight]
            *_, last = engine.run(Request("johnson", photo, mix, params))
            row.append(last.image)
        rows.append(torch.cat(row))
    yield IMAGES / "mixtures.jpg", tensors.contact_sheet(rows)


def methods(engine: Engine) -> Made:
    photo = str(examples.content_examples()[0])
    style = str(examples.EXAMPLES / "style" / f"{COMPARED}.jpg")
    task = compare.open_comparison(photo, style, None, CompareParams())
    never = threading.Event()
    states = compare.run(engine, task, never)
    made = [state for state in states if isinstance(state, compare.Result)]
    sheet = compare.contact_sheet(task, compare.untouched(engine, task, never), made)
    yield IMAGES / "methods.jpg", sheet
    for result in made:
        thumb = ImageOps.fit(result.progress.result(), THUMB)
        yield IMAGES / f"method-{result.method}.jpg", thumb
    yield IMAGES / "method-denoise.jpg", denoised(engine)


def denoised(engine: Engine) -> Image.Image:
    """A noisy picture on the left, what becomes of it on the right."""
    photo = media.open_picture(examples.EXAMPLES / "content" / "owl.jpg")
    photo = ImageOps.fit(photo, THUMB, centering=(0.5, 0.15))
    params = DenoiseParams(add="gaussian", sigma=40)
    *_, last = engine.run(Request("denoise", photo, [], params))
    sheet = tensors.to_pil(denoise.noisy(tensors.from_pil(photo), params))
    half = sheet.width // 2
    sheet.paste(last.result().crop((half, 0, *sheet.size)), (half, 0))
    return sheet


if __name__ == "__main__":
    typer.run(main)
