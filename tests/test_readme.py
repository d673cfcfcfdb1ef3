"""What README.md tells a program to do is done as it stands there."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from styleswap import specs, video, weights
from styleswap.methods import denoise
from tests.helpers import ROOT, beep, numbered, write_film

ADDRESS = "http://localhost:7860"
# Marked by what runs them, in the order in which they stand there.
BLOCKS = re.findall(
    r"<!-- test: (\w+) -->\n```\1\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
)


@pytest.fixture
def folder(tmp_path: Path, photo: Path, style: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where somebody follows README, with files of the names that it uses."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(denoise.PRESETS, "fast", replace(denoise.PRESETS["fast"], steps=5))
    shutil.copy(photo, "photo.jpg")
    Image.open(style).save("painting.jpg")
    Image.open(photo).resize((48, 32)).save("scan.png")
    write_film(tmp_path / "clip.mp4", [numbered(k, 96, 64) for k in range(3)], sound=beep(0.1, 0.0))
    return tmp_path


def block(kind: str, n: int, app: str) -> str:
    text = [text for found, text in BLOCKS if found == kind][n]
    assert ADDRESS in text
    return text.replace(ADDRESS, app.rstrip("/"))


def run(source: str) -> tuple[dict[str, Any], str]:
    """The names that a script leaves, and what it prints.

    In a thread of its own: the browser's tests keep an event loop in this one.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    code = compile(source, "README.md", "exec")
    with contextlib.redirect_stdout(io.StringIO()) as printed, ThreadPoolExecutor(1) as thread:
        thread.submit(exec, code, names).result()
    return names, printed.getvalue()


def test_every_block_is_tested() -> None:
    assert [kind for kind, _ in BLOCKS] == ["python", "sh", "json", "python"]
    marked = {text for _, text in BLOCKS}
    section = (ROOT / "README.md").read_text("utf-8").partition("### API\n")[2]
    found = re.findall(r"```\w+\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    assert set(found) == marked


def test_the_api_in_python(app: str, folder: Path) -> None:
    made, printed = run(block("python", 0, app))
    sizes = {name: Image.open(made[name]).size for name in ("picture", "other", "clean")}
    assert sizes == {"picture": (768, 512), "other": (384, 256), "clean": (48, 32)}
    clip = video.open_clip(made["film"])
    assert (clip.size, len(clip.ticks), clip.sound) == ((96, 64), 3, "aac")
    assert [row["method"] for row in made["facts"]["results"]] == ["adain", "wct"]
    assert Path(made["sheet"]).name == "contact-sheet.jpg" and len(made["files"]) == 3
    for name in (*specs.METHODS, *(entry.name for entry in weights.styles())):
        assert f"'id': '{name}'" in printed


def test_the_api_by_curl(app: str, folder: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    script = block("sh", 0, app)
    done = subprocess.run(["sh", "-eu"], input=script, capture_output=True, text=True, timeout=60)
    last = done.stdout.strip().rpartition("event: complete\ndata: ")[2]
    file, facts = json.loads(last)
    with Image.open(io.BytesIO(httpx.get(file["url"]).content)) as picture:
        assert (picture.format, picture.size) == ("PNG", (768, 512))
    assert facts["method"] == "johnson"


def test_the_configuration_of_an_agent(app: str) -> None:
    (server,) = json.loads(block("json", 0, app))["mcpServers"].values()
    hello = {
        **{"jsonrpc": "2.0", "id": 1, "method": "initialize"},
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    accept = {"Accept": "application/json, text/event-stream"}
    answer = httpx.post(server["url"], json=hello, headers=accept)
    assert answer.status_code == 200 and '"name":"StyleSwap"' in answer.text


def test_an_agent_s_script(app: str, folder: Path) -> None:
    _, printed = run(block("python", 1, app))
    with Image.open("painted.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (768, 512))
    assert app in printed and '"method": "johnson"' in printed


def test_every_picture_and_page_that_it_shows_is_there() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    named = re.findall(r'\]\((?!http)([^)#]+)\)|src="([^"]+)"', text)
    files = [one or other for one, other in named]
    assert len(files) > 12
    assert [file for file in files if not (ROOT / file).exists()] == []
