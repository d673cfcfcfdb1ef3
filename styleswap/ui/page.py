"""The page: header, tabs, and how it is launched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from styleswap.engine import Engine
from styleswap.specs import Text
from styleswap.ui import denoise, examples, i18n, picture, theme, video
from styleswap.ui.i18n import both, t

# Each draws itself where it is called and hooks itself up with the page.
TABS: tuple[tuple[str, Text, Callable[[gr.Blocks, Engine], object]], ...] = (
    ("picture", i18n.PICTURE_TAB, picture.PictureTab),
    ("video", i18n.VIDEO_TAB, video.VideoTab),
    ("denoise", i18n.DENOISE_TAB, denoise.DenoiseTab),
)

# Uploads and results are looked through every hour and deleted when they are half a day old.
DELETE_CACHE = (3600, 12 * 3600)
# The largest upload: a video. What reads pictures has a limit of its own.
MAX_BYTES = 512 * 2**20
# Jobs that may wait in line; who comes later is told so.
QUEUE = 32


def build(engine: Engine) -> gr.Blocks:
    """The whole page, ready for ``launch(**launch_options())``."""
    page = gr.Blocks(
        title="StyleSwap", analytics_enabled=False, fill_width=True, delete_cache=DELETE_CACHE
    )
    with page:
        gr.HTML(
            f'<header id="header"><h1>Style<b>Swap</b></h1><p>{both(i18n.TAGLINE)}</p></header>',
            container=False,
            padding=False,
            elem_id="top",
        )
        with gr.Tabs():
            for name, title, draw in TABS:
                with gr.Tab(t(title), id=name):
                    draw(page, engine)
    page.queue(max_size=QUEUE)
    return page


def launch_options() -> dict[str, Any]:
    """What ``launch`` is always given, whoever launches the page."""
    files = [
        *examples.content_examples(),
        *examples.clip_examples(),
        *examples.style_examples(),
    ]
    return {
        "theme": theme.theme(),
        "css": theme.CSS,
        "i18n": i18n.catalogue(),
        "footer_links": ["api", "settings"],
        "run_history": False,
        "ssr_mode": False,
        "show_error": True,
        "max_file_size": MAX_BYTES,
        "allowed_paths": [str(file) for file in files],
    }
