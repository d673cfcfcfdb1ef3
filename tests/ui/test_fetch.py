"""Files by their address: from the open web alone, and no more than an upload may have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from styleswap import limits
from styleswap.errors import StyleSwapError
from styleswap.ui import fetch

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` in a thread of its own: the browser's tests leave a loop running in theirs."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In place of the web; gives the hosts that were asked."""
    asked: list[str] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"0" * 100_000

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        match request.url.path:
            case "/moved":
                return httpx.Response(302, headers={"location": "http://inner.example/secret"})
            case "/round":
                return httpx.Response(302, headers={"location": "/round"})
            case "/endless":
                return httpx.Response(200, content=endless())
            case "/none":
                return httpx.Response(404)
        return httpx.Response(200, content=b"picture")

    async def validate(host: str) -> str:
        if host != "open.example":
            raise ValueError("not of the open web")
        return host

    monkeypatch.setattr(fetch.safehttpx, "async_validate_url", validate)
    monkeypatch.setattr(
        fetch.safehttpx, "AsyncSecureTransport", lambda _: httpx.MockTransport(answer)
    )
    return asked


def test_a_file_is_fetched_wherever_it_stands_in_a_value(web: list[str], tmp_path: Path) -> None:
    address = "https://open.example/a%20b/p%2Fh.jpg?x=/.."
    file = {
        "path": address,
        "meta": {"_type": "gradio.FileData"},
    }
    other = file | {"path": "/etc/passwd"}
    given: Any = [file, {"x": [file]}, other, "https://open.example/"]
    made = run(fetch.fetched(given, tmp_path))
    for found in (made[0], made[1]["x"][0]):
        path = Path(found["path"])
        assert path.read_bytes() == b"picture" and path.parent.parent == tmp_path
    assert made[2:] == given[2:] and web == ["open.example"] * 2


@pytest.mark.parametrize(
    "url",
    [
        "https://inner.example/secret",
        "https://open.example/moved",
        "https://open.example/round",
        "https://open.example/none",
        "https://open.example:x/",
        "http://",
    ],
)
def test_what_cannot_be_fetched(url: str, web: list[str], tmp_path: Path) -> None:
    with pytest.raises(StyleSwapError, match="cannot be fetched from that address"):
        run(fetch.download(url, tmp_path))
    assert "inner.example" not in web and not list(tmp_path.iterdir())


def test_no_more_than_an_upload_may_have(
    web: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_now", replace(limits.now(), upload=1))
    with pytest.raises(StyleSwapError, match="1 MB at most"):
        run(fetch.download("https://open.example/endless", tmp_path))
    assert not list(tmp_path.iterdir())
