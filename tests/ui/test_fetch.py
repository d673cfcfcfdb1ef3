"""Files by their address: from the open web alone, and no more than an upload may have."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from styleswap import limits
from styleswap.errors import StyleSwapError
from styleswap.ui import fetch
from tests.helpers import run_apart


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
    made = run_apart(fetch.fetched(given, tmp_path))
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
        run_apart(fetch.download(url, tmp_path))
    assert "inner.example" not in web and not list(tmp_path.iterdir())


def test_no_more_than_an_upload_may_have(
    web: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_now", replace(limits.now(), upload=1))
    with pytest.raises(StyleSwapError, match="1 MB at most"):
        run_apart(fetch.download("https://open.example/endless", tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("sent", ["url", "path", "text", "alone", "quoted"])
def test_a_file_may_be_sent_whole(sent: str, tmp_path: Path) -> None:
    data = bytes(range(256))
    whole = base64.urlsafe_b64encode(data).decode().rstrip("=")
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    given: Any = {
        "url": {"url": url, "orig_name": "a.png"},
        "path": {"path": url, "url": "https://open.example/", "meta": fetch.META},
        "text": url,
        "alone": {"path": whole},
        "quoted": "data:," + "".join(f"%{byte:02x}" for byte in data),
    }[sent]
    found = run_apart(fetch.taken(given, tmp_path))
    assert Path(found["path"]).read_bytes() == data
    assert found["meta"] == fetch.META and found["url"] is None
    assert Path(found["path"]).is_relative_to(tmp_path)


def test_what_lies_here_already_is_no_base64(tmp_path: Path) -> None:
    path = str(tmp_path / ("a" * 64) / ("b" * 64))
    found = run_apart(fetch.taken({"path": path, "size": 3}, tmp_path))
    assert found == {"path": path, "size": 3, "url": None, "meta": fetch.META}
    assert run_apart(fetch.taken(None, tmp_path)) is None


def test_what_is_sent_whole_is_no_larger_than_an_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_now", replace(limits.now(), upload=1))
    with pytest.raises(StyleSwapError, match="1 MB at most"):
        run_apart(fetch.taken("data:," + "x" * (2**20 + 1), tmp_path))
    assert not list(tmp_path.iterdir())
