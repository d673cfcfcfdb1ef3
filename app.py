"""Build the page and launch it: ``python app.py [--host HOST] [--port PORT] [--share]``."""

from __future__ import annotations

import gc
import os
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from styleswap.late import late

if TYPE_CHECKING:
    from styleswap.engine import Engine

# Seconds in which a browser that waits already is given the page, before the engine is made.
HEAD_START = 1.0


def main(
    host: Annotated[str | None, typer.Option(help="0.0.0.0 for the whole network.")] = None,
    port: Annotated[int | None, typer.Option(help="The first free one from 7860.")] = None,
    share: Annotated[bool, typer.Option(help="Make a public link through Gradio.")] = False,
) -> None:
    """Open StyleSwap's page; what is not given here may stand in a GRADIO_* variable."""
    # Nothing of what is imported and drawn is garbage: to look for it took a tenth of the start.
    gc.disable()
    from styleswap.ui import page

    engine = late(make_engine)
    launched = page.launch(
        engine,
        server_name=host,
        server_port=port,
        share=share or None,
        prevent_thread_lock=True,
    )

    def warm_up() -> None:
        try:
            page.warm_up(engine)
        finally:
            gc.freeze()
            gc.enable()

    warming = threading.Timer(HEAD_START, warm_up)
    warming.daemon = True
    warming.start()
    launched.block_thread()
    # Jobs at work would be waited for, and what computes for them does not outlive the interpreter.
    sys.stdout.flush()
    os._exit(0)


def make_engine() -> Engine:
    """The engine, and with it torch, which takes longer than the page."""
    from styleswap.engine import Engine

    return Engine()


if __name__ == "__main__":
    typer.run(main)
