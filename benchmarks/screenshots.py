"""README's pictures of the page: every tab after one click, at 1440 px; three of them on a
telephone; the webcam tab in motion, with our own clip as the camera.

    python benchmarks/screenshots.py [NAME ...]

They are written to benchmarks/images/. The browser is Debian's Chromium or what CHROMIUM names.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import typer
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from styleswap.engine import Engine
from styleswap.ui import examples, page

IMAGES = Path(__file__).parent / "images"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --disable-background-networking"
    " --disable-component-update --disable-sync --use-fake-ui-for-media-stream"
    " --use-fake-device-for-media-stream"
)
WIDE, TELEPHONE = (1440, 900), (390, 844)
SHOWN = 1200  # width of a picture in README, in pixels
PACE, SECONDS, MOVING = 8, 4, 760  # of the animation: frames a second, length, width
PATIENCE = 300_000  # ms that a slow machine gets


def camera(folder: Path) -> Path:
    """Our clip as Chromium takes it for a camera's picture: a file of JPEGs."""
    target = folder / "camera.mjpeg"
    with av.open(str(examples.clip_examples()[0])) as clip, target.open("wb") as file:
        for frame in clip.decode(video=0):
            frame.to_image().save(file, "JPEG", quality=92)
    return target


@contextlib.contextmanager
def opened(
    browser: Browser, address: str, size: tuple[int, int], *, dark: bool = False, zh: bool = False
) -> Iterator[Page]:
    """A visitor's page."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale="zh-CN" if zh else "en-GB",
        device_scale_factor=2 if size == TELEPHONE else 1,
        permissions=["camera"],
    )
    visit = context.new_page()
    visit.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    visit.goto(address + ("?__theme=dark" if dark else ""))
    expect(visit.locator("#go")).to_be_enabled()
    yield visit
    context.close()


def shot(visit: Page) -> Image.Image:
    """What the visitor sees, once nothing moves any more."""
    visit.mouse.move(0, 0)
    visit.wait_for_timeout(1500)
    return Image.open(io.BytesIO(visit.screenshot())).convert("RGB")


def tab(visit: Page, name: str) -> None:
    visit.click(f"#{name}-tab-button")


def stylised(visit: Page) -> None:
    visit.click("#go")
    expect(visit.locator("#status")).to_contain_text("Done in")


def compared(visit: Page, methods: str = "") -> None:
    """Every method, or those whose names are in `methods`."""
    tab(visit, "compare")
    for box in visit.locator("#compare-methods input").all() if methods else ():
        box.set_checked(str(box.get_attribute("name")) in methods)
    visit.click("#compare-go")
    expect(visit.locator("#compare-download")).to_be_enabled()


def filmed(visit: Page) -> None:
    tab(visit, "video")
    visit.fill('#video-end input[type="number"]', "2")
    visit.click("#video-go")
    expect(visit.locator("#video-download")).to_be_enabled()


def denoised(visit: Page) -> None:
    tab(visit, "denoise")
    visit.click("#denoise-go")
    expect(visit.locator("#denoise-download")).to_be_enabled()


def live(visit: Page) -> None:
    """The stream, its line between before and after in the middle."""
    tab(visit, "webcam")
    visit.check("#webcam-split input")
    visit.click("#webcam-live .live-go")
    visit.wait_for_function("document.querySelector('#webcam-live canvas').live?.drawn > 60")
    visit.evaluate("scrollTo(0, 0)")


def animation(visit: Page) -> list[Image.Image]:
    """The webcam tab for a few seconds."""
    frames, began = [], time.monotonic()
    while len(frames) < PACE * SECONDS:
        time.sleep(max(0.0, began + len(frames) / PACE - time.monotonic()))
        frames.append(Image.open(io.BytesIO(visit.screenshot(type="jpeg", quality=92))))
    return frames


def on_telephones(browser: Browser, address: str) -> Image.Image:
    """Picture, Compare in Chinese and dark, Webcam, side by side."""
    shots = []
    for do, dark, zh in ((None, False, False), (compared, True, True), (live, False, False)):
        with opened(browser, address, TELEPHONE, dark=dark, zh=zh) as visit:
            if do is compared:
                compared(visit, "johnson adain wct swap")
                visit.locator("#compare-stage").scroll_into_view_if_needed()
            elif do:
                do(visit)
            shots.append(shot(visit))
    gap, (width, height) = 60, shots[0].size
    sheet = Image.new("RGB", (len(shots) * (width + gap) + gap, height + 2 * gap), "#d2cec4")
    for i, picture in enumerate(shots):
        sheet.paste(picture, (gap + i * (width + gap), gap))
    return sheet


def save(picture: Image.Image, name: str, width: int = SHOWN) -> None:
    height = round(picture.height * width / picture.width)
    small = picture.resize((width, height), Image.Resampling.LANCZOS)
    small.save(IMAGES / f"{name}.webp", quality=82, method=6)


def main(names: list[str] = typer.Argument(None)) -> None:  # noqa: B008
    tabs: dict[str, Callable[[Page], None]] = {
        "picture": stylised,
        "compare": compared,
        "video": filmed,
        "denoise": denoised,
    }

    def wanted(name: str) -> bool:
        return not names or name in names

    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    demo: Any = page.launch(Engine(), prevent_thread_lock=True, quiet=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        film = camera(Path(folder))
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=[*FLAGS.split(), f"--use-file-for-fake-video-capture={film}"],
        )
        for name, do in tabs.items():
            if wanted(name):
                with opened(browser, demo.local_url, WIDE) as visit:
                    do(visit)
                    visit.evaluate("scrollTo(0, 0)")
                    save(shot(visit), name)
        if wanted("webcam"):
            with opened(browser, demo.local_url, (1280, 760)) as visit:
                live(visit)
                visit.wait_for_timeout(15_000)  # until the size of the frames has settled
                first, *rest = [
                    frame.resize((MOVING, round(MOVING * frame.height / frame.width)))
                    for frame in animation(visit)
                ]
                first.save(
                    IMAGES / "webcam.webp",
                    save_all=True,
                    append_images=rest,
                    duration=1000 // PACE,
                    loop=0,
                    quality=70,
                    method=6,
                )
        if wanted("telephones"):
            save(on_telephones(browser, demo.local_url), "telephones")
        browser.close()
    demo.close()


if __name__ == "__main__":
    typer.run(main)
