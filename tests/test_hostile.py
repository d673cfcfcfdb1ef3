"""Some two hundred requests that mean harm, against a page as it runs: each is refused in one
sentence that tells nothing of the machine, and afterwards there is as much memory and disk as
before, and the page works."""

from __future__ import annotations

import gc
import io
import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import numpy as np
import pytest
from PIL import Image

from styleswap import limits
from styleswap.ui import guard, line
from tests.helpers import beep, numbered, write_film
from tests.test_probe import packets, png
from tests.ui.test_guard import SHUT

# What no answer may hold: places, objects and lines of code.
TELLING = re.compile(
    r"/tmp|/root|/home|/etc/|/usr|site-packages|Traceback|object at 0x|line \d+|pydantic|ffmpeg"
    r"|root:x|secret of the machine"
)

Ask = Callable[[str, dict[str, Any]], str]


@pytest.fixture(scope="module")
def http(app: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{app}gradio_api/", timeout=120) as client:
        yield client


@pytest.fixture(scope="module")
def ask(http: httpx.Client) -> Ask:
    """Calls an endpoint, and gives all that comes back."""

    def do(name: str, given: dict[str, Any]) -> str:
        answer = http.post(f"call/v2/{name}", json=given)
        if answer.is_success:
            answer = http.get(f"call/{name}/{answer.json()['event_id']}")
        assert answer.status_code < 500, answer.text
        return answer.text

    return do


@pytest.fixture(scope="module")
def put(http: httpx.Client) -> Callable[[bytes, str], dict[str, Any]]:
    """Uploads a file, and gives what an endpoint is told of it."""

    def do(data: bytes, name: str = "a.jpg") -> dict[str, Any]:
        answer = http.post("upload", files={"files": (name, data)})
        assert answer.is_success, answer.text
        return {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}

    return do


@pytest.fixture(scope="module")
def good(put: Callable[..., dict[str, Any]], photo: Path) -> dict[str, Any]:
    """A job that works."""
    settings = {"size": 64}
    content = put(photo.read_bytes())
    return {
        "content": content,
        "method": "johnson",
        "trained_style": "udnie",
        "settings": settings,
    }


def memory() -> float:
    """Resident memory in MB, with all of it given back that can be."""
    gc.collect()
    line._give_back()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(demo: gr.Blocks, ask: Ask, good: dict[str, Any]) -> Iterator[None]:
    """The page works before and after, and is no larger."""
    files = Path(gr.utils.get_upload_folder())

    def size() -> int:
        return sum(path.stat().st_size for path in files.rglob("*") if path.is_file())

    for _ in range(3):
        assert "complete" in ask("stylize", good)
    had, held = memory(), size()
    yield
    assert "complete" in ask("stylize", good)
    assert memory() - had < 200
    assert size() - held < 30 * 2**20
    assert not demo._queue.event_ids_to_events
    assert len(demo.app.state_holder.session_data) <= limits.now().sessions


def fine(text: str) -> None:
    """What came back is a refusal, short, and tells nothing."""
    told = TELLING.search(text)
    assert told is None, (told, text[:500])
    assert len(text) < 2500
    assert "event: complete" not in text, text[:500]


def test_routes(http: httpx.Client) -> None:
    root = str(http.base_url).replace("gradio_api/", "")
    for route in SHUT:
        path = re.sub(r"\{(\w+)(:path)?\}", "x", route).lstrip("/")
        for method in ("GET", "POST"):
            answer = http.request(method, root + path, files={"video": ("x", b"x")})
            assert answer.status_code == 404
            fine(answer.text)


PATHS = [
    "/etc/passwd",
    "file:///etc/passwd",
    "ftp://example.com/x",
    "data:text/html,x",
    "",
    ".",
    "..",
    "~/.ssh/id_rsa",
    "/proc/self/environ",
    "/proc/self/fd/0",
    "/dev/zero",
    "/dev/stdin",
    "\x00",
    "a" * 5000,
    "C:\\Windows\\win.ini",
    "\\\\host\\share",
    "http://127.0.0.1:1/x.png",
    "http://[::1]/x.png",
    "http://169.254.169.254/latest/meta-data",
    "http://0x7f000001/",
    "HTTP://localhost/",
    "gradio_api/file=/etc/passwd",
]


def test_files_of_the_machine(ask: Ask, good: dict[str, Any], http: httpx.Client) -> None:
    def steal(path: str) -> None:
        stolen = {"path": path, "meta": {"_type": "gradio.FileData"}}
        fine(ask("stylize", good | {"content": stolen}))
        fine(ask("stylize", good | {"settings": {"size": stolen}}))
        if "\x00" not in path:
            answer = http.get(f"file={path}")
            assert answer.status_code in (403, 404), path
            fine(answer.text)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(steal, PATHS))


SETTINGS: list[Any] = [
    {"size": 10**400},
    {"size": -1},
    {"size": 0},
    {"size": "512; rm -rf /"},
    {"size": [64]},
    {"size": {"a": 1}},
    {"size": None},
    {"size": True},
    {"size": 1e308},
    {"strength": "NaN"},
    {"nonesuch" * 500: 1},
    {"__class__": 1},
    {"size": "x" * 20_000},
    [],
    "size=64",
    5,
    {"": ""},
    {"keep_colours": "yes"},
]


def test_settings_and_names(ask: Ask, good: dict[str, Any]) -> None:
    tried = [good | {"settings": settings} for settings in SETTINGS if settings]
    for wrong in (None, 5, [], {}, "", "gatys'--", "../johnson", "x" * 20_000):
        if wrong:  # where none is named, the style's usual one is taken
            tried.append(good | {"method": wrong})
        tried.append(good | {"trained_style": wrong if wrong else "nobody"})
    tried += [good | {"weights": w} for w in ([1], "1", {"a": 1}, [float(10**300)] * 9)]
    with ThreadPoolExecutor(4) as pool:
        for text in pool.map(lambda given: ask("stylize", given), tried):
            fine(text)


def jpeg(**more: Any) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((300, 200), 50).save(buffer, "JPEG", **more)
    return buffer.getvalue()


def pictures() -> Iterator[bytes]:
    """Files that are no pictures, or that want more than they may have."""
    dice, whole, small = np.random.default_rng(0), jpeg(), png(32, 32)
    yield b""
    yield b"\xff"
    for share in (0.01, 0.1, 0.3, 0.6):
        yield whole[: int(share * len(whole))]
    for size in (10, 1000, 50_000):
        yield dice.bytes(size)
    for head in (
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"II*\0",
        b"BM",
        b"RIFF\0\0\0\0WEBP",
        b"\xff\xd8",
    ):
        yield head + dice.bytes(500)
    for side in (2**31 - 1, 60_000, 20_000):
        head = struct.pack(">II", 32, 32)
        yield small.replace(head, struct.pack(">II", side, side))
    yield b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\xf0\0\0" + bytes(800)
    yield b"BM" + struct.pack("<IIIIiiHH", 99, 0, 54, 40, 2**30, 2**30, 1, 24) + bytes(100)
    yield whole[:-2] + whole[whole.index(b"\xff\xda") : -2] * 150 + b"\xff\xd9"
    yield b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    yield b"%PDF-1.7\n"
    yield b"%!PS\n(/etc/passwd) run"
    yield b"push graphic-context\nimage over 0,0 0,0 '/etc/passwd'\n"
    yield b"PK\x03\x04" + zlib.compress(bytes(10**6))
    yield b"\0\0\0 ftypheic" + bytes(100)
    yield png(2, 2)
    yield b"secret of the machine" * 100


def test_pictures(ask: Ask, good: dict[str, Any], put: Callable[..., dict[str, Any]]) -> None:
    def send(data: bytes) -> None:
        file = put(data, "a.png")
        fine(ask("stylize", good | {"content": file}))
        fine(ask("denoise", {"content": file}))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, pictures()))


def films(folder: Path) -> Iterator[bytes]:
    """Films that are none, name other files, or want more than they may have."""
    other = write_film(folder / "other.mp4", (numbered(k) for k in range(10)), sound=beep(0.4, 0.1))
    whole = other.read_bytes()
    yield (
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://"
        + bytes(other)
        + b"\n#EXT-X-ENDLIST"
    )
    yield f"ffconcat version 1.0\nfile '{other}'\n".encode()
    yield (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
        f'<AdaptationSet mimeType="video/mp4"><Representation id="1"><BaseURL>file://{other}'
        "</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ).encode()
    yield f"v=0\ns=x\nm=video 5004 RTP/AVP 96\na=fmtp {other}".encode()
    claims = bytearray(whole)
    at = claims.index(b"stsz")
    claims[at + 8 : at + 16] = struct.pack(">II", 1, 40_000_000)
    at = claims.index(b"stts")
    claims[at + 12 : at + 16] = struct.pack(">I", 40_000_000)
    yield bytes(claims)
    yield packets(folder / "large.mov", [png(10_000, 10_000)] * 2).read_bytes()
    absurd = bytearray(whole)
    at = absurd.index(b"mdhd")
    absurd[at + 16 : at + 20] = struct.pack(">I", 2**31 - 1)
    yield bytes(absurd)
    yield whole[: len(whole) // 2]
    yield b"RIFF\xff\xff\xff\x7fWEBPVP8X" + bytes(200)
    yield np.random.default_rng(0).bytes(3000)


def test_films(
    ask: Ask, put: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_now", limits.read(strict=True, given={}))

    def send(data: bytes) -> None:
        given = {"content": put(data, "a.mp4"), "trained_style": "udnie"}
        fine(ask("video", given | {"settings": {"size": 64}}))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, list(films(tmp_path))))


BODIES: list[bytes] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"5",
    b'"x"',
    b'{"data": null}',
    b'{"data": {}}',
    b'{"data": [], "fn_index": -1}',
    b'{"data": [], "fn_index": 99999}',
    b'{"data": [], "fn_index": "x"}',
    b'{"data": [], "session_hash": {"a": 1}}',
    b'{"data": [' + b"[" * 5000 + b"]" * 5000 + b"]}",
    b'{"data": [' + b"{}," * 60_000 + b"{}]}",
    b'{"data": ["\xff\xfe"]}',
    b'{"data": [1e999]}',
    b'{"data": "' + b"x" * 20_000 + b'"}',
    b"\0" * 1000,
]


def test_bodies(http: httpx.Client) -> None:
    kind = {"Content-Type": "application/json"}
    for path in (
        "queue/join",
        "call/stylize",
        "call/v2/stylize",
        "run/stylize",
        "run/nonesuch",
        "cancel",
        "mcp/",
    ):
        for body in BODIES:
            answer = http.post(path, content=body, headers=kind)
            assert answer.status_code < 500, (path, body[:50], answer.text)
            if answer.status_code >= 400:
                fine(answer.text)


def test_headers(http: httpx.Client) -> None:
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"X-Forwarded-Host": "evil.example"},
        {"X-Gradio-Server": "http://evil.example"},
        {"Cookie": "access-token=" + "x" * 5000},
        {"Authorization": "Basic %%%"},
        {"Range": "bytes=0-1-2"},
        {"Range": "bytes=" + "0-1," * 1000},
        {guard.INSIDE: "x", guard.USER: "ann"},
    ):
        for path in ("info", "mcp/", "app_id"):
            answer = http.get(path, headers=headers)
            assert answer.status_code < 500
            assert "evil.example" not in answer.text


def test_uploads(http: httpx.Client) -> None:
    for name in (
        "",
        "..",
        "../../x",
        "/etc/passwd",
        "a\x00b",
        "x" * 400,
        ".htaccess",
        "con",
        "a/b",
    ):
        answer = http.post("upload", files={"files": (name, b"x")})
        assert answer.status_code < 500, (name, answer.text)
        if answer.is_success:
            (path,) = answer.json()
            assert Path(path).is_relative_to(gr.utils.get_upload_folder())
        else:
            fine(answer.text)
    for body in (b"", b"--b", b"--b\r\n\r\n", b"--b\r\nContent-Disposition: form-data\r\n\r\nx"):
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = http.post("upload", content=body, headers=kind)
        assert answer.status_code < 500
    many = [("files", (f"{k}", b"x")) for k in range(1200)]
    answer = http.post("upload", files=many)
    assert answer.status_code == 400
    fine(json.dumps(answer.text))
