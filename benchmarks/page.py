"""How soon is the page there, and does it still answer with twenty visitors?

`python app.py` is started in an empty home, Chromium beforehand. Measured, the median of some runs:

- from the start to the port's answering, and to the page ready (`#go` visible and enabled);
- from a click on Stylise, the moment the page is ready, to the picture: Johnson's trained style,
  all else as the page comes; and from a second click, on another photograph.

What Gradio itself takes is measured in turn: a page with nothing but a picture and a button,
started in the same way. Then, once, twenty pages are open, some of them at work on a slow method:
how long a further page takes to be ready, and Johnson's picture on it, and the server's memory.
And the seconds that the slow methods work for the page, by what it tells (``gatys_s``), next to
the same by the command line, where nothing else goes on (``gatys_alone_s``).

    python benchmarks/page.py [--json] [--runs 3] [--cold] [--pages 20] [--busy 5] [--no-slow]

The browser is Debian's Chromium or what CHROMIUM names.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import machine
from gradio_client import Client, handle_file
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --disable-background-networking"
    " --disable-component-update --disable-sync"
)
# What Gradio takes with nothing of ours.
BARE = """
import sys
import gradio as gr

with gr.Blocks(analytics_enabled=False) as page:
    gr.Image()
    gr.Button(elem_id="go")
page.launch(server_port=int(sys.argv[2]), ssr_mode=False, run_history=False)
"""
RESULT = '#stage img[src$=".png"]'
MOST = 120_000  # milliseconds that anything may take
CONTENT, STYLE = (f"examples/{name}.jpg" for name in ("content/owl", "style/waves"))
SIDE = 384  # of what the slow methods work on, in pixels


class Server:
    """A page in a process of its own, with an empty home."""

    def __init__(self, command: list[str], folder: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}/"
        known = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG")
        own = {name: os.environ[name] for name in known if name in os.environ}
        own |= {"HOME": folder, "GRADIO_TEMP_DIR": f"{folder}/gradio", "HF_HUB_OFFLINE": "1"}
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, *command, "--port", str(port)],
            cwd=ROOT,
            env=own,
            stdout=subprocess.DEVNULL,
        )

    def wait(self) -> float:
        """Until the port answers; gives the seconds since the start."""
        while self.process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(self.address).read()
                return self.seconds()
            time.sleep(0.02)
        raise RuntimeError("the server has ended")

    def seconds(self) -> float:
        return time.perf_counter() - self.began

    def memory(self) -> float:
        """What it holds in memory, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextlib.contextmanager
def served(command: list[str]) -> Iterator[Server]:
    """A server that has just been started."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(command, folder)
        try:
            yield server
        finally:
            server.process.kill()
            server.process.wait()


def visit(browser: Browser, address: str) -> Page:
    """The page as a new visitor sees it, ready."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(MOST)
    page.goto(address, wait_until="commit")
    page.wait_for_selector("#go:enabled")
    return page


def choose(page: Page, method: str) -> None:
    """The method of that title, unless it is the chosen one."""
    if method not in page.input_value("#method input"):
        page.click("#method input")
        page.get_by_role("option", name=method).click()
        page.wait_for_function(
            f"document.querySelector('#method input').value.includes('{method}')"
        )


def picture(page: Page) -> float:
    """Seconds from a click on Stylise to the picture."""
    before = page.locator(RESULT).get_attribute("src") if page.locator(RESULT).count() else ""
    began = time.perf_counter()
    page.click("#go")
    page.wait_for_function(
        """([found, before]) => {
          const image = document.querySelector(found);
          return image && image.getAttribute('src') !== before && image.complete;
        }""",
        arg=[RESULT, before],
    )
    return time.perf_counter() - began


def start(browser: Browser) -> dict[str, float]:
    """Our page from its start to the first pictures."""
    with served(["app.py"]) as server:
        found = {"answers_s": server.wait()}
        page = visit(browser, server.address)
        found["ready_s"] = server.seconds()
        choose(page, "Johnson")
        found["first_s"] = picture(page)
        found["first_mb"] = server.memory()
        before = page.locator("#content img").get_attribute("src")
        page.locator("#content-examples button").nth(1).click()
        page.wait_for_function(
            "(before) => document.querySelector('#content img').getAttribute('src') !== before",
            arg=before,
        )
        found["second_s"] = picture(page)
        page.context.close()
    return found


def forget_files() -> None:
    """Empty the kernel's cache of what is on the disk."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def start_bare(browser: Browser) -> dict[str, float]:
    """Gradio's own."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(BARE)
        file.flush()
        with served([file.name]) as server:
            found = {"bare_answers_s": server.wait()}
            visit(browser, server.address).context.close()
            found["bare_ready_s"] = server.seconds()
    return found


def crowd(browser: Browser, pages: int, busy: int) -> dict[str, float]:
    """What a further visitor sees where there are others."""
    with served(["app.py"]) as server:
        server.wait()
        visitors = [visit(browser, server.address) for _ in range(pages)]
        for page in visitors[:busy]:
            choose(page, "Gatys")
            page.click("#go")
        visitors[0].wait_for_function(
            "document.querySelector('#status').innerText.includes('Step')"
        )
        began = time.perf_counter()
        page = visit(browser, server.address)
        found = {"crowd_ready_s": time.perf_counter() - began}
        choose(page, "Johnson")
        found["crowd_picture_s"] = picture(page)
        found["crowd_mb"] = server.memory()
        for page in visitors:
            page.context.close()
    return found


def slow(method: str) -> dict[str, float]:
    """Seconds of work of a slow method, for the page and for the command line."""
    with tempfile.TemporaryDirectory() as name:
        picture, target = f"{name}/given.jpg", f"{name}/made.png"
        with Image.open(ROOT / CONTENT) as image:
            ImageOps.contain(image, (SIDE, SIDE)).save(picture)
        given: dict[str, Any] = {"content": handle_file(picture)}
        if method == "denoise":
            given |= {"api_name": "/denoise"}
            words = ["denoise", picture]
        else:
            style = handle_file(str(ROOT / STYLE))
            given |= {"style": style, "method": method, "settings": {"size": SIDE}}
            given |= {"api_name": "/stylize"}
            words = ["image", picture, "--method", method, "--style", STYLE, "--size", str(SIDE)]
        with served(["app.py"]) as server:
            server.wait()
            client = Client(server.address, verbose=False, download_files=False)
            # Not its first: networks are in memory then, as they are for most.
            for _ in range(2):
                *_, facts = client.predict(**given)
        command = [sys.executable, "-m", "styleswap", *words, "-o", target, "--json"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return {
        f"{method}_s": facts["seconds"],
        f"{method}_alone_s": json.loads(done.stdout)["seconds"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="only the figures, in one line")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--cold", action="store_true", help="no file is in memory at a start (Linux, as root)"
    )
    parser.add_argument("--no-slow", action="store_true", help="leave the slow methods out")
    parser.add_argument("--pages", type=int, default=20, help="that are open; 0 for none")
    parser.add_argument("--busy", type=int, default=5, help="of them, at work on a slow method")
    args = parser.parse_args()

    def say(figures: dict[str, float]) -> None:
        if not args.json:
            print("  ".join(f"{name} {value:.2f}" for name, value in figures.items()), flush=True)

    if not args.json:
        print(machine())
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    runs = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path if Path(path).exists() else shutil.which("chromium"),
            args=FLAGS.split(),
        )
        visit_nothing = browser.new_page()  # its first page takes longer
        visit_nothing.close()
        for _ in range(args.runs):
            run = {}
            for measure in (start, start_bare):
                if args.cold:
                    forget_files()
                run |= measure(browser)
            runs.append(run)
            say(runs[-1])
        figures = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        if args.pages:
            figures |= crowd(browser, args.pages, args.busy)
        browser.close()
    for method in () if args.no_slow else ("gatys", "denoise"):
        figures |= slow(method)
    say(figures)
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
