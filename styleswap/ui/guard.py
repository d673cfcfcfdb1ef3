"""What stands before Gradio's app: which of its doors are open, to whom, and what is said at the
others.

Gradio brings far more routes than this page uses, and believes what a request says of itself. Here
a list of what is open decides, and whatever a later Gradio adds is shut until it is put on it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import logging
import re
import secrets
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gradio.route_utils import compare_passwords_securely
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from styleswap import limits, live, scratch
from styleswap.errors import FULL, is_full, without_folders
from styleswap.ui import i18n
from styleswap.ui.hosting import Hosting
from styleswap.ui.line import Line

logger = logging.getLogger(__name__)

# By which this process is known when it asks itself, and for whom it does.
INSIDE, VISITOR, USER = "x-styleswap-inside", "x-styleswap-visitor", "x-styleswap-user"
# What a proxy says of a request.
FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded")
# What is read of a request that is no upload: the largest is a tool's call with a picture in it.
MOST_BODY = 8 * 2**20
# How deep and how branched JSON may be.
MOST_DEPTH, MOST_BRANCHES = 64, 100_000
# Requests of one address that may be open together; a page has some six.
MOST_OPEN = 256
# Addresses that are remembered, and logins.
MOST_ADDRESSES, MOST_LOGINS = 10_000, 1_000

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


class Refused(Exception):
    """A request that does not go on to Gradio.

    Args:
        sentence: what is said instead.
        headers: what is said beside that.
    """

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Guard:
    """Stands around an app.

    Args:
        app: what requests go on to.
        gradio: Gradio's app, which knows who is logged in.
        files: where uploads and results lie.
    """

    def __init__(
        self, app: ASGIApp, gradio: Any, line: Line, hosting: Hosting, files: Path
    ) -> None:
        self.app, self.gradio, self.line, self.hosting = app, gradio, line, hosting
        self.files = files
        self._wrong = _Counts(60.0)
        self._sent = _Counts(3600.0)
        self._tokens: dict[str, str] = {}
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] == "websocket":  # the page has none
            await send({"type": "websocket.close", "code": 1008})
            return
        path = scope["path"].removeprefix(scope["root_path"])
        answer = _Answer(scope, send, self.hosting.framed)
        try:
            scope = self._as_it_is(scope)
            self._admit(scope, path)
            with self._one_more(scope["client"][0]):
                receive = await self._bounded(scope, path, receive)
                with self._listening(path, scope["query_string"]):
                    await self.app(scope, receive, answer)
            self._look_at_login(scope, path, answer.status)
            await answer.end(path)
        except Exception as fault:
            if answer.sent:  # too late for a sentence; whoever listens has gone, as a rule
                with contextlib.suppress(Exception):
                    await send({"type": "http.response.body", "body": b""})
                return
            await answer.refuse(path, fault if isinstance(fault, Refused) else _fault(path, fault))

    # --- who comes ---

    def _as_it_is(self, scope: Scope) -> Scope:
        """The request with what it says of itself, as far as that is believed."""
        scope = dict(scope)
        headers = MutableHeaders(raw=list(scope["headers"]))
        peer = scope["client"][0] if scope.get("client") else ""
        inside = secrets.compare_digest(
            headers.get(INSIDE, "").encode(), self.hosting.secret.encode()
        )
        scope["inside"] = inside
        if inside:
            scope["client"] = (headers.get(VISITOR, peer), 0)
            self._log_in(headers, headers.get(USER, ""))
        elif self.hosting.is_proxy(peer):
            hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",")]
            strangers = [hop for hop in hops if hop and not self.hosting.is_proxy(hop)]
            scope["client"] = (strangers[-1] if strangers else hops[0] or peer, 0)
            proto = headers.get("x-forwarded-proto", "").partition(",")[0].strip()
            scope["scheme"] = proto if proto in ("http", "https") else scope["scheme"]
        else:
            for name in FORWARDED:
                del headers[name]
        for name in (INSIDE, VISITOR, USER, "x-gradio-server"):
            del headers[name]
        if "range" in headers and not _RANGE.fullmatch(headers["range"]):
            del headers["range"]  # as the standard has it
        self._log_in(headers, self._basic(headers, scope) or "")
        scope["headers"] = headers.raw
        return scope

    def _basic(self, headers: Headers, scope: Scope) -> str | None:
        """Who says in a header who it is, and by which password."""
        kind, _, text = headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic" or not isinstance(self.gradio.auth, dict):
            return None
        self._brake(scope)
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            name, _, password = (
                base64.b64decode(text.strip(), validate=True).decode().partition(":")
            )
            known = self.gradio.auth.get(name)
            if known is not None and compare_passwords_securely(password, known):
                return name
        self._wrong.add(scope["client"][0])
        raise Refused(401, "This login is not known.", WWW_Authenticate='Basic realm="StyleSwap"')

    def _log_in(self, headers: MutableHeaders, name: str) -> None:
        """Give a request the cookie of somebody who is known by other means."""
        if not name:
            return
        tokens = self.gradio.tokens
        if self._tokens.get(name) not in tokens:
            self._tokens[name] = secrets.token_urlsafe(16)
            tokens[self._tokens[name]] = name
        cookie = f"access-token-unsecure-{self.gradio.cookie_id}={self._tokens[name]}"
        headers["cookie"] = "; ".join([cookie, *filter(None, [headers.get("cookie")])])

    def _admit(self, scope: Scope, path: str) -> None:
        """Refuse who or what does not belong here."""
        headers = Headers(scope=scope)
        if not scope["inside"]:
            host = headers.get("x-forwarded-host") or headers.get("host", "")
            host = host.partition(",")[0].strip()
            if not self.hosting.is_ours(host):
                raise Refused(
                    403, "This page has another name; its owner can add one in STYLESWAP_HOSTS."
                )
            origin = headers.get("origin")
            if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
                raise Refused(403, "Another site's page may not use this one.")
        if not is_open(scope["method"], path):
            raise Refused(404, "There is nothing here.")
        if path.startswith("/login"):
            self._brake(scope)
        elif self.gradio.auth and not _PUBLIC.match(path) and not self.user(headers):
            more = {}
            if path.startswith("/gradio_api/mcp"):  # elsewhere a browser would ask, over the page
                more = {"WWW_Authenticate": 'Basic realm="StyleSwap"'}
            raise Refused(401, "Log in first.", **more)

    def user(self, headers: Headers) -> str | None:
        """Who is logged in, by the cookie."""
        names = (f"access-token-{kind}{self.gradio.cookie_id}" for kind in ("", "unsecure-"))
        found = dict(
            part.strip().partition("=")[::2] for part in headers.get("cookie", "").split(";")
        )
        tokens = (found.get(name, "") for name in names)
        return next((self.gradio.tokens[t] for t in tokens if t in self.gradio.tokens), None)

    def _brake(self, scope: Scope) -> None:
        if self._wrong.sum(scope["client"][0]) >= limits.now().logins:
            raise Refused(429, "Too many wrong logins; wait a minute.", Retry_After="60")

    def _look_at_login(self, scope: Scope, path: str, status: int) -> None:
        """Count wrong logins, and forget the oldest right ones."""
        if path.startswith("/login") and status == 400:
            self._wrong.add(scope["client"][0])
        while len(self.gradio.tokens) > MOST_LOGINS:
            self.gradio.tokens.pop(next(iter(self.gradio.tokens)))

    # --- with how much ---

    @contextlib.contextmanager
    def _one_more(self, address: str) -> Iterator[None]:
        """A request that is open."""
        if self._open[address] >= MOST_OPEN:
            raise Refused(429, "You have too many requests open.", Retry_After="10")
        self._open[address] += 1
        try:
            yield
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]

    async def _bounded(self, scope: Scope, path: str, receive: Receive) -> Receive:
        """`receive`, but for no more than is taken here."""
        if scope["method"] != "POST" or path == live.PATH:
            return receive
        if path == "/gradio_api/upload":
            return self._upload(scope, receive)
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdigit() and int(length) > MOST_BODY:
            raise Refused(413, f"A request has {MOST_BODY // 2**20} MB at most.")
        data = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":  # the caller has gone
                return _once(message, receive)
            data += message.get("body", b"")
            if len(data) > MOST_BODY:
                raise Refused(413, f"A request has {MOST_BODY // 2**20} MB at most.")
            if not message.get("more_body"):
                break
        if "json" in Headers(scope=scope).get("content-type", ""):
            _check_json(bytes(data))
        return _once({"type": "http.request", "body": bytes(data), "more_body": False}, receive)

    def _upload(self, scope: Scope, receive: Receive) -> Receive:
        """`receive` of an upload: so much, and so much an hour."""
        now, address, got = limits.now(), scope["client"][0], 0
        too_large = Refused(413, f"A file has {now.upload:g} MB at most here.")
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdigit() and int(length) > now.upload * 2**20 + 2**16:
            raise too_large
        if self._sent.sum(address) > now.uploads * 2**20:
            raise Refused(
                429,
                f"You have uploaded {now.uploads:g} MB within an hour, which is the most; try again"
                " later.",
                Retry_After="600",
            )
        if scratch.is_full(self.files):
            raise _full()

        async def bounded() -> Message:
            nonlocal got
            message = await receive()
            size = len(message.get("body", b""))
            got += size
            self._sent.add(address, size)
            if got > now.upload * 2**20 + 2**16:
                raise too_large
            return message

        return bounded

    def _listening(self, path: str, query: bytes) -> contextlib.AbstractContextManager[None]:
        """What tells the line that somebody listens, where this request does."""
        if path == "/gradio_api/queue/data":
            named = parse_qs(query.decode(errors="replace")).get("session_hash", [""])
            return self.line.listening(named[0])
        if found := _HEARING.fullmatch(path):
            return self.line.listening(found[1])
        return contextlib.nullcontext()


class _Answer:
    """Hands an answer on, but for one that refuses something: that waits until it is known why.

    Attributes:
        status: of the answer.
        sent: whether some of it is on its way.
    """

    def __init__(self, scope: Scope, send: Send, framed: bool) -> None:
        self.scope, self.send, self.framed = scope, send, framed
        self.status, self.sent = 0, False
        self._held, self._kept = bytearray(), dict[str, str]()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status >= 400:
                kept = Headers(raw=message.get("headers", []))
                self._kept = {k: kept[k] for k in ("retry-after", "allow") if k in kept}
                return
            headers = MutableHeaders(raw=list(message.get("headers", [])))
            self._harden(headers)
            message = {**message, "headers": headers.raw}
            self.sent = True
        elif self.status >= 400 and not self.sent:
            self._held += message.get("body", b"")[: 2**16]
            return
        await self.send(message)

    def _harden(self, headers: MutableHeaders) -> None:
        """What a browser is told not to do."""
        for name in [name for name in headers if name.startswith("access-control-")]:
            del headers[name]
        shown = headers.get("content-disposition", "").partition(";")[0]
        if shown:  # a name in here would win over the one that the page gives a download
            headers["Content-Disposition"] = shown
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        cookies = headers.getlist("set-cookie")
        if cookies and not self.framed:
            del headers["set-cookie"]
            safe = self.scope["scheme"] == "https"
            for cookie in cookies:
                if ("-unsecure-" in cookie) != safe:
                    headers.append("set-cookie", _strict(cookie, safe))

    async def end(self, path: str) -> None:
        """Say why, where something was refused."""
        if self.status < 400 or self.sent:
            return
        status, said = self.status, _said(bytes(self._held))
        if status == 500 and said and said != i18n.BUG.en:
            status = 400  # Gradio's, of what a caller did wrong
        if path.startswith("/gradio_api/file=") and status in (400, 403, 404):
            status, said = 404, "There is no such file here."
        refused = Refused(status, said or _USUAL.get(status, i18n.BUG.en), **self._kept)
        await self.refuse(path, refused)

    async def refuse(self, path: str, refused: Refused) -> None:
        """Answer with a sentence."""
        sentence = str(refused)
        _tell(self.scope, refused.status, path, sentence)
        if path == "/gradio_api/upload":  # of which the page shows the text
            response: Response = PlainTextResponse(sentence, refused.status, refused.headers)
        else:
            content = {"detail": sentence, "error": sentence}
            response = JSONResponse(content, refused.status, refused.headers)
        self._harden(response.headers)
        self.sent, self.status = True, refused.status

        async def nothing() -> Message:
            return {"type": "http.disconnect"}

        await response(self.scope, nothing, self.send)


class _Counts:
    """Sums by name over the last `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._all: OrderedDict[str, deque[tuple[float, float]]] = OrderedDict()

    def add(self, name: str, amount: float = 1.0) -> None:
        entries = self._all.setdefault(name, deque())
        self._all.move_to_end(name)
        now = time.monotonic()
        if entries and now - entries[-1][0] < 1:  # one entry a second
            entries[-1] = (entries[-1][0], entries[-1][1] + amount)
        else:
            entries.append((now, amount))
        while len(self._all) > MOST_ADDRESSES:
            self._all.popitem(last=False)

    def sum(self, name: str) -> float:
        entries = self._all.get(name, deque())
        while entries and time.monotonic() - entries[0][0] > self.seconds:
            entries.popleft()
        return sum(amount for _, amount in entries)


_RANGE = re.compile(r"bytes=\d*-\d*")
# What is needed to log in.
_PUBLIC = re.compile(
    r"/(?!gradio_api/)|/gradio_api/(theme\.css|startup-events|app_id/?|login_check/?)$"
)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_OBJECT = re.compile(r" object at 0x|<[a-z_.]+ |\n|Traceback", re.IGNORECASE)
_USUAL = {
    400: "The request does not fit; /gradio_api/info tells what each endpoint takes.",
    401: "Log in first.",
    404: "There is nothing here.",
    405: "This address takes another method.",
    406: "This address answers in another format.",
    413: "That is more than is taken here.",
    422: "The request does not fit; /gradio_api/info tells what each endpoint takes.",
}
# Where Gradio's own code works on what a caller sent, and fails on what does not fit.
_TAKING = re.compile(r"/gradio_api/(call|run|api|queue|upload|cancel|reset|file=|mcp|heartbeat)")


def _said(data: bytes) -> str | None:
    """What an answer says in words, if a person is helped by them."""
    with contextlib.suppress(ValueError, RecursionError):
        text: Any = json.loads(data)
        if isinstance(text, dict):
            text = text.get("detail") or text.get("error")
        if isinstance(text, str) and text and not _OBJECT.search(text):
            return without_folders(text)
    return None


def _fault(path: str, fault: Exception) -> Refused:
    """What is said of what Gradio's code raised."""
    if is_full(fault):
        return _full()
    known = (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError, OSError)
    infers = type(fault).__name__ == "FnIndexInferError"
    if infers:
        return Refused(404, "There is no such endpoint; /gradio_api/info lists them.")
    if _TAKING.match(path) and isinstance(fault, known):
        return Refused(400, _USUAL[400])
    logger.error("a bug", exc_info=fault)
    return Refused(500, i18n.BUG.en)


def _full() -> Refused:
    return Refused(507, FULL, Retry_After="600")


def _tell(scope: Scope, status: int, path: str, sentence: str) -> None:
    """One line in the log: nothing of what was sent but where to."""
    if status != 404:  # of which there are as many as there are curious programs
        where = "/".join(path.split("/")[:4])[:60]
        logger.warning("%d %s %r: %s", status, scope["method"], where, sentence)


def _strict(cookie: str, safe: bool) -> str:
    """A cookie that no other site's page sends along."""
    kept = [part.strip() for part in cookie.split(";")]
    kept = [part for part in kept if part.lower().partition("=")[0] not in ("samesite", "secure")]
    return "; ".join([*kept, "SameSite=Strict", *(["Secure"] if safe else [])])


def _check_json(data: bytes) -> None:
    """Refuse what is nested so deep, or branches so much, that to read it costs more than it is
    worth."""
    brackets = _STRING.sub(b"", data).translate(None, _NO_BRACKETS)
    depth = deepest = 0
    if len(brackets) <= MOST_BRANCHES:
        for bracket in brackets:
            depth += 1 if bracket in b"[{" else -1
            deepest = max(deepest, depth)
    if deepest > MOST_DEPTH or len(brackets) > MOST_BRANCHES:
        raise Refused(400, "The request is nested too deep.")


def _once(message: Message, receive: Receive) -> Receive:
    """`receive` that gives a message first."""
    waiting = [message]

    async def receive_() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_
