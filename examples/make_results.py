"""Makes ``results.jpg``, README's picture: a photograph beside itself in three of our styles.

python examples/make_results.py
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from PIL import Image

from styleswap import media
from styleswap.engine import Engine, Request, StyleChoice
from styleswap.specs import GatysParams

HERE = Path(__file__).parent
STYLES = ("swirls", "tiles", "waves")
HEIGHT = 480


def main() -> None:
    photo = media.open_picture(gr.media.get_image("tower.jpg"))
    pictures = [photo]
    engine = Engine()
    for name in STYLES:
        style = media.open_picture(HERE / "style" / f"{name}.jpg")
        *_, last = engine.run(Request("gatys", photo, [StyleChoice(style)], GatysParams()))
        pictures.append(last.picture())
    row = [p.resize((round(p.width * HEIGHT / p.height), HEIGHT)) for p in pictures]
    sheet = Image.new("RGB", (sum(p.width for p in row), HEIGHT))
    left = 0
    for p in row:
        sheet.paste(p, (left, 0))
        left += p.width
    media.save_picture(sheet, HERE / "results.jpg")


if __name__ == "__main__":
    main()
