"""The tab Picture as a person meets it, in a real Chromium."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
import tomllib
from pathlib import Path
from typing import NoReturn

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from styleswap import media, specs, weights
from styleswap.engine import Engine, Request
from styleswap.errors import StyleSwapError
from styleswap.ui import examples
from tests.browser.acts import Visit, download, number, upload

WORKING = re.compile(r"Step \d+ of \d+")
PREVIEW = '#stage img[src^="data:image/jpeg"]'
RESULT = '#stage img[src$=".png"]'


def choose_method(page: Page, title: str) -> None:
    page.click("#method input")
    page.get_by_role("option", name=title).click()


def top_of(page: Page, box: str) -> float:
    """Pixels below the top of the document: starting a job scrolls the picture into view."""
    bounds = page.locator(box).bounding_box()
    assert bounds is not None
    return round(bounds["y"] + float(page.evaluate("scrollY")))


def test_the_first_visit_needs_one_click(visit: Visit, app: str, tmp_path: Path) -> None:
    page = visit(app)
    expect(page.locator("#content img")).to_be_visible()
    expect(page.locator("#johnson-styles img").first).to_be_visible()
    expect(page.locator("#johnson-style input")).to_have_value(re.compile("Woman with a Hat"))
    # What the page is for is there to see before anything was done.
    expect(page.locator("#stage img")).to_have_count(2)
    for picture in page.locator("#stage img").all():
        assert picture.evaluate("(img) => img.decode().then(() => img.naturalWidth)") >= 256
    expect(page.locator('#stage img[src$="first.jpg"]')).to_be_visible()
    expect(page.locator("#status")).to_contain_text("This is an example")
    expect(page.locator("#stop")).to_be_disabled()
    expect(page.locator("#download")).to_be_disabled()
    number(page, "#size", 128)
    page.click("#go")
    expect(page.locator("#status")).to_contain_text("Done in")
    expect(page.locator(RESULT)).to_be_visible()
    with Image.open(download(page, tmp_path)) as result:
        assert (result.format, max(result.size)) == ("PNG", 128)
        about = json.loads(result.text["styleswap"])  # type: ignore[attr-defined]
    assert (about["method"], about["content"]) == ("johnson", None)
    assert about["styles"] == [{"name": "woman-with-a-hat", "weight": 1.0}]
    assert about["settings"]["size"] == 128


def test_own_pictures_preview_and_result(
    visit: Visit, extra_app: str, photo: Path, style: Path, tmp_path: Path
) -> None:
    page = visit(extra_app)
    choose_method(page, "Fake: image")
    upload(page, "#content", photo)
    upload(page, "#style", style)
    number(page, "#size", 128)
    number(page, "#fake_image-steps", 60)
    before = top_of(page, "#actions")
    page.click("#go")
    expect(page.locator("#go")).to_be_disabled()
    expect(page.locator("#status")).to_contain_text(WORKING)
    expect(page.locator(PREVIEW)).to_be_visible()
    assert top_of(page, "#actions") == before
    expect(page.locator("#status")).to_contain_text("Done in")
    expect(page.locator(RESULT)).to_be_visible()
    assert top_of(page, "#actions") == before
    expect(page.locator("#go")).to_be_enabled()
    expect(page.locator("#stop")).to_be_disabled()
    file = download(page, tmp_path)
    assert file.name == "photo-style-fake_image.png"
    # It is called so on the visitor's machine alone.
    address = page.locator(RESULT).get_attribute("src") or ""
    assert address.endswith("/result.png")
    with Image.open(file) as result:
        assert (result.format, result.size) == ("PNG", (128, 85))


def test_stop_keeps_what_is_done(visit: Visit, extra_app: str, tmp_path: Path) -> None:
    page = visit(extra_app)
    choose_method(page, "Fake: image")
    number(page, "#size", 128)
    number(page, "#fake_image-steps", 5000)
    page.click("#go")
    expect(page.locator(PREVIEW)).to_be_visible()
    page.click("#stop")
    expect(page.locator("#status")).to_contain_text(re.compile(r"Stopped at step \d+ of 5000"))
    expect(page.locator(RESULT)).to_be_visible()
    expect(page.locator("#go")).to_be_enabled()
    with Image.open(download(page, tmp_path)) as result:
        assert max(result.size) == 128


def test_a_large_download_is_announced(
    visit: Visit, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced = threading.Event()

    def fetch() -> NoReturn:
        announced.wait(60)
        raise StyleSwapError("The Hub cannot be reached; try --network small.")

    monkeypatch.setattr(weights, "vgg19_features", fetch)
    page = visit(app)
    choose_method(page, "Gatys")
    number(page, "#size", 128)
    page.click("#gatys-advanced > button")
    page.locator("#gatys-network").get_by_label("VGG-19").check()
    page.click("#go")
    expect(page.locator("#status")).to_contain_text("Fetching VGG-19")
    announced.set()
    expect(page.get_by_test_id("toast-body")).to_contain_text("The Hub cannot be reached")
    expect(page.locator("#go")).to_be_enabled()
    page.locator("#gatys-network").get_by_label("small").check()
    number(page, "#gatys-steps", 10)
    page.click("#go")
    expect(page.locator("#status")).to_contain_text("Done in")


def test_another_job_has_the_device(
    visit: Visit, extra_app: str, engine: Engine, tmp_path: Path
) -> None:
    first, second = visit(extra_app), visit(extra_app)
    for page, steps in ((first, 5000), (second, 60)):
        choose_method(page, "Fake: image")
        number(page, "#size", 128)
        number(page, "#fake_image-steps", steps)
    with engine._turns.turn(threading.Event()):
        second.click("#go")
        second.click("#stop")
        expect(second.locator("#status")).to_contain_text("Stopped before there was a picture")
        expect(second.locator("#go")).to_be_enabled()
    first.click("#go")
    expect(first.locator("#status")).to_contain_text(WORKING)
    # They take turns, step by step.
    second.click("#go")
    expect(second.locator("#status")).to_contain_text("Done in")
    assert download(second, tmp_path).exists()
    expect(first.locator("#status")).to_contain_text(WORKING)
    first.click("#stop")
    expect(first.locator("#status")).to_contain_text("Stopped at step")


def test_closing_the_page_ends_its_job(
    visit: Visit, extra_app: str, photo: Path, engine: Engine
) -> None:
    page = visit(extra_app)
    choose_method(page, "Fake: image")
    number(page, "#fake_image-steps", 5000)
    page.click("#go")
    expect(page.locator("#status")).to_contain_text(WORKING)
    page.close()
    params = specs.make_params(specs.get_spec("fake_none"), {"size": 64})
    began = time.monotonic()
    job = Request("fake_none", media.open_picture(photo), [], params)
    assert list(engine.run(job))  # which waits until the device is free
    assert time.monotonic() - began < 60  # the first job alone would take over 100 s


@pytest.mark.parametrize("kind", ["text", "cut"])
def test_a_hostile_upload_is_a_sentence_and_the_page_goes_on(
    visit: Visit, extra_app: str, photo: Path, tmp_path: Path, kind: str
) -> None:
    page = visit(extra_app)
    bad = tmp_path / "bad.jpg"
    whole = photo.read_bytes()
    bad.write_bytes(b"only words" if kind == "text" else whole[: len(whole) // 2])
    upload(page, "#content", bad)
    said = "is not a picture that can be read" if kind == "text" else "is damaged or cut short"
    expect(page.get_by_test_id("toast-body")).to_contain_text(said)
    expect(page.locator('#content input[type="file"]')).to_be_attached()
    upload(page, "#content", photo)
    expect(page.locator("#content img")).to_be_visible()
    choose_method(page, "Fake: none")
    page.click("#go")
    expect(page.locator("#status")).to_contain_text("Done in")


def test_a_fault_loses_nothing(visit: Visit, extra_app: str) -> None:
    page = visit(extra_app)
    choose_method(page, "Fake: none")
    page.click("#go")
    expect(page.locator("#status")).to_contain_text("Done in")
    expect(page.locator(RESULT)).to_be_visible()
    result = page.locator(RESULT).get_attribute("src")
    page.click('#content button[aria-label="Remove Image"]')
    page.click("#go")
    expect(page.get_by_test_id("toast-body")).to_contain_text("There is no photograph yet")
    expect(page.locator("#go")).to_be_enabled()
    assert page.locator(RESULT).get_attribute("src") == result
    expect(page.locator("#download")).to_be_enabled()


def test_the_method_decides_what_is_shown(visit: Visit, extra_app: str) -> None:
    page = visit(extra_app)
    choose_method(page, "Gatys")
    expect(page.locator("#style")).to_be_visible()
    expect(page.locator("#more-styles")).to_be_visible()
    expect(page.locator("#gatys-steps")).to_be_visible()
    choose_method(page, "Fake: trained")
    expect(page.locator("#style")).not_to_be_visible()
    expect(page.locator("#more-styles")).not_to_be_visible()
    expect(page.locator("#gatys-steps")).not_to_be_visible()
    expect(page.locator("#fake_trained-style")).to_be_visible()
    page.click("#go")
    expect(page.locator("#status")).to_contain_text("Done in")


def test_an_example_is_one_click_away(visit: Visit, app: str) -> None:
    page = visit(app)
    choose_method(page, "AdaIN")
    first = page.locator("#style img").first.get_attribute("src")
    page.locator("#style-examples button").nth(1).click()
    expect(page.locator("#style img").first).not_to_have_attribute("src", str(first))


@pytest.mark.parametrize(
    "locale, go, other", [("en-GB", "Stylise", "开始"), ("zh-CN", "开始绘制", "Stylise")]
)
def test_a_telephone_in_either_language(
    visit: Visit, app: str, locale: str, go: str, other: str
) -> None:
    page = visit(app, 390, 844, locale)
    expect(page.locator("#go")).to_have_text(go)
    expect(page.locator("#go")).to_be_in_viewport()
    assert other not in page.inner_text("body")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    clipped = page.evaluate(
        """[...document.querySelectorAll('button, label, p, h1, input')].filter(e => {
            const r = e.getBoundingClientRect();
            return r.width && (r.right > innerWidth + 1 || r.left < -1);
        }).map(e => e.outerHTML.slice(0, 200))"""
    )
    assert clipped == []


def test_a_trained_style_is_a_click_away(visit: Visit, app: str, tmp_path: Path) -> None:
    page = visit(app)
    expect(page.locator("#style")).to_be_hidden()
    manifest = tomllib.loads((weights.PRETRAINED / weights.MANIFEST).read_text("utf-8"))
    shipped = [(name, t["title"]) for name, t in manifest.items() if t["kind"] == "style"]
    shipped.sort(key=lambda style: style[0] != examples.FIRST_TRAINED)
    thumbs = page.locator("#johnson-styles img")
    expect(thumbs).to_have_count(len(shipped))
    expect(page.locator("#johnson-style input")).to_have_value(re.compile(shipped[0][1]))
    number(page, "#size", 128)
    thumbs.nth(1).click()  # and it is painted
    expect(page.locator("#johnson-style input")).to_have_value(re.compile(shipped[1][1]))
    assert shipped[1][1] in (thumbs.nth(1).get_attribute("alt") or "")
    expect(page.locator("#status")).to_contain_text("Done in")
    expect(page.locator(RESULT)).to_be_visible()
    file = download(page, tmp_path)
    assert file.name == f"{examples.content_examples()[0].stem}-{shipped[1][0]}-johnson.png"
    with Image.open(file) as result:
        assert max(result.size) == 128
    # Back among methods that take pictures, everything is where it was.
    choose_method(page, "Gatys")
    expect(page.locator("#style")).to_be_visible()
    expect(page.locator("#johnson-styles")).to_be_hidden()


def painted(page: Page, folder: Path) -> dict[str, object]:
    """What the result that is there now says of how it was made."""
    expect(page.locator("#status")).to_contain_text("Done in")
    expect(page.locator("#go")).to_be_enabled()
    with Image.open(download(page, folder)) as result:
        found: dict[str, object] = json.loads(result.text["styleswap"])  # type: ignore[attr-defined]
    return found


def test_the_style_chosen_last_is_painted(visit: Visit, app: str, tmp_path: Path) -> None:
    page = visit(app)
    number(page, "#size", 96)
    thumbs = page.locator("#johnson-styles img")
    for i in (1, 2, 3):
        thumbs.nth(i).click()
        expect(thumbs.nth(i).locator("..")).to_have_attribute("aria-checked", "true")
    expect(page).to_have_url(re.compile("style="))
    for _ in range(40):  # those before it may come first
        page.wait_for_timeout(500)
        name = page.evaluate("new URLSearchParams(location.search).get('style')")
        styles = painted(page, tmp_path)["styles"]
        if styles == [{"name": name, "weight": 1}]:
            break
    assert styles == [{"name": name, "weight": 1}]
    # A method that takes its time waits for the button.
    choose_method(page, "Gatys")
    page.locator("#style-examples button").nth(2).click()
    expect(page.locator("#style-examples button").nth(2)).to_have_attribute("aria-checked", "true")
    expect(page.locator("#go")).to_be_enabled()
    expect(page.locator("#status")).to_contain_text("Done in")


GIVE = """([selector, kind, name, data]) => {
  const target = document.querySelector(selector);
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, {type: 'image/jpeg'}));
  const about = {bubbles: true, cancelable: true};
  if (kind === 'paste') {
    target.focus();
    target.dispatchEvent(new ClipboardEvent('paste', {...about, clipboardData: files}));
  } else for (const step of ['dragover', 'drop'])
    target.dispatchEvent(new DragEvent(step, {...about, dataTransfer: files}));
}"""


def give(page: Page, selector: str, kind: str, file: Path) -> None:
    """Drop a file there, or paste it."""
    data = base64.b64encode(file.read_bytes()).decode()
    page.evaluate(GIVE, [selector, kind, file.name, data])


@pytest.mark.parametrize("kind", ["choose", "drop", "paste"])
def test_ones_own_picture_is_a_style(
    visit: Visit, app: str, photo: Path, tmp_path: Path, kind: str
) -> None:
    page = visit(app)
    number(page, "#size", 96)
    own = page.get_by_role("radio", name="Your own picture")
    if kind == "choose":
        with page.expect_file_chooser() as chooser:
            own.click()
        chooser.value.set_files(photo)
    else:
        give(page, "#johnson-styles .own", kind, photo)
    expect(page.locator("#method input")).to_have_value(re.compile("^Meta"))
    expect(page.locator("#style img").first).to_have_attribute("src", re.compile(r"photo\.jpg$"))
    expect(page.locator("#status")).to_contain_text("Done in")
    assert "photo-meta" in download(page, tmp_path).name
    assert painted(page, tmp_path)["method"] == "meta"
    page.click("#trained-styles")
    expect(own).to_be_visible()


def test_a_picture_takes_the_place_of_another(visit: Visit, app: str, photo: Path) -> None:
    page = visit(app)
    shown = page.locator("#content img").first
    icon = page.locator('#content [data-testid="source-select"] button').first
    for i, way in enumerate((icon.click, shown.click, lambda: icon.press("Enter"))):
        own = photo.with_name(f"own{i}.jpg")
        own.write_bytes(photo.read_bytes())
        with page.expect_file_chooser() as chooser:
            way()
        expect(shown).to_be_visible()
        chooser.value.set_files(own)
        expect(shown).to_have_attribute("src", re.compile(rf"/own{i}\.jpg$"))
    give(page, "#content img", "drop", photo)
    expect(shown).to_have_attribute("src", re.compile(r"/photo\.jpg$"))
    expect(page.locator("#content-examples [aria-checked=true]")).to_have_count(0)
