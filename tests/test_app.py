"""The page as `python app.py` starts it, and with many visitors."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from styleswap import weights
from tests.helpers import ROOT

VISITORS = 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The process and the address of a server that has just been started.

    What it prints of errors is in ``errors.txt``.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    errors = tmp_path / "errors.txt"
    with errors.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port)],
            cwd=ROOT,
            env=os.environ | {"GRADIO_TEMP_DIR": str(tmp_path / "gradio")},
            stdout=subprocess.DEVNULL,
            stderr=file,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        while process.poll() is None:
            try:
                httpx.get(address).raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.05)
        assert process.poll() is None
        yield process, address
    finally:
        process.kill()
        process.wait()
        print(errors.read_text(), file=sys.stderr)


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = subprocess.run(
            [sys.executable, "app.py", "--port", str(port)],
            cwd=ROOT,
            env=os.environ | {"GRADIO_TEMP_DIR": str(tmp_path / "gradio")},
            capture_output=True,
            text=True,
        )
    sentence = f"Nothing can listen at port {port}: another program may; choose another --port.\n"
    assert (ran.returncode, ran.stderr) == (2, sentence)


def test_twenty_visitors_and_a_picture(
    server: tuple[subprocess.Popen[bytes], str], photo: Path, tmp_path: Path
) -> None:
    """From the first moment on, with all of their pages open and some of them asking at once."""
    _, address = server
    style = weights.styles_of("johnson")[0].name

    def visit(k: int) -> httpx.Response:
        # What an open page is to the server: a stream that does not end.
        beat = client.build_request("GET", f"{address}/gradio_api/heartbeat/visitor-{k}")
        return client.send(beat, stream=True)

    def picture(_: int) -> Any:
        visitor = Client(address, verbose=False, download_files=tmp_path)
        return visitor.predict(
            handle_file(photo),
            None,
            "johnson",
            {"size": 128},
            trained_style=style,
            api_name="/stylize",
        )

    limits = httpx.Limits(max_connections=VISITORS + 5)
    with (
        httpx.Client(timeout=30, limits=limits) as client,
        ThreadPoolExecutor(VISITORS) as pool,
        ExitStack() as stack,
    ):
        for beat in pool.map(visit, range(VISITORS)):
            stack.callback(beat.close)
            assert beat.status_code == 200
        for page in pool.map(lambda _: client.get(address), range(VISITORS)):
            assert page.status_code == 200 and "StyleSwap" in page.text
        for path, numbers in pool.map(picture, range(VISITORS // 4)):
            with Image.open(path) as result:
                assert result.size == (128, 85)
            assert numbers["method"] == "johnson"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are not listed here")
def test_a_server_with_nothing_to_do_rests(server: tuple[subprocess.Popen[bytes], str]) -> None:
    process, _ = server

    def woken() -> int:
        """How often any of its threads went on after a pause."""
        total = 0
        for status in Path(f"/proc/{process.pid}/task").glob("*/status"):
            with contextlib.suppress(OSError):  # a thread that has ended
                lines = status.read_text().splitlines()
                (line,) = (line for line in lines if line.startswith("voluntary_ctxt_switches"))
                total += int(line.split()[1])
        return total

    began = time.monotonic()
    while time.monotonic() - began < 60:  # it warms up first
        before = woken()
        time.sleep(1)
        if woken() - before < 300:
            return
    pytest.fail("it never rests")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_while_it_works(
    number: signal.Signals,
    server: tuple[subprocess.Popen[bytes], str],
    photo: Path,
    tmp_path: Path,
) -> None:
    """It ends at once, says that all is well, and nothing of its own inside."""
    process, address = server
    client = Client(address, verbose=False, download_files=tmp_path)
    settings = {"size": 384, "steps": 1000}
    job = client.submit(
        handle_file(photo), handle_file(photo), "gatys", settings, api_name="/stylize"
    )
    began = time.monotonic()
    while not job.outputs() and time.monotonic() - began < 60:
        time.sleep(0.1)
    assert job.outputs() and not job.done()
    assert any((tmp_path / "gradio").rglob("*.*"))
    process.send_signal(number)
    assert process.wait(20) == 0
    assert not list((tmp_path / "gradio").iterdir())  # not a file is left
    errors = (tmp_path / "errors.txt").read_text()
    assert "Traceback" not in errors and "terminate called" not in errors
