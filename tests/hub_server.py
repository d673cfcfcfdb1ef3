"""A Hugging Face Hub on this machine, for the real `huggingface_hub` client to talk to.

Two servers, as the real one has: the Hub answers questions about repositories and sends whoever
wants a large file on to the other, which holds the bytes, serves ranges and writes down which.

A test module takes the fixture with ``hub = hub_server.hub``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import huggingface_hub.constants
import pytest

CHUNK = 1 << 16
DATE = "2023-04-25T20:15:15.000Z"


@dataclass
class Served:
    """One answer of the file server: bytes `start` to `end` left it, whatever had been asked."""

    file: str
    start: int
    end: int
    accepted: str = field(default="", compare=False)  # the encodings that the client would take


@dataclass(frozen=True)
class Remote:
    """A file of a repository."""

    path: Path

    @cached_property
    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def described(self, name: str) -> dict[str, Any]:
        """As the Hub's tree lists it."""
        lfs = {"oid": self.sha256, "size": self.size, "pointerSize": 134}
        return {"type": "file", "path": name, "oid": "0" * 40, "size": self.size, "lfs": lfs}


class Hub:
    """The two servers, what they hold, and what is to go wrong.

    Attributes:
        url: what `HF_ENDPOINT` should be.
        served: every answer of the file server so far.
        requests: method and path of every request to either server so far.
        cuts: for each coming answer of the file server, after how many bytes the line breaks.
        status: what the Hub answers to everything, in place of an answer.
        ranges: whether the file server knows ranges.
    """

    def __init__(self) -> None:
        self.served: list[Served] = []
        self.requests: list[str] = []
        self.cuts: deque[int] = deque()
        self.status: int | None = None
        self.ranges = True
        self._files: dict[tuple[str, str, str], Remote] = {}
        self._servers = [self._start(_HubHandler), self._start(_FileHandler)]
        hub, files = (server.server_port for server in self._servers)
        # Two host names, because the client reads what it wants to know of a file (commit, size,
        # hash) from the redirect only where that leads off the Hub's host.
        self.url, self.files_url = f"http://127.0.0.1:{hub}", f"http://localhost:{files}"

    def _start(self, handler: type[_Handler]) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (handler,), {"hub": self}))
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def close(self) -> None:
        """Stop listening: from now on connections are refused."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers = []

    def add(self, repo: str, revision: str, name: str, path: Path) -> None:
        """Put a file into a repository, at a commit."""
        self._files[repo, revision, name] = Remote(path)

    def find(self, repo: str, revision: str, name: str) -> Remote | None:
        return self._files.get((repo, revision, name))

    def listing(self, repo: str, revision: str) -> dict[str, Remote]:
        return {n: f for (r, v, n), f in self._files.items() if (r, v) == (repo, revision)}

    @property
    def sent(self) -> int:
        """Bytes that have left the file server."""
        return sum(answer.end - answer.start for answer in self.served)


class _Handler(BaseHTTPRequestHandler):
    # HTTP/1.0, http.server's own choice: each answer ends its connection, so that a server that has
    # been closed is gone for a client that has spoken to it before.
    hub: Hub

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.hub.requests.append(f"{self.command} {self.path}")
        length = int(self.headers.get("Content-Length") or 0)
        self.handle_path(urlsplit(self.path).path, self.rfile.read(length))

    def handle_path(self, path: str, body: bytes) -> None:
        raise NotImplementedError

    def reply(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for key, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _HubHandler(_Handler):
    """Questions about repositories, and redirects to the bytes."""

    API = re.compile(
        r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/(?P<what>[a-z-]+)/(?P<revision>[^/]+))?"
    )
    RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>.+)")

    def handle_path(self, path: str, body: bytes) -> None:
        if self.hub.status is not None:
            return self.reply(self.hub.status)
        if found := self.RESOLVE.fullmatch(path):
            return self.resolve(**found.groupdict())
        if found := self.API.match(path):
            return self.api(**found.groupdict(), body=body)
        return self.reply(404)

    def resolve(self, repo: str, revision: str, name: str) -> None:
        commit = {"X-Repo-Commit": revision}
        remote = self.hub.find(repo, revision, unquote(name))
        if remote is None:
            return self.reply(404, commit | {"X-Error-Code": "EntryNotFound"})
        return self.reply(
            302,
            commit
            | {
                "Location": f"{self.hub.files_url}/{repo}/{revision}/{name}",
                "X-Linked-Size": str(remote.size),
                "X-Linked-Etag": f'"{remote.sha256}"',
                "Accept-Ranges": "bytes",
            },
        )

    def api(self, repo: str, what: str | None, revision: str | None, body: bytes) -> None:
        listing = self.hub.listing(repo, revision or "")
        if not listing:
            return self.reply(404, {"X-Error-Code": "RevisionNotFound"})
        described = [remote.described(name) for name, remote in listing.items()]
        paths = parse_qs(body.decode()).get("paths", [])
        answers: dict[str | None, Any] = {
            "revision": {
                "id": repo,
                "sha": revision,
                "lastModified": DATE,
                "siblings": [{"rfilename": name} for name in listing],
            },
            "tree": described,
            "paths-info": [entry for entry in described if entry["path"] in paths],
        }
        return self.reply(
            200, {"Content-Type": "application/json"}, json.dumps(answers[what]).encode()
        )


class _FileHandler(_Handler):
    """The bytes, whole or in ranges."""

    def handle_path(self, path: str, body: bytes) -> None:
        owner, name, revision, file = unquote(path).strip("/").split("/", 3)
        remote = self.hub.find(f"{owner}/{name}", revision, file)
        if remote is None:
            return self.reply(404)
        start, end, status = 0, remote.size, 200
        headers = {"ETag": f'"{remote.sha256}"', "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and self.hub.ranges:
            start, status = int(asked[1]), 206
            end = min(end, int(asked[2]) + 1) if asked[2] else end
            if start >= end:
                return self.reply(416, {"Content-Range": f"bytes */{remote.size}"})
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{remote.size}"
        headers["Content-Length"] = str(end - start)
        self.reply(status, headers)
        if self.command == "GET":
            self.send_bytes(remote.path, file, start, end)
        return None

    def send_bytes(self, path: Path, name: str, start: int, end: int) -> None:
        stop = min(end, start + self.hub.cuts.popleft()) if self.hub.cuts else end
        answer = Served(name, start, start, self.headers.get("Accept-Encoding", ""))
        self.hub.served.append(answer)
        # Sending fails where the client has hung up.
        with path.open("rb") as file, contextlib.suppress(ConnectionError):
            file.seek(start)
            while answer.end < stop:
                chunk = file.read(min(CHUNK, stop - answer.end))
                # Counted first, so that whoever has the bytes finds them counted.
                answer.end += len(chunk)
                self.wfile.write(chunk)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A Hub that this process's client talks to, with empty caches of its own."""
    server = Hub()
    constants = huggingface_hub.constants
    # The client reads the environment once, on import, into these constants, and looks them up
    # again at each call: the template for files, the endpoint for questions, the cache's
    # folders, and whether it may go out at all.
    template = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + template)
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    # Whoever runs the tests keeps their token to themselves.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    monkeypatch.setenv("STYLESWAP_CACHE", str(tmp_path / "styleswap"))
    # A proxy would stand between the test and this machine, and the client is kept between tests.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    huggingface_hub.close_session()
    try:
        yield server
    finally:
        server.close()
        huggingface_hub.close_session()
