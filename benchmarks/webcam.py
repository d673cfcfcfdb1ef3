"""How quick is the webcam, with everything on this machine: camera, browser and server?

In turn, 640x480 in and out, the default style:

- the page in Chromium with its own camera of 60 frames/s: frames drawn, the time from capture to
  drawing, from a click on another style to the first frame in it, and from moving the slider
  between two styles to the first frame in the new mixture;
- the same network behind Gradio's built-in streaming (`gr.Image(streaming=True)`), at the size that
  the page had chosen;
- the server alone: JPEG in, JPEG out, over sockets, two frames on their way for each client.

    python benchmarks/webcam.py [--json] [--size auto] [--seconds 15] [--clients 1] [--minutes 0]

The browser is Debian's Chromium or what CHROMIUM names; where there is none only the server is
measured. With `--minutes` the page runs that long, and memory, files and the pace are watched.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import json
import multiprocessing
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
import numpy as np
from common import machine
from PIL import Image

from styleswap import live, media
from styleswap.live import Room
from styleswap.media import Pixels
from styleswap.specs import get_spec
from styleswap.ui.styles import trained_styles

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --disable-background-networking"
    " --disable-component-update --disable-sync --use-fake-ui-for-media-stream"
    " --use-fake-device-for-media-stream=fps=60"
)
WARM_UP = 25.0  # seconds that do not count: networks are compiled, the size is found
STATE = "document.querySelector('#webcam-live canvas').live"


def style() -> str:
    """The style that the page opens with."""
    return trained_styles("johnson")[0].name


def serve(pipe: Any, folder: str) -> None:
    """The page in a process of its own; tells its address and tickets for sixteen clients."""
    os.environ["GRADIO_TEMP_DIR"] = folder
    from styleswap.engine import Engine
    from styleswap.ui import page

    room = Room(Engine())
    demo = page.build(room)
    demo.launch(prevent_thread_lock=True, quiet=True, **page.launch_options(room))
    tickets = [room.enter(f"client {i}", None).ticket for i in range(live.MOST_PEOPLE)]
    pipe.send((demo.local_url, tickets))
    pipe.recv()


def serve_builtin(pipe: Any, folder: str, size: tuple[int, int]) -> None:
    """The same network behind Gradio's own streaming."""
    os.environ["GRADIO_TEMP_DIR"] = folder
    from styleswap.engine import Engine, StyleChoice

    never = threading.Event()
    choice = [StyleChoice(name=style())]
    painter = Engine().painter("johnson", size, choice, get_spec("johnson").params(), never)

    def paint(frame: Pixels | None) -> Pixels | None:
        if frame is None:
            return None
        small = np.asarray(Image.fromarray(frame).resize(size))
        return live.enlarged(painter.paint([small])[0], 640, 480)

    with gr.Blocks() as demo:
        constraints = {"video": {"width": 640, "height": 480}}
        camera = gr.Image(
            sources="webcam",
            streaming=True,
            format="jpeg",
            elem_id="camera",
            webcam_options=gr.WebcamOptions(mirror=False, constraints=constraints),
        )
        result = gr.Image(streaming=True, format="jpeg", elem_id="result")
        camera.stream(
            paint,
            camera,
            result,
            stream_every=0.03,
            time_limit=None,
            concurrency_limit=4,
            show_progress="hidden",
        )
    demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    pipe.send((demo.local_url, []))
    pipe.recv()


@contextlib.contextmanager
def served(target: Any, *args: Any) -> Iterator[tuple[str, list[str], int, Path]]:
    """Run a server; gives its address, tickets, process and folder of files."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=target, args=(there, folder, *args))
        process.start()
        try:
            address, tickets = here.recv()
            yield address, tickets, int(process.pid or 0), Path(folder)
        finally:
            process.kill()
            process.join()


def chromium() -> str | None:
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    return path if Path(path).exists() else shutil.which("chromium")


@contextlib.contextmanager
def opened(address: str) -> Iterator[Any]:
    """The page in a browser that has a camera."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS.split())
        context = browser.new_context(
            viewport={"width": 1440, "height": 900}, permissions=["camera"], locale="en-GB"
        )
        page = context.new_page()
        page.goto(address)
        yield page
        browser.close()


def watch(page: Any, size: str) -> None:
    """Start the stream and wait until it is warm."""
    page.get_by_role("tab", name="Webcam").click()
    if size != "auto":
        page.locator("#webcam-size").get_by_label(size.replace("x", " × ")).check()
    page.click("#webcam-live .live-go")
    page.wait_for_function(f"{STATE}.drawn > 0", timeout=60_000)
    page.wait_for_timeout(1000 * WARM_UP)


def in_page(page: Any, seconds: float) -> dict[str, Any]:
    """Frames a second that were drawn, and the median time from capture to drawing."""
    first, began, delays = page.evaluate(f"{STATE}.drawn"), time.perf_counter(), []
    while time.perf_counter() - began < seconds:
        page.wait_for_timeout(500)
        delays += page.evaluate(f"{STATE}.delays.slice(-8)")
    drawn, spent = page.evaluate(f"{STATE}.drawn") - first, time.perf_counter() - began
    size = page.evaluate(f"{STATE}.facts.size")
    return {"fps": drawn / spent, "latency_ms": statistics.median(delays), "size": size}


def switching(page: Any) -> float:
    """Milliseconds from a click on another style to the first frame drawn in it, median of nine."""
    return statistics.median(
        page.evaluate(
            """async (k) => {
              const canvas = document.querySelector('#webcam-live canvas');
              const now = () => canvas.live.facts.styles[0][0];
              const before = now(), began = performance.now();
              document.querySelectorAll('#webcam-johnson-styles img')[k].click();
              while (now() === before && performance.now() - began < 5000)
                await new Promise(requestAnimationFrame);
              const spent = performance.now() - began;
              await new Promise((done) => setTimeout(done, 500));
              return spent;
            }""",
            k,
        )
        for k in range(1, 10)
    )


def sliding(page: Any) -> float:
    """Milliseconds from moving the slider between two styles to the first frame drawn in the new
    mixture, median of fifteen."""
    page.click("#webcam-johnson-more-styles button")
    page.click("#webcam-johnson-style-2 input")
    page.get_by_role("option").last.click()
    page.wait_for_function(f"{STATE}.facts.styles.length === 2")
    page.wait_for_timeout(2000)
    return statistics.median(
        page.evaluate(
            """async (share) => {
              const canvas = document.querySelector('#webcam-live canvas');
              const slider = document.querySelector('#webcam-johnson-share-2 input[type=range]');
              const began = performance.now();
              slider.value = share;
              slider.dispatchEvent(new Event('input', {bubbles: true}));
              while (Math.abs(canvas.live.facts.styles[1][1] - share) > 1e-6
                  && performance.now() - began < 5000)
                await new Promise(requestAnimationFrame);
              const spent = performance.now() - began;
              await new Promise((done) => setTimeout(done, 500));
              return spent;
            }""",
            k / 20,
        )
        for k in range(1, 16)
    )


def builtin(size: tuple[int, int], seconds: float) -> float:
    """Frames a second that Gradio's own streaming draws."""
    with served(serve_builtin, size) as (address, _, _, _), opened(address) as page:
        page.get_by_text("Click to Access Webcam").click()
        page.get_by_role("button", name="capture photo").click()
        page.wait_for_selector("#result img", timeout=60_000)
        page.evaluate(
            """() => {
              window.drawn = 0;
              document.addEventListener('load', (event) => {
                if (event.target.closest?.('#result')) window.drawn++;
              }, true);
            }"""
        )
        page.wait_for_timeout(5000)
        first, began = page.evaluate("window.drawn"), time.perf_counter()
        page.wait_for_timeout(1000 * seconds)
        return float((page.evaluate("window.drawn") - first) / (time.perf_counter() - began))


def frames(count: int) -> list[bytes]:
    """JPEGs of 640x480 of a view that moves over a photograph."""
    picture = media.fit(media.open_picture(gr.media.get_image("tower.jpg")), 960)
    width, height = picture.size
    found = []
    for i in range(count):
        x, y = (width - 640) * i // count, (height - 480) * i // count
        buffer = io.BytesIO()
        picture.crop((x, y, x + 640, y + 480)).save(buffer, "JPEG", quality=85)
        found.append(buffer.getvalue())
    return found


def clients(address: str, tickets: list[str], size: str, seconds: float) -> list[float]:
    """Frames a second that come back to each of as many clients as there are tickets."""
    host = address.split("//")[1].strip("/")
    look = {"method": "johnson", "styles": [[style(), 1]], "settings": {"size": size}}
    path = f"{live.PATH}?look={quote(json.dumps(look))}"
    data, counts = frames(30), [0] * len(tickets)
    since, until = (time.perf_counter() + s for s in (WARM_UP, WARM_UP + seconds))

    def client(i: int) -> None:
        connection = http.client.HTTPConnection(host)
        k = 0
        while (now := time.perf_counter()) < until:
            connection.request("POST", path, data[k % len(data)], {live.TICKET: tickets[i]})
            answer = connection.getresponse()
            made = answer.read()
            k += 1
            if answer.status == 200 and made and now > since:
                counts[i] += 1
            elif answer.status not in (200, 204):
                time.sleep(0.2)

    threads = [
        threading.Thread(target=client, args=(i,)) for i in range(len(tickets)) for _ in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [count / seconds for count in counts]


def memory(process: int) -> float:
    """What a process holds in memory, in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def endurance(page: Any, process: int, folder: Path, minutes: int) -> None:
    """Watch a page that is streaming."""
    for minute in range(1, minutes + 1):
        found = in_page(page, 60)
        files = sum(file.is_file() for file in folder.rglob("*"))
        print(
            f"minute {minute}: {found['fps']:.1f} frames/s, {memory(process):.0f} MB,"
            f" {files} files",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="only the figures, in one line")
    parser.add_argument("--size", default="auto", help="processing size: auto or WIDTHxHEIGHT")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--clients", type=int, default=1, help="of the server alone")
    parser.add_argument("--minutes", type=int, default=0, help="watch the page for so long")
    args = parser.parse_args()

    def say(line: str) -> None:
        if not args.json:
            print(line, flush=True)

    say(f"{machine()}; style {style()}")
    figures: dict[str, Any] = {}
    if chromium():
        with served(serve) as (address, _, process, folder), opened(address) as page:
            watch(page, args.size)
            found = in_page(page, args.seconds)
            say(
                f"page: {found['fps']:.1f} frames/s drawn, {found['latency_ms']:.0f} ms from"
                f" capture to drawing, painted at {found['size']}"
            )
            figures["switch_ms"] = round(switching(page), 1)
            say(f"another style: {figures['switch_ms']:.0f} ms after the click")
            figures["slider_ms"] = round(sliding(page), 1)
            say(f"another mixture: {figures['slider_ms']:.0f} ms after the slider")
            if args.minutes:
                endurance(page, process, folder, args.minutes)
        width, height = found["size"]
        figures |= {"fps": round(found["fps"], 1), "latency_ms": round(found["latency_ms"], 1)}
        figures["size"] = f"{width}x{height}"
        figures["builtin_fps"] = round(builtin((width, height), args.seconds), 1)
        say(f"Gradio's built-in streaming at that size: {figures['builtin_fps']} frames/s drawn")
    with served(serve) as (address, tickets, _, _):
        rates = clients(address, tickets[: args.clients], "640x480", args.seconds)
    figures["server_fps"] = round(min(rates), 1)
    say(f"server alone, {args.clients} client(s): {', '.join(f'{r:.1f}' for r in rates)} frames/s")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
