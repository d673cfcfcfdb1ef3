"""The tab Compare as a person meets it, in a real Chromium."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Locator, Page, expect

from styleswap.specs import METHODS, stylisers
from styleswap.ui import examples, plot
from tests.browser.acts import Visit, download, number

STAGE = "#compare-stage"
FIGURES = re.compile(r"^\d+\.\d s · content \d\.\d+ · style \d+\.\d+ · brightness 0\.\d+$")


def opened(visit: Visit, app: str, methods: Sequence[str], size: int, **window: Any) -> Page:
    """The tab, where only `methods` take part."""
    page = visit(app, **window)
    page.click("#compare-tab-button")
    boxes = page.locator("#compare-methods input[type=checkbox]")
    expect(boxes).to_have_count(len(stylisers()))
    for i, spec in enumerate(stylisers()):
        boxes.nth(i).set_checked(spec.id in methods)
    number(page, "#compare-size", size)
    return page


def card(page: Page, name: str) -> Locator:
    """The picture in it."""
    return page.locator(f"{STAGE}-{name} img")


def says(page: Page, name: str) -> Locator:
    return page.locator(f"{STAGE}-{name}-says")


def choose(page: Page, side: str, title: str) -> None:
    page.click(f"#compare-{side} input")
    page.get_by_role("option", name=title).click()


def slid(page: Page, *names: str) -> None:
    """The slider shows what these two cards show."""
    for i, name in enumerate(names):
        source = card(page, name).get_attribute("src")
        expect(page.locator("#compare-slider img").nth(i)).to_have_attribute("src", str(source))


def test_one_click_compares_and_any_two_can_be_slid_over_each_other(visit: Visit, app: str) -> None:
    page = opened(visit, app, ["johnson", "adain"], 128)
    page.click("#compare-go")
    for name in ("johnson", "adain"):
        expect(says(page, name)).to_have_text(FIGURES, use_inner_text=True)
        expect(card(page, name)).to_have_attribute("src", re.compile(r"\.png$"))
    expect(page.locator("#compare-status")).to_contain_text("2 methods in")
    expect(says(page, "gatys")).to_contain_text("Not chosen.")
    expect(says(page, "photograph")).to_contain_text("content 0.000")
    expect(page.locator("#compare-table tbody tr")).to_have_count(3)
    expect(page.locator("#compare-plot circle")).to_have_count(3)
    slid(page, "photograph", "adain")
    choose(page, "left", METHODS["johnson"].title.en)
    slid(page, "johnson", "adain")
    expect(page.locator(f"{STAGE}-gatys-open")).to_be_disabled()
    # A trained style and a picture come over, each with the size.
    for name in ("johnson", "adain"):
        page.click(f"{STAGE}-{name}-open")
        expect(page.locator("#compare-go")).to_be_hidden()
        expect(page.locator("#go")).to_be_visible()
        expect(page.locator("#method input")).to_have_value(METHODS[name].title.en)
        expect(page.locator('#size input[type="number"]')).to_have_value("128")
        if name == "johnson":
            expect(page.locator("#johnson-style input")).to_have_value(re.compile("Swirls"))
            expect(page.locator("#style")).to_be_hidden()
            page.click("#compare-tab-button")
    expect(page.locator("#style img").first).to_be_visible()
    page.click("#go")
    expect(page.locator("#status")).to_contain_text("Done in")


def test_stop_keeps_what_there_is_and_all_of_it_is_one_download(
    visit: Visit, app: str, tmp_path: Path
) -> None:
    page = opened(visit, app, ["johnson", "gatys"], 256)
    page.click("#compare-go")
    # The one is there while the other is at work.
    expect(says(page, "johnson")).to_have_text(FIGURES, use_inner_text=True)
    expect(says(page, "gatys")).to_contain_text(re.compile(r"Step \d+ of \d+"))
    page.click("#compare-stop")
    expect(says(page, "gatys")).to_have_text(FIGURES, use_inner_text=True)
    expect(page.locator("#compare-go")).to_be_enabled()
    file = download(page, tmp_path, "#compare-download")
    photo, style = examples.content_examples()[0].stem, examples.FIRST_STYLE
    assert file.name == f"{photo}-{style}-compare.zip"
    with zipfile.ZipFile(file) as packed:
        packed.extractall(tmp_path / "all")
    folder = tmp_path / "all"
    found = json.loads((folder / "results.json").read_text("utf-8"))
    assert found["settings"]["methods"] == ["johnson", "gatys"]
    assert found["settings"]["size"] == 256
    files = [row["file"] for row in found["results"]]
    assert files == ["johnson.png", "gatys.png"]
    names = {f.name for f in folder.iterdir()}
    assert names == {
        *files,
        "contact-sheet.jpg",
        "results.json",
        "results.csv",
        "photograph.png",
        "style.png",
    }
    for row in found["results"]:
        with Image.open(folder / row["file"]) as picture:
            assert max(picture.size) == 256
            about = json.loads(picture.text["styleswap"])  # type: ignore[attr-defined]
            assert about["method"] == row["method"] and about["settings"]["size"] == 256
        cells = page.locator("#compare-table tr", has_text=METHODS[row["method"]].title.en)
        expect(cells).to_contain_text(f"{row['style']:.3f}")
    with Image.open(folder / "contact-sheet.jpg") as sheet:
        assert sheet.format == "JPEG"


# Names of the plot that lie over one another, or reach out of it.
CROWDED = """() => {
  const svg = document.querySelector('#compare-plot svg').getBoundingClientRect();
  const boxes = [...document.querySelectorAll('#compare-plot text.name')]
    .map((name) => name.getBoundingClientRect())
    // The letters themselves: above and below them a font has room.
    .map(({left, right, top, height}) =>
      ({left, right, top: top + 0.25 * height, bottom: top + 0.75 * height}));
  return boxes.filter((a, i) => a.left < svg.left - 1 || a.right > svg.right + 1 ||
    boxes.some((b, k) => k < i && a.left < b.right && b.left < a.right &&
      a.top < b.bottom && b.top < a.bottom)).length;
}"""

CLIPPED = """[...document.querySelectorAll('button, label, p, h1, input, table, svg.plot')]
  .filter((e) => {
    const r = e.getBoundingClientRect();
    return r.width && (r.right > innerWidth + 1 || r.left < -1);
  }).map((e) => e.outerHTML.slice(0, 200))"""


def test_a_telephone_in_chinese_and_in_the_dark(visit: Visit, app: str) -> None:
    window = {"width": 390, "height": 844, "locale": "zh-CN", "scheme": "dark"}
    page = opened(visit, app, ["johnson", "adain"], 128, **window)
    expect(page.locator("body")).to_have_class(re.compile("dark"))
    expect(page.locator("#compare-go")).to_have_text("比较")
    expect(page.locator("#compare-status")).to_contain_text("点“比较”")
    expect(page.locator("#compare-go")).to_be_in_viewport()
    page.click("#compare-go")
    expect(page.locator("#compare-status")).to_contain_text("2 种方法，共用时")
    expect(says(page, "adain")).to_contain_text("亮度")
    assert "brightness" not in page.inner_text("body")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(CROWDED) == 0
    # The plot keeps room for the names of either language.
    page.evaluate("document.documentElement.lang = 'en'")
    assert page.evaluate(CROWDED) == 0
    for name in page.locator("#compare-plot text.name").all():
        width = name.evaluate("(text) => text.getComputedTextLength()")
        assert 0 < width <= plot.LETTER * len(name.locator(".en").text_content() or "")
