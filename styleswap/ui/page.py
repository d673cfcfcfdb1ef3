"""The page: header, tabs, and how it is launched."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import gradio as gr

from styleswap import live, media, specs
from styleswap.errors import StyleSwapError
from styleswap.live import Room
from styleswap.request import Request, StyleChoice
from styleswap.specs import Text
from styleswap.ui import examples, i18n, theme
from styleswap.ui.compare import CompareTab
from styleswap.ui.denoise import DenoiseTab
from styleswap.ui.i18n import both, t
from styleswap.ui.picture import PictureTab
from styleswap.ui.styles import trained_styles
from styleswap.ui.video import VideoTab
from styleswap.ui.webcam import WebcamTab

if TYPE_CHECKING:
    from styleswap.engine import Engine

# Uploads and results are looked through every hour and deleted when they are half a day old.
DELETE_CACHE = (3600, 12 * 3600)
# The largest upload: a video. What reads pictures has a limit of its own.
MAX_BYTES = 512 * 2**20
# Jobs that may wait in line; who comes later is told so.
QUEUE = 32


def launch(engine: Engine, **options: Any) -> gr.Blocks:
    """The page, launched; `options` are Gradio's beside those that the page itself needs."""
    room = Room(engine)
    page = build(room)
    page.launch(**launch_options(room), **options)
    return page


def warm_up(engine: Engine) -> None:
    """Make the picture that a first visitor asks for, so that whoever does need not wait long."""
    spec = specs.stylisers()[0]
    picture = media.open_picture(examples.content_examples()[0])
    for style in trained_styles(spec.id)[:1]:
        request = Request(spec.id, picture, [StyleChoice(name=style.name)], spec.params())
        with contextlib.suppress(StyleSwapError):
            for _ in engine.run(request):
                pass


def build(room: Room) -> gr.Blocks:
    """The whole page, ready for ``launch(**launch_options(room))``."""
    page = gr.Blocks(
        title="StyleSwap", analytics_enabled=False, fill_width=True, delete_cache=DELETE_CACHE
    )
    page.queue(max_size=QUEUE)  # first, since Gradio then describes the whole page once more
    with page:
        gr.HTML(
            f'<header id="header"><h1>Style<b>Swap</b></h1><p>{both(i18n.TAGLINE)}</p></header>',
            container=False,
            padding=False,
            elem_id="top",
        )
        # Each draws itself where it is constructed and hooks itself up with the page.
        with gr.Tabs() as tabs:
            with tab("picture", i18n.PICTURE_TAB):
                picture = PictureTab(page, room.engine)
            with tab("compare", i18n.COMPARE):
                CompareTab(page, room.engine, picture, tabs)
            with tab("video", i18n.VIDEO_TAB):
                VideoTab(page, room.engine)
            with tab("webcam", i18n.WEBCAM_TAB):
                WebcamTab(page, room)
            with tab("denoise", i18n.DENOISE_TAB):
                DenoiseTab(page, room.engine)
    return page


def tab(name: str, title: Text) -> gr.Tab:
    """A tab, in which is drawn what follows ``with``."""
    return gr.Tab(t(title), id=name, elem_id=f"{name}-tab")


def launch_options(room: Room) -> dict[str, Any]:
    """What Gradio's ``launch`` is always given."""
    files = [
        *examples.content_examples(),
        *examples.clip_examples(),
        *examples.style_examples(),
        examples.FIRST_RESULT,
    ]
    return {
        "theme": theme.theme(),
        "css": theme.CSS,
        "i18n": i18n.catalogue(),
        "footer_links": ["api", "settings"],
        "run_history": False,
        "ssr_mode": False,
        "show_error": True,
        "app_kwargs": {"routes": live.routes(room)},
        "max_file_size": MAX_BYTES,
        "allowed_paths": [str(file) for file in files],
    }
