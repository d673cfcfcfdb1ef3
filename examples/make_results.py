"""Makes README's pictures.

``results.jpg`` is a photograph beside itself in three of our style pictures, by optimisation;
``styles.jpg`` is another in every trained style; ``methods.jpg`` is the first beside a style, and
in that style by every method.

python examples/make_results.py
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from PIL import Image, ImageOps

from styleswap import media, weights
from styleswap.engine import Engine, Request, StyleChoice
from styleswap.specs import GatysParams, JohnsonParams, stylisers

HERE = Path(__file__).parent
STYLES = ("swirls", "tiles", "waves")
HEIGHT = 480
COLUMNS, SIDE = 4, 300
COMPARED = "waves"  # a style picture, and the style that was trained from it


def main() -> None:
    engine = Engine()
    media.save_picture(optimised(engine), HERE / "results.jpg")
    media.save_picture(trained(engine), HERE / "styles.jpg")
    media.save_picture(compared(engine), HERE / "methods.jpg")


def optimised(engine: Engine) -> Image.Image:
    photo = media.open_picture(gr.media.get_image("tower.jpg"))
    pictures = [photo]
    for name in STYLES:
        style = media.open_picture(HERE / "style" / f"{name}.jpg")
        *_, last = engine.run(Request("gatys", photo, [StyleChoice(style)], GatysParams()))
        pictures.append(last.picture())
    return in_a_row(pictures)


def compared(engine: Engine) -> Image.Image:
    photo = media.open_picture(gr.media.get_image("tower.jpg"))
    style = media.open_picture(HERE / "style" / f"{COMPARED}.jpg")
    pictures = [photo, ImageOps.fit(style, photo.size)]
    for spec in stylisers():
        choice = StyleChoice(style) if spec.style == "image" else StyleChoice(name=COMPARED)
        *_, last = engine.run(Request(spec.id, photo, [choice], spec.params()))
        pictures.append(last.picture())
    return in_a_row(pictures)


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
    main()
