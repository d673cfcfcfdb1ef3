"""What is open to strangers, and what they are told elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio.route_utils import DEFAULT_TEMP_DIR
from starlette.routing import Mount

from styleswap.ui import guard

# What Gradio brings beside what is open, as this version has it. Look at what a new one does before
# it is put here, or in `guard.OPEN`.
SHUT = {
    "/openapi.json",
    "/svelte/{path:path}",
    "/monitoring",
    "/monitoring/summary",
    "/monitoring/{key}",
    "/gradio_api/mcp/sse",
    "/gradio_api/deep_link",
    "/gradio_api/user",
    "/gradio_api/user/",
    "/gradio_api/token",
    "/gradio_api/token/",
    "/gradio_api/dev/reload",
    "/gradio_api/runs",
    "/gradio_api/runs/",
    "/gradio_api/custom_component/{id}/{environment}/{type}/{file_name}",
    "/gradio_api/proxy={url_path:path}",
    "/gradio_api/file/{path:path}",
    "/gradio_api/stream/{event_id}",
    "/gradio_api/stream/{event_id}/close",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file",
    "/gradio_api/component_server",
    "/gradio_api/component_server/",
    "/gradio_api/queue/status",
    "/gradio_api/process_recording",
    "/gradio_api/vibe-edit",
    "/gradio_api/vibe-edit/",
    "/gradio_api/undo-vibe-edit",
    "/gradio_api/undo-vibe-edit/",
    "/gradio_api/vibe-code",
    "/gradio_api/vibe-code/",
    "/gradio_api/vibe-starter-queries",
    "/gradio_api/vibe-starter-queries/",
}


@pytest.fixture(scope="module")
def http(app: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=app, timeout=60) as client:
        yield client


def walk(routes: Iterable[Any], prefix: str = "") -> Iterator[str]:
    """The paths of routes, and of those below them."""
    for route in routes:
        if hasattr(route, "original_router"):
            yield from walk(route.original_router.routes, prefix)
        elif isinstance(route, Mount):
            yield from walk(route.routes or [], prefix + route.path)
        else:
            yield prefix + route.path


def test_each_of_gradio_s_routes_is_known_to_be_open_or_shut(demo: Any) -> None:
    there = set(walk(demo.app.routes))
    assert len(there) > 60
    assert not there - guard.OPEN.keys() - SHUT
    # The two of MCP's own are no routes of their own.
    assert guard.OPEN.keys() - there == {"/gradio_api/mcp", "/gradio_api/mcp/"}
    assert not guard.OPEN.keys() & SHUT


@pytest.mark.parametrize("route", sorted(SHUT))
def test_what_is_shut_is_not_there(http: httpx.Client, route: str) -> None:
    path = route.lstrip("/").replace("{", "").replace("}", "").replace(":path", "")
    for method in ("GET", "POST"):
        answer = http.request(method, path)
        assert (answer.status_code, answer.json()["detail"]) == (404, "There is nothing here.")


def test_no_other_way_leads_to_what_is_shut(http: httpx.Client) -> None:
    for path in (
        "gradio_api/process_recording/",
        "/gradio_api/process_recording",
        "gradio_api//process_recording",
        "gradio_api/./process_recording",
        "gradio_api/x/../process_recording",
        "gradio_api/%70rocess_recording",
        "GRADIO_API/PROCESS_RECORDING",
        "gradio_api/process_recording%2f",
        "gradio_api/process_recording?x",
        "gradio_api/mcp/../process_recording",
        "static/../gradio_api/process_recording",
        "gradio_api/file=https://example.com/",
        "gradio_api/file=HTTP://example.com/",
        "gradio_api/file=ftp://example.com/",
        "gradio_api/file=%20https://example.com/",
    ):
        film = {"video": ("x.mp4", b"ffconcat version 1.0\nfile 'other.mp4'\n")}
        cut = {"remove_segment_start": "0", "remove_segment_end": "0.1"}
        answer = http.post(path, files=film, data=cut)
        assert answer.status_code in (404, 405), path
        assert http.get(path).status_code in (403, 404, 405), path


def test_nothing_is_left_of_what_was_sent_to_what_is_shut(http: httpx.Client) -> None:
    before = set(Path(DEFAULT_TEMP_DIR).rglob("*.mp4"))
    http.post(
        "gradio_api/process_recording",
        files={"video": ("x.mp4", io.BytesIO(b"0" * 10_000))},
        data={"remove_segment_start": "0", "remove_segment_end": "0.1"},
    )
    assert set(Path(DEFAULT_TEMP_DIR).rglob("*.mp4")) == before
