"""Files that a caller names by their address on the web: fetched by whole addresses of the open web
alone, and never more than an upload may have."""

from __future__ import annotations

import asyncio
import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import safehttpx  # type: ignore[import-untyped]
from gradio_client.utils import (  # type: ignore[import-untyped]
    async_traverse,
    is_file_obj_with_meta,
    is_http_url_like,
)

from styleswap import limits, scratch
from styleswap.errors import FULL, StyleSwapError

REDIRECTS = 5
SECONDS = 60.0


async def fetched(value: Any, folder: Path) -> Any:
    """A value in which each file that stood at an address lies in `folder`.

    Raises:
        StyleSwapError: one cannot be fetched, or is too large.
    """

    async def fetch(file: dict[str, Any]) -> dict[str, Any]:
        if not is_http_url_like(file["path"]):
            return file
        return {**file, "path": str(await download(file["path"], folder)), "url": None}

    return await async_traverse(value, fetch, is_file_obj_with_meta)


async def download(url: str, folder: Path) -> Path:
    """Fetch a file; what is given lies below `folder`.

    Raises:
        StyleSwapError: the address is none, leads into a network of this machine's, answers with
            something else than a file, takes too long, or the file is too large.
    """
    if scratch.is_full(folder):
        raise StyleSwapError(FULL)
    place = folder / secrets.token_hex(16)
    place.mkdir(parents=True)
    target = place / (re.sub(r"[^\w.-]", "", Path(urlsplit(url).path).name).strip(".")[-60:] or "x")
    try:
        async with asyncio.timeout(SECONDS):
            await _stream(url, target)
    except BaseException as fault:
        target.unlink(missing_ok=True)
        place.rmdir()
        if isinstance(fault, StyleSwapError | asyncio.CancelledError):
            raise
        raise StyleSwapError(
            "The file cannot be fetched from that address; upload it, or send it whole."
        ) from None
    return target


async def _stream(url: str, target: Path) -> None:
    most = limits.now().upload * 2**20
    for _ in range(REDIRECTS + 1):
        host = httpx.URL(url).host
        # The name is looked up once, refused unless it is of the open web, and not looked up again.
        transport = safehttpx.AsyncSecureTransport(await safehttpx.async_validate_url(host))
        async with (
            httpx.AsyncClient(transport=transport, timeout=20) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.has_redirect_location:
                url = str(answer.url.join(answer.headers["location"]))
                continue
            answer.raise_for_status()
            got = 0
            with target.open("wb") as file:
                async for part in answer.aiter_bytes(2**16):
                    got += len(part)
                    if got > most:
                        raise StyleSwapError(f"A file has {limits.now().upload:g} MB at most here.")
                    file.write(part)
            return
    raise ValueError("too many redirects")
