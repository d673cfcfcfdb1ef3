"""Build the page and launch it: ``python app.py [--host HOST] [--port PORT] [--share]``."""

from __future__ import annotations

from typing import Annotated

import typer

from styleswap.engine import Engine
from styleswap.ui import page


def main(
    host: Annotated[str | None, typer.Option(help="0.0.0.0 for the whole network.")] = None,
    port: Annotated[int | None, typer.Option(help="The first free one from 7860.")] = None,
    share: Annotated[bool, typer.Option(help="Make a public link through Gradio.")] = False,
) -> None:
    """Open StyleSwap's page; what is not given here may stand in a GRADIO_* variable."""
    page.launch(Engine(), server_name=host, server_port=port, share=share or None)


if __name__ == "__main__":
    typer.run(main)
