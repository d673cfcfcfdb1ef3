"""Build the page and launch it: ``python app.py [--host HOST] [--port PORT] [--share]``."""

from __future__ import annotations

import gc
import os
import signal
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
    auth: Annotated[
        list[str] | None,
        typer.Option(help="USER:PASSWORD, or a file with one a line; may be given repeatedly."),
    ] = None,
) -> None:
    """Open StyleSwap's page; what is not given here may stand in a GRADIO_* variable."""
    # Nothing of what is imported and drawn is garbage: to look for it took a tenth of the start.
    gc.disable()
    from styleswap import scratch

    # As Ctrl-C does: nothing shall be left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with scratch.claimed():
        serve(host, port, share, auth or [])
    # Jobs at work would be waited for, and what computes for them does not outlive the interpreter.
    sys.stdout.flush()
    os._exit(0)


def serve(host: str | None, port: int | None, share: bool, auth: list[str]) -> None:
    """Launch the page and wait until it is closed."""
    from styleswap.errors import StyleSwapError
    from styleswap.ui import page
    from styleswap.ui.hosting import Hosting

    engine = late(make_engine)
    try:
        hosting = Hosting.chosen(host, share, auth)
    except StyleSwapError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        launched = page.launch(
            engine,
            hosting,
            server_name=host,
            server_port=port,
            share=share or None,
            prevent_thread_lock=True,
        )
    except OSError as error:
        if "Cannot find empty port" not in str(error):  # Gradio's, whatever keeps it from listening
            raise
        where = "there" if port is None else f"at port {port}"
        typer.echo(
            f"Nothing can listen {where}: another program may; choose another --port.", err=True
        )
        raise typer.Exit(2) from None

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


def make_engine() -> Engine:
    """The engine, and with it torch, which takes longer than the page."""
    from styleswap.engine import Engine

    return Engine()


if __name__ == "__main__":
    typer.run(main)
