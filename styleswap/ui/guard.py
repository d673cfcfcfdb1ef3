"""What stands before Gradio's app: which of its doors are open, to whom, and what is said at the
others.

Gradio brings far more routes than this page uses, and believes what a request says of itself. Here
a list of what is open decides, and whatever a later Gradio adds is shut until it is put on it.
"""

from __future__ import annotations

import contextlib
import re
from urllib.parse import parse_qs

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from styleswap import live
from styleswap.ui.line import Line

# The routes that the page, programs and agents need, as Gradio writes them, and their methods.
OPEN: dict[str, str] = {
    "/": "GET HEAD",
    "/login": "POST",
    "/login/": "POST",
    "/logout": "GET",
    "/config": "GET",
    "/config/": "GET",
    "/static/{path:path}": "GET",
    "/assets/{path:path}": "GET",
    "/favicon.ico": "GET",
    "/theme.css": "GET",
    "/robots.txt": "GET",
    "/manifest.json": "GET",
    "/pwa_icon": "GET",
    "/pwa_icon/{size}": "GET",
    "/gradio_api/app_id": "GET",
    "/gradio_api/app_id/": "GET",
    "/gradio_api/login_check": "GET",
    "/gradio_api/login_check/": "GET",
    "/gradio_api/info": "GET",
    "/gradio_api/info/": "GET",
    "/gradio_api/openapi.json": "GET",
    "/gradio_api/theme.css": "GET",
    "/gradio_api/startup-events": "GET",
    "/gradio_api/heartbeat/{session_hash}": "GET",
    "/gradio_api/upload": "POST",
    "/gradio_api/upload_progress": "GET",
    "/gradio_api/file={path_or_url:path}": "GET HEAD",
    "/gradio_api/api/{api_name}": "POST",
    "/gradio_api/api/{api_name}/": "POST",
    "/gradio_api/run/{api_name}": "POST",
    "/gradio_api/run/{api_name}/": "POST",
    "/gradio_api/call/{api_name}": "POST",
    "/gradio_api/call/{api_name}/": "POST",
    "/gradio_api/call/{api_name}/{event_id}": "GET",
    "/gradio_api/call/v2/{api_name}": "POST",
    "/gradio_api/call/v2/{api_name}/": "POST",
    "/gradio_api/call/v2/{api_name}/{event_id}": "GET",
    "/gradio_api/queue/join": "POST",
    "/gradio_api/queue/data": "GET",
    "/gradio_api/cancel": "POST",
    "/gradio_api/reset": "POST",
    "/gradio_api/reset/": "POST",
    "/gradio_api/mcp": "GET POST DELETE",
    "/gradio_api/mcp/": "GET POST DELETE",
    "/gradio_api/mcp/schema": "GET",
    live.PATH: "POST",
}

# Where a web address may stand for a file, Gradio fetches it for whoever asks.
_FETCHING = re.compile(r"/gradio_api/file=\s*[a-z][a-z0-9+.-]*:", re.IGNORECASE)

_HEARING = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/([^/]+)")


def _pattern(route: str) -> str:
    """A regular expression of what Gradio's way of writing a route stands for."""
    parts = re.split(r"(\{\w+(?::path)?\})", route)
    kinds = {True: ".*", False: "[^/]+"}
    return "".join(
        kinds[":path" in part] if part.startswith("{") else re.escape(part) for part in parts
    )


_OPEN = [(re.compile(_pattern(route), re.DOTALL), set(how.split())) for route, how in OPEN.items()]


def is_open(method: str, path: str) -> bool:
    """Whether a request may go on to Gradio."""
    return not _FETCHING.match(path) and any(
        method in how and pattern.fullmatch(path) for pattern, how in _OPEN
    )


class Guard:
    """Stands around an app."""

    def __init__(self, app: ASGIApp, line: Line) -> None:
        self.app, self.line = app, line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":  # the page has none
            await send({"type": "websocket.close", "code": 1008})
        elif is_open(scope["method"], path := scope["path"].removeprefix(scope["root_path"])):
            with self._listening(path, scope["query_string"]):
                await self.app(scope, receive, send)
        else:
            await JSONResponse({"detail": "There is nothing here."}, 404)(scope, receive, send)

    def _listening(self, path: str, query: bytes) -> contextlib.AbstractContextManager[None]:
        """What tells the line that somebody listens, where this request does."""
        if path == "/gradio_api/queue/data":
            return self.line.listening(parse_qs(query.decode()).get("session_hash", [""])[0])
        if found := _HEARING.fullmatch(path):
            return self.line.listening(found[1])
        return contextlib.nullcontext()
