"""Files that a caller names by their address on the web, or sends whole beside the rest of what is
asked: fetched by whole addresses of the open web alone, and never more than an upload may have."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

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

META = {"_type": "gradio.FileData"}
HOW = (
    "A file is named by the path that its upload gave, or by its http(s) address, or sent whole as"
    " a data: URL."
)
# A text that is no path: longer than ours are where they have no dot.
_BASE64 = re.compile(r"[\w+/\s-]{100,}={0,2}\s*", re.ASCII)


async def taken(value: Any, folder: Path) -> Any:
    """What was given for a file as Gradio has it, however it was named: as a text alone, with its
    address in ``url``, or whole, as a ``data:`` URL or in base64, which is then in `folder`.

    Raises:
        StyleSwapError: it is no file, or too large.
    """
    if value is None:
        return None
    file = {"path": value} if isinstance(value, str) else value
    if not isinstance(file, dict):
        raise StyleSwapError(HOW)
    name = file.get("path") or file.get("url")
    if not isinstance(name, str) or not name:
        raise StyleSwapError(HOW)
    if (data := _whole(name, folder)) is not None:
        if len(data) > limits.now().upload * 2**20:
            raise StyleSwapError(_too_large())
        target = _place(folder) / "x"
        await asyncio.to_thread(target.write_bytes, data)
        name = str(target)
    return {**file, "path": name, "url": None, "meta": META}


def _whole(name: str, folder: Path) -> bytes | None:
    """The file that stands where its name might."""
    try:
        if name.startswith("data:"):
            head, comma, rest = name.partition(",")
            if not comma:
                raise StyleSwapError(HOW)
            data = unquote_to_bytes(rest)
            return _decoded(data) if head.endswith(";base64") else data
        if _BASE64.fullmatch(name) and not name.startswith(str(folder)):
            return _decoded(name.encode())
    except ValueError:
        raise StyleSwapError("The file is not whole; its base64 cannot be read.") from None
    return None


def _decoded(data: bytes) -> bytes:
    """Of base64 in either alphabet, with or without its padding."""
    data = b"".join(data.split()).rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    return base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)


def _place(folder: Path) -> Path:
    """A new folder for one file."""
    if scratch.is_full(folder):
        raise StyleSwapError(FULL)
    place = folder / secrets.token_hex(16)
    place.mkdir(parents=True)
    return place


def _too_large() -> str:
    return f"A file has {limits.now().upload:g} MB at most here."


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
    place = _place(folder)
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
                        raise StyleSwapError(_too_large())
                    file.write(part)
            return
    raise ValueError("too many redirects")
