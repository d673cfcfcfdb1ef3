"""What is open to strangers, and what they are told elsewhere."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import io
import ipaddress
import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from gradio.route_utils import DEFAULT_TEMP_DIR
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from starlette.routing import Mount

from styleswap import limits, scratch
from styleswap.engine import Engine
from styleswap.errors import FULL
from styleswap.ui import guard, page
from styleswap.ui.hosting import Hosting
from tests.conftest import launch

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


# --- who may come -------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "127.0.0.1.nip.io"])
def test_a_name_that_is_not_the_page_s(http: httpx.Client, host: str) -> None:
    """Else another site's name could be made to lead here, and its page read this one."""
    for path in ("/", "config", "gradio_api/info", "gradio_api/mcp/"):
        answer = http.get(path, headers={"Host": host})
        assert answer.status_code == 403
        assert answer.json()["detail"].startswith("This page has another name")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:7860", "127.0.0.1:80", "[::1]:7860", "192.168.1.7:7860"]
)
def test_names_that_are_the_page_s(http: httpx.Client, host: str) -> None:
    assert http.get("config", headers={"Host": host}).status_code == 200


def test_another_site_s_page_is_not_served(http: httpx.Client, app: str) -> None:
    ours = app.rstrip("/")
    for path, method in (
        ("config", "GET"),
        ("gradio_api/mcp/", "POST"),
        ("gradio_api/run/methods", "POST"),
        ("gradio_api/upload", "POST"),
        ("gradio_api/queue/join", "OPTIONS"),
    ):
        for origin in ("https://evil.example", "null", "http://localhost:1", f"{ours}0"):
            answer = http.request(method, path, headers={"Origin": origin})
            assert answer.status_code == 403, (path, origin)
            assert not [name for name in answer.headers if name.startswith("access-control")]
    answer = http.get("config", headers={"Origin": ours})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_nobody_but_a_proxy_that_was_named_is_believed(http: httpx.Client) -> None:
    lie = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Gradio-Server": "x"}
    for header in lie:
        assert "evil" not in http.get("config", headers={header: "https://evil.example"}).text
    root = http.get("config", headers=lie).json()["root"]
    assert root == str(http.base_url).rstrip("/")


def known(hosting: Hosting, client: str = "127.0.0.1", **headers: str) -> dict[str, Any]:
    """How a guard sees a request."""
    app = SimpleNamespace(auth=None, tokens={}, cookie_id="x")
    standing = guard.Guard(None, app, None, hosting, Path())  # type: ignore[arg-type]
    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    scope = {"type": "http", "scheme": "http", "client": (client, 5), "headers": raw}
    seen = standing._as_it_is(scope)
    return dict(seen, headers=dict(seen["headers"]))


def test_a_named_proxy_says_who_comes() -> None:
    hosting = Hosting(proxies=(ipaddress.ip_network("127.0.0.0/8"),))
    seen = known(hosting, x_forwarded_for="6.6.6.6, 9.9.9.9, 127.0.0.2", x_forwarded_proto="https")
    assert seen["client"][0] == "9.9.9.9" and seen["scheme"] == "https"
    seen = known(hosting, "8.8.8.8", x_forwarded_for="9.9.9.9", x_forwarded_proto="https")
    assert seen["client"][0] == "8.8.8.8" and seen["scheme"] == "http"
    assert b"x-forwarded-for" not in seen["headers"]
    assert known(hosting, x_forwarded_proto="javascript")["scheme"] == "http"


def test_the_secret_of_the_process_is_needed_to_speak_for_others() -> None:
    hosting = Hosting()
    lie = {guard.INSIDE: "guess", guard.VISITOR: "9.9.9.9", guard.USER: "ann"}
    seen = known(hosting, **lie)
    assert seen["client"][0] == "127.0.0.1" and not seen["inside"] and not seen["headers"]
    seen = known(hosting, **(lie | {guard.INSIDE: hosting.secret}))
    assert seen["client"][0] == "9.9.9.9" and seen["inside"]


# --- with a login -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def locked(engine: Engine) -> Iterator[str]:
    """Address of a page with a login."""
    for demo in launch(engine, Hosting(auth=(("ann", "secret"), ("bob", "other")))):
        yield str(demo.local_url)


def basic(pair: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def test_nothing_is_served_without_the_login(locked: str) -> None:
    with httpx.Client(base_url=locked) as http:
        for route, methods in guard.OPEN.items():
            path = route.replace("{", "").replace("}", "").replace(":path", "")
            for method in methods.split():
                if path.startswith("/gradio_api/") and not guard._PUBLIC.match(path):
                    answer = http.request(method, path.lstrip("/"))
                    assert answer.status_code == 401, path
                    wanted = path.startswith("/gradio_api/mcp")
                    assert ("www-authenticate" in answer.headers) == wanted
        assert http.get("config").status_code == 401
        page_ = http.get("/").text
        assert "auth_required" in page_ and "Neural" not in page_


def test_the_login_is_taken_everywhere(locked: str) -> None:
    with httpx.Client(base_url=locked) as http:
        good = basic("bob:other")
        assert http.post("gradio_api/run/methods", json={"data": []}, headers=good).is_success
        assert http.get("config", headers=good).json()["username"] == "bob"
        assert http.get("config").status_code == 401
        answer = http.post("login", data={"username": "ann", "password": "secret"})
        (cookie,) = answer.headers.get_list("set-cookie")
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        assert http.get("config").json()["username"] == "ann"


def test_agents_need_the_login_and_can_work_with_it(locked: str, photo: Path) -> None:
    url = f"{locked}gradio_api/mcp/"

    async def call() -> Any:
        async with (
            httpx.AsyncClient(headers=basic("ann:secret"), timeout=60) as http,
            streamable_http_client(url, http_client=http) as (read, write, _),
            ClientSession(read, write) as client,
        ):
            await client.initialize()
            data = base64.b64encode(photo.read_bytes()).decode()
            given = {"content": f"data:image/jpeg;base64,{data}", "method": "johnson"}
            given |= {"trained_style": "udnie", "settings": {"size": 64}}
            tools = await client.list_tools()
            return tools, await client.call_tool("stylize", given)

    with ThreadPoolExecutor(1) as thread:
        tools, result = thread.submit(asyncio.run, call()).result()
    assert len(tools.tools) == 6 and not result.isError, result


def test_guessing_is_slow(engine: Engine) -> None:
    for demo in launch(engine, Hosting(auth=(("ann", "secret"),))):
        with httpx.Client(base_url=str(demo.local_url)) as http:
            most = int(limits.now().logins)
            wrong = {"username": "ann", "password": "guess"}
            told = [http.post("login", data=wrong).status_code for _ in range(most + 5)]
            assert told == [400] * most + [429] * 5
            right = http.post("login", data=wrong | {"password": "secret"})
            assert right.status_code == 429 and right.headers["retry-after"] == "60"
            assert http.get("config", headers=basic("ann:secret")).status_code == 429


# --- with what ----------------------------------------------------------------------------------


def test_refusals_are_one_sentence_of_ours(http: httpx.Client, photo: Path) -> None:
    long = "x" * 20_000
    (path,) = http.post("gradio_api/upload", files={"files": photo.open("rb")}).json()
    nested = "[" * 2000 + "]" * 2000
    there = {"headers": {"Content-Type": "application/json"}}
    asked: list[tuple[str, str, int, dict[str, Any]]] = [
        ("POST", "gradio_api/call/v2/nonesuch", 4, {"json": {}}),
        ("POST", "gradio_api/call/v2/stylize", 4, {"json": {"nonesuch": 1}}),
        ("POST", "gradio_api/call/v2/stylize", 4, {"json": [1]}),
        ("POST", "gradio_api/call/nonesuch", 4, {"json": {"data": []}}),
        ("POST", "gradio_api/run/nonesuch", 4, {"json": {"data": []}}),
        ("POST", "gradio_api/run/stylize", 4, {"json": {"data": []}}),
        ("POST", "gradio_api/run/methods", 4, {"json": {"data": long}}),
        ("POST", "gradio_api/run/methods", 4, {"json": {"data": [], "fn_index": -1}}),
        ("POST", "gradio_api/run/methods", 4, {"content": b"{" + long.encode(), **there}),
        ("POST", "gradio_api/run/methods", 4, {"content": nested.encode(), **there}),
        ("POST", "gradio_api/mcp/", 4, {"content": nested.encode(), **there}),
        ("POST", "gradio_api/queue/join", 4, {"json": {"data": []}}),
        ("POST", "gradio_api/queue/join", 4, {"json": {"data": [], "fn_index": -1}}),
        ("POST", "gradio_api/queue/join", 4, {"json": {"fn_index": long, "session_hash": long}}),
        ("POST", "gradio_api/upload", 4, {"files": {"files": ("", b"x")}}),
        ("POST", "gradio_api/upload", 4, {"content": b"x"}),
        ("POST", "gradio_api/cancel", 4, {"json": {"x": long}}),
        ("GET", "gradio_api/file=/etc/passwd", 4, {}),
        ("GET", "gradio_api/file=/etc", 4, {}),
        ("GET", "gradio_api/file=", 4, {}),
        ("GET", "gradio_api/file=%00", 4, {}),
        ("GET", f"gradio_api/file={long[:3000]}", 4, {}),
        ("GET", "gradio_api/upload_progress", 4, {}),
        ("GET", f"gradio_api/call/stylize/{'y' * 500}", 2, {}),
        ("GET", "gradio_api/queue/data", 4, {}),
        ("DELETE", "gradio_api/upload", 4, {}),
        ("GET", f"gradio_api/file={path}", 2, {"headers": {"Range": "bytes=0-1-2"}}),
    ]
    for method, where, kind, about in asked:
        answer = http.request(method, where, **about)
        assert answer.status_code // 100 == kind, (where, answer.status_code, answer.text[:200])
        if kind == 4:
            assert len(answer.content) < 1000, where
            for told in ("/tmp", "/etc", "Traceback", "object at", "pydantic", "site-packages"):
                assert told not in answer.text, (where, answer.text)
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_request_that_is_too_large_is_not_read(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = http.post("gradio_api/run/methods", content=b" " * (guard.MOST_BODY + 1))
    assert answer.status_code == 413
    monkeypatch.setattr(limits, "_now", replace(limits.now(), upload=1))
    parts = (b"--b\r\n" + b'Content-Disposition: form-data; name="files"; filename="x"\r\n\r\n',)
    kind = {"Content-Type": "multipart/form-data; boundary=b"}

    def endless() -> Iterator[bytes]:
        yield from parts
        for _ in range(3000):
            yield b"0" * 1000

    with contextlib.suppress(httpx.WriteError, httpx.ReadError):
        answer = http.post("gradio_api/upload", content=endless(), headers=kind)
        assert (answer.status_code, answer.text) == (413, "A file has 1 MB at most here.")
    monkeypatch.setattr(limits, "_now", replace(limits.now(), uploads=2))
    for _ in range(2):
        http.post("gradio_api/upload", files={"files": ("x", b"0" * 900_000)})
    answer = http.post("gradio_api/upload", files={"files": ("x", b"0" * 900)})
    assert answer.status_code == 429 and "2 MB within an hour" in answer.text


def test_a_full_disk_is_a_sentence(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "is_full", lambda _: True)
    answer = http.post("gradio_api/upload", files={"files": ("x", b"0")})
    assert (answer.status_code, answer.text) == (507, FULL)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/secret")

    monkeypatch.setattr(scratch, "is_full", lambda _: False)
    monkeypatch.setattr("gradio.route_utils.NamedTemporaryFile", full)
    answer = http.post("gradio_api/upload", files={"files": ("x", b"0")})
    assert (answer.status_code, answer.text) == (507, FULL)


def test_nobody_goes_past_the_line(http: httpx.Client, demo: Any) -> None:
    for name in ("stylize", "compare", "video", "denoise"):
        (fn,) = (fn for fn in demo.fns.values() if fn.api_name == name)
        given = {"data": [None] * len(fn.inputs)}
        for path in (f"gradio_api/run/{name}", f"gradio_api/api/{name}/"):
            assert http.post(path, json=given).status_code == 404
        index = {"fn_index": fn._id, **given}
        assert http.post("gradio_api/api/predict/", json=index).status_code == 404


def test_an_address_has_so_many_requests_open(
    http: httpx.Client, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST_OPEN", 1)
    until = time.monotonic() + 10
    while http.get("config").status_code != 200:  # another test's may be open still
        assert time.monotonic() < until
    monkeypatch.setattr(guard, "MOST_OPEN", 3)
    with contextlib.ExitStack() as stack:
        for k in range(3):
            beat = http.stream("GET", f"gradio_api/heartbeat/{k}")
            assert stack.enter_context(beat).status_code == 200
        assert http.get("config").status_code == 429
    until = time.monotonic() + 10
    while http.get("config").status_code != 200:
        assert time.monotonic() < until


def test_the_quota_takes_no_picture_of_the_page_s_own(
    http: httpx.Client, demo: Any, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = http.post("gradio_api/upload", files={"files": photo.open("rb")}).json()
    config = http.get("config").text
    shown = set(re.findall(r'"url": ?"[^"]*(/gradio_api/file=[^"]+)"', config))
    shown |= {f"/gradio_api/file={p}" for p in re.findall(r'data-file=\\"([^"\\]+)', config)}
    assert len(shown) > 10 and Path(path).exists()
    monkeypatch.setattr(limits, "_now", replace(limits.now(), disk=1e-6))
    page.tidy(demo, Path(demo.app.uploaded_file_dir))
    assert not Path(path).exists() and path not in demo.upload_file_set
    for address in shown:
        assert http.get(address.lstrip("/")).status_code == 200, address
