"""The tab Video as a person meets it, in a real Chromium."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from styleswap import video
from styleswap.movie import VideoProgress
from styleswap.ui import video as tab
from styleswap.ui.examples import clip_examples
from tests.browser.acts import Visit, download, number
from tests.helpers import numbered, write_film

WORKING = re.compile(r"Frame \d+ of \d+")
FILM = "#video-stage video"


@pytest.fixture
def page(visit: Visit, app: str) -> Page:
    page = visit(app)
    page.get_by_role("tab", name="Video").click()
    expect(page.locator("#video-go")).to_be_visible()
    number(page, "#video-size", 128)
    return page


def place(page: Page, box: str) -> tuple[int, int]:
    """Where a box lies in the document, and how tall it is."""
    bounds = page.locator(box).bounding_box()
    assert bounds is not None
    return round(bounds["y"] + float(page.evaluate("scrollY"))), round(bounds["height"])


def test_the_first_visit_needs_one_click(page: Page, tmp_path: Path) -> None:
    expect(page.locator("#video-content").get_by_label("Trim video")).to_be_hidden()
    before = place(page, "#video-stage"), place(page, "#video-actions")
    # A preview may be there for a moment only.
    page.evaluate(
        """() => new MutationObserver(() => {
            const image = document.querySelector('#video-stage img[src^="data:image/jpeg"]');
            if (image) window.previewed = image.checkVisibility();
        }).observe(document.body, {subtree: true, childList: true, attributes: true})"""
    )
    page.click("#video-go")
    expect(page.locator("#video-status")).to_contain_text("Done in", timeout=90_000)
    assert page.evaluate("window.previewed")
    expect(page.locator("#video-status")).to_contain_text("frames a second")
    expect(page.locator(FILM)).to_be_visible()
    assert (place(page, "#video-stage"), place(page, "#video-actions")) == before
    made = video.open_clip(download(page, tmp_path, "#video-download"))
    shown = page.locator("#video-content video").evaluate("v => v.duration")
    assert (max(made.size), made.sound) == (128, "aac")
    assert made.duration == pytest.approx(shown, abs=0.1)


def test_it_plays_in_step_with_the_original(page: Page) -> None:
    number(page, "#video-start", 2)
    number(page, "#video-end", 4)
    page.click("#video-go")
    expect(page.locator(FILM)).to_be_visible(timeout=90_000)
    at = page.evaluate(
        """async () => {
            const film = document.querySelector('#video-stage video');
            const first = document.querySelector('#video-content video');
            film.muted = true;
            await film.play();
            await new Promise((done) => setTimeout(done, 800));
            const playing = [film.currentTime, first.currentTime, first.paused, first.muted];
            film.pause();
            film.currentTime = 1;
            await new Promise((done) => setTimeout(done, 500));
            const ended = [film.currentTime, first.currentTime, first.paused];
            return [film.videoWidth, playing, ended];
        }"""
    )
    width, playing, ended = at
    assert width == 128 and playing[0] > 0.3  # the browser can decode it
    assert playing[1] == pytest.approx(playing[0] + 2, abs=0.2) and playing[2:] == [False, True]
    assert ended[0] == 1 and ended[1] == pytest.approx(3, abs=0.1) and ended[2]


def test_a_first_frame_is_shown_when_the_style_changes(page: Page) -> None:
    page.locator("#video-johnson-styles img").nth(2).click()
    preview = page.locator('#video-stage img[src^="data:image/jpeg"]')
    expect(preview).to_be_visible()
    expect(page.locator("#video-status")).to_contain_text("The first frame")
    first = preview.get_attribute("src")
    page.locator("#video-johnson-styles img").nth(3).click()
    expect(preview).not_to_have_attribute("src", str(first))


def test_stop_keeps_what_is_done(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = tab.film

    def slowly(*job: Any) -> Iterator[VideoProgress]:
        """So that Stop comes first on a busy machine, too."""
        for state in usual(*job):
            time.sleep(0.1)
            yield state

    monkeypatch.setattr(tab, "film", slowly)
    number(page, "#video-size", 640)
    page.click("#video-go")
    expect(page.locator("#video-status")).to_contain_text(WORKING)
    # Not a click, for which a busy browser waits until the film is done.
    page.locator("#video-stop").dispatch_event("click")
    status = page.locator("#video-status")
    expect(status).to_contain_text(re.compile(r"Stopped after \d+ of \d+ frames"))
    expect(page.locator(FILM)).to_be_visible()
    found = re.search(r"after (\d+) of (\d+)", status.inner_text())
    assert found
    made = video.open_clip(download(page, tmp_path, "#video-download"))
    assert len(made.ticks) == int(found[1]) < int(found[2])


def test_any_picture_as_the_style(page: Page) -> None:
    page.click("#video-method input")
    page.get_by_role("option", name="AdaIN").click()
    expect(page.locator("#video-style")).to_be_visible()
    expect(page.locator("#video-johnson-styles")).to_be_hidden()
    expect(page.locator("#video-slow")).to_be_hidden()
    number(page, "#video-end", 1)
    page.click("#video-go")
    expect(page.locator("#video-status")).to_contain_text("Done in", timeout=90_000)
    page.click("#video-method input")
    page.get_by_role("option", name="WCT").click()
    expect(page.locator("#video-slow")).to_contain_text("repaints every frame by itself")


def test_what_is_no_video_is_refused(page: Page, tmp_path: Path) -> None:
    bad = tmp_path / "film.mp4"
    bad.write_text("no film")
    page.click('#video-content button[aria-label="Clear"]')
    page.set_input_files('#video-content input[type="file"]', bad)
    expect(page.get_by_test_id("toast-body")).to_contain_text("cannot be read")
    expect(page.locator('#video-content input[type="file"]')).to_be_attached()
    page.click("#video-go")
    expect(page.get_by_test_id("toast-body").last).to_contain_text("There is no video yet")
    expect(page.locator("#video-go")).to_be_enabled()


KINDS = ("gif", "webp", "apng", "ts", "mxf", "avi", "flv", "m2ts", "vob", "wmv", "mpg")


@pytest.mark.parametrize("dropped", [False, True], ids=["chosen", "dropped"])
@pytest.mark.parametrize("suffix", KINDS)
def test_every_kind_of_video(suffix: str, dropped: bool, page: Page, tmp_path: Path) -> None:
    """What the browser cannot play it shows the first frame of, not a fault in red."""
    frames, film = [numbered(k, 96, 64) for k in range(8)], tmp_path / f"film.{suffix}"
    if suffix in ("gif", "webp", "apng"):
        kind = {"apng": "PNG"}.get(suffix, suffix)
        first, *others = map(Image.fromarray, frames)
        first.save(film, kind, save_all=True, append_images=others, duration=40)
    else:
        codec = {"vob": "mpeg2video", "mpg": "mpeg2video", "mxf": "mpeg2video", "wmv": "wmv2"}
        about: dict[str, Any] = {"codec": codec.get(suffix, "libx264"), "options": {}}
        write_film(film, frames, format={"vob": "vob"}.get(suffix), **about)
    page.click('#video-content button[aria-label="Clear"]')
    if dropped:
        data = base64.b64encode(film.read_bytes()).decode()
        held = page.evaluate_handle(
            """async ([data, name]) => {
                const bytes = await (await fetch(`data:;base64,${data}`)).arrayBuffer();
                const held = new DataTransfer();
                held.items.add(new File([bytes], name));
                return held;
            }""",
            [data, film.name],
        )
        box = page.locator('#video-content button:has(input[type="file"])')
        box.dispatch_event("drop", {"dataTransfer": held})
    else:
        page.set_input_files('#video-content input[type="file"]', film)
    shown = page.locator("#video-content video")
    expect(shown).to_have_attribute("poster", re.compile("^data:image/jpeg"))
    expect(page.get_by_text(re.compile("not playable|allowed"))).to_have_count(0)
    expect(page.get_by_test_id("toast-body")).to_have_count(0)
    expect(page.locator("#video-status")).to_contain_text("The first frame")


@pytest.mark.parametrize(("locale", "word"), [("en-GB", "Stylise"), ("zh-CN", "开始绘制")])
def test_a_telephone_in_either_language(visit: Visit, app: str, locale: str, word: str) -> None:
    page = visit(app, width=390, height=844, locale=locale)
    page.click("#video-tab-button")
    expect(page.locator("#video-go")).to_have_text(word)
    expect(page.locator("#video-go")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_video_takes_the_place_of_another(page: Page) -> None:
    world = clip_examples()[1]
    film = page.locator("#video-content video")
    icon = page.locator('#video-content [data-testid="source-select"] button').first
    for i, way in enumerate((icon.click, film.click)):
        with page.expect_file_chooser() as chooser:
            way()
        expect(film).to_be_visible()
        chooser.value.set_files(
            {"name": f"own{i}.mp4", "mimeType": "video/mp4", "buffer": world.read_bytes()}
        )
        expect(film).to_have_attribute("src", re.compile(rf"/own{i}\.mp4$"))
