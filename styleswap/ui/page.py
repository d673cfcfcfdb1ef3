"""The page: header, tabs, and how it is launched."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import gradio as gr
from gradio.exceptions import InvalidPathError
from gradio.routes import file_upload_statuses as uploads

from styleswap import limits, live, scratch
from styleswap.errors import FULL, StyleSwapError, for_strangers, is_full
from styleswap.live import Room
from styleswap.specs import Text
from styleswap.ui import endpoints, examples, fetch, head, i18n, line, mcp, theme
from styleswap.ui.boxes import PictureBox, VideoBox
from styleswap.ui.compare import CompareTab
from styleswap.ui.denoise import DenoiseTab
from styleswap.ui.guard import Guard
from styleswap.ui.hosting import Hosting
from styleswap.ui.i18n import both, t
from styleswap.ui.link import Link, Links
from styleswap.ui.picture import PictureTab, first_job
from styleswap.ui.video import VideoTab
from styleswap.ui.webcam import WebcamTab

if TYPE_CHECKING:
    from styleswap.engine import Engine

# Uploads and results are looked through every hour and deleted when they are half a day old.
DELETE_CACHE = (3600, 12 * 3600)
# Seconds between two looks at how much there is of these.
TIDY_EVERY = 5.0
# Uploads whose progress is remembered until somebody asks for it.
MOST_TRACKED = 200
# Seconds from one look into the line of jobs to the next. Gradio looks a thousand times a second,
# all day: a tenth of a core, and those who compute on all cores wait for the one interrupted.
LOOK_EVERY = 0.02

SCRIPT = Path(__file__).with_suffix(".js").read_text("utf-8")

NO_FIT = "The request does not fit; /gradio_api/info tells what each endpoint takes."

logger = logging.getLogger(__name__)


class Page(gr.Blocks):
    """Gradio's, but that what a caller gets wrong before one of our functions is called, or after,
    is told in a sentence of ours: Gradio's own tell folders, objects and lines of code."""

    async def preprocess_data(self, block_fn: Any, inputs: Any, *args: Any) -> Any:
        try:
            folder = Path(gr.utils.get_upload_folder())
            files = [isinstance(box, PictureBox | VideoBox) for box in block_fn.inputs]
            inputs = [
                await fetch.taken(value, folder) if file else value
                for value, file in itertools.zip_longest(inputs, files[: len(inputs)])
            ]
            inputs = await fetch.fetched(inputs, folder)
            return await super().preprocess_data(block_fn, inputs, *args)
        except StyleSwapError as error:
            raise gr.Error(for_strangers(error), print_exception=False) from None
        except InvalidPathError:
            raise gr.Error(fetch.HOW, print_exception=False) from None
        except Exception as fault:
            if isinstance(fault, gr.Error) and not fault.print_exception:
                raise  # ours
            raise gr.Error(FULL if is_full(fault) else NO_FIT, print_exception=False) from None

    async def postprocess_data(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().postprocess_data(*args, **kwargs)
        except Exception as fault:
            if not is_full(fault):
                logger.exception("a bug")
            sentence = FULL if is_full(fault) else i18n.BUG.en
            raise gr.Error(sentence, print_exception=False) from None


class Tab(Protocol):
    """A tab that has drawn itself and hooked itself up with the page."""

    link: Link


def launch(
    engine: Engine,
    hosting: Hosting | None = None,
    prevent_thread_lock: bool = False,
    **options: Any,
) -> gr.Blocks:
    """The page, launched; `options` are Gradio's beside those that the page itself needs.

    Args:
        hosting: how it is reached; None for this machine alone.
        prevent_thread_lock: come back at once, not when the page is closed.
    """
    hosting = hosting or Hosting()
    head.mend()
    room = Room(engine)
    page = build(room)
    page.launch(prevent_thread_lock=True, **launch_options(room, hosting), **options)
    mcp.adopt(page, hosting)
    if not prevent_thread_lock:
        page.block_thread()
    return page


def warm_up(engine: Engine) -> None:
    """Make the picture that a first visitor asks for, so that whoever does need not wait long."""
    with contextlib.suppress(StyleSwapError):
        for _ in engine.run(first_job()):
            pass


def build(room: Room) -> gr.Blocks:
    """The whole page, ready for ``launch(**launch_options(room))``."""
    # Each draws itself where it is constructed and hooks itself up with the page.
    tabs: list[tuple[str, Text, Callable[[], Tab]]] = [
        ("picture", i18n.PICTURE_TAB, lambda: PictureTab(page, room.engine)),
        (
            "compare",
            i18n.COMPARE,
            lambda: CompareTab(page, room.engine, drawn["picture"], all_),
        ),
        ("video", i18n.VIDEO_TAB, lambda: VideoTab(page, room.engine)),
        ("webcam", i18n.WEBCAM_TAB, lambda: WebcamTab(page, room)),
        ("denoise", i18n.DENOISE_TAB, lambda: DenoiseTab(page, room.engine)),
    ]
    page = Page(
        title="StyleSwap", analytics_enabled=False, fill_width=True, delete_cache=DELETE_CACHE
    )
    # First, since Gradio then describes the whole page once more. Nobody goes past the line.
    page.queue(api_open=False)
    page._queue.sleep_when_free = LOOK_EVERY
    with page:
        gr.HTML(
            f'<header id="header"><h1>Style<b>Swap</b></h1><p>{both(i18n.TAGLINE)}</p></header>',
            container=False,
            padding=False,
            elem_id="top",
        )
        drawn: dict[str, Any] = {}
        items: dict[str, gr.Tab] = {}
        with gr.Tabs() as all_:
            for name, title, draw in tabs:
                with gr.Tab(t(title), id=name, elem_id=f"{name}-tab") as items[name]:
                    drawn[name] = draw()
        Links({name: tab.link for name, tab in drawn.items()}).wire(page, all_, items)
        endpoints.publish_lists()
        page.load(None, js=SCRIPT)
    line.adopt(page, drawn["picture"].naming)
    return page


def launch_options(room: Room, hosting: Hosting | None = None) -> dict[str, Any]:
    """What Gradio's ``launch`` is always given."""
    hosting = hosting or Hosting()
    # Whether a proxy's word is taken is decided by the guard alone.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
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
        "pwa": True,
        "ssr_mode": False,
        "mcp_server": True,
        "show_error": True,
        "app_kwargs": {
            "routes": live.routes(room),
            "lifespan": functools.partial(guarded, hosting),
        },
        "auth": list(hosting.auth) or None,
        "max_file_size": int(limits.now().upload * 2**20),
        "state_session_capacity": int(limits.now().sessions),
        "allowed_paths": [str(file) for file in files],
    }


@contextlib.asynccontextmanager
async def guarded(hosting: Hosting, app: Any) -> AsyncIterator[None]:
    """Put the guard around Gradio's app, and around all that Gradio itself puts around it."""
    page = app.get_blocks()
    files = Path(app.uploaded_file_dir)
    files.mkdir(parents=True, exist_ok=True)
    app.middleware_stack = Guard(app.middleware_stack, app, page._queue, hosting, files)
    tasks = [asyncio.create_task(page._queue.sweep()), asyncio.create_task(tidied(page, files))]
    yield
    for task in tasks:
        task.cancel()


async def tidied(page: gr.Blocks, files: Path) -> None:
    """Keep uploads and results within their quota, and what Gradio remembers of them; for as long
    as the page runs."""
    while True:
        await asyncio.sleep(TIDY_EVERY)
        for tracked in (uploads._statuses, uploads._signals):
            while len(tracked) > MOST_TRACKED:
                tracked.pop(next(iter(tracked)))
        try:
            await asyncio.to_thread(tidy, page, files)
        except Exception:
            logger.exception("a bug")


def tidy(page: gr.Blocks, files: Path) -> None:
    """Delete what is too much, but none of the page's own pictures."""
    kept = {path for box in page.blocks.values() for path in getattr(box, "keep_in_cache", ())}
    scratch.tidy(files, limits.now().disk * 10**6, kept)
    for known in (page.upload_file_set, *page.temp_file_sets):
        known.difference_update([path for path in list(known) if not os.path.exists(path)])
