"""The tab Denoise as a person meets it, in a real Chromium."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from styleswap.methods import denoise
from tests.browser.acts import Visit, download, upload

RESULT = '#denoise-stage img[src$=".png"]'


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(denoise.PRESETS, "fast", replace(denoise.PRESETS["fast"], steps=5))


def opened(visit: Visit, app: str, **window: object) -> Page:
    page = visit(app, **window)
    page.get_by_role("tab", name=re.compile("Denoise|去噪")).click()
    expect(page.locator("#denoise-go")).to_be_visible()
    return page


def test_noise_is_added_and_taken_away(visit: Visit, app: str, photo: Path, tmp_path: Path) -> None:
    page = opened(visit, app)
    upload(page, "#denoise-content", photo)
    page.locator("#denoise-add").get_by_label("Gaussian").check()
    page.click("#denoise-go")
    expect(page.locator("#denoise-status")).to_contain_text("Done in")
    expect(page.locator(RESULT)).to_be_visible()
    expect(page.locator("#denoise-figures")).to_contain_text("Estimated noise")
    expect(page.locator("#denoise-figures")).to_contain_text(re.compile(r"PSNR \d+"))
    page.locator("#denoise-pair button").first.click()
    for name in ("first", "second", "residual"):
        expect(page.locator(f"#denoise-{name} img")).to_be_visible()
    file = download(page, tmp_path, "#denoise-download")
    assert file.name == "photo-denoise.png"
    with Image.open(file) as result:
        assert (result.format, result.size) == ("PNG", (300, 200))


def test_stop(visit: Visit, app: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(denoise.PRESETS, "fast", replace(denoise.PRESETS["fast"], steps=5000))
    page = opened(visit, app)
    page.locator("#denoise-add").get_by_label("Gaussian").check()  # a clean one is done at once
    page.click("#denoise-go")
    expect(page.locator("#denoise-status")).to_contain_text(re.compile(r"Step \d+ of \d+"))
    page.click("#denoise-stop")
    expect(page.locator("#denoise-status")).to_contain_text("Stopped at step")
    expect(page.locator("#denoise-go")).to_be_enabled()


def test_the_first_visit_needs_one_click(visit: Visit, app: str) -> None:
    page = opened(visit, app)
    page.click("#denoise-go")
    expect(page.locator("#denoise-status")).to_contain_text("Done in")
    expect(page.locator("#denoise-figures")).not_to_contain_text("PSNR")


@pytest.mark.parametrize("locale, go", [("en-GB", "Denoise"), ("zh-CN", "去噪")])
def test_a_telephone_in_either_language(visit: Visit, app: str, locale: str, go: str) -> None:
    page = opened(visit, app, width=390, height=844, locale=locale)
    expect(page.locator("#denoise-go")).to_have_text(go)
    expect(page.locator("#denoise-go")).to_be_in_viewport()
    expect(page.locator("#go")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
