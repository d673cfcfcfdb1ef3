"""Every tab under axe-core's rules for people who cannot see well, or at all."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from tests.browser.acts import Visit, number

TABS = ("picture", "compare", "video", "webcam", "denoise")

# A rule, and the elements of Gradio's own that it is not asked of.
GRADIOS = {
    # Its place for a picture that is not there yet is a plain <div> with a label.
    "aria-prohibited-attr": '.empty[aria-label="Empty value"]',
}

# What is serious, as "rule: element, what is wrong".
FAULTS = """async (gradios) => {
  const {violations} = await axe.run(document, {resultTypes: ['violations']});
  const ours = (rule) => (node) => {
    const element = document.querySelector(node.target[node.target.length - 1]);
    return !(rule in gradios && element && element.matches(gradios[rule]));
  };
  return violations
    .filter(({impact}) => ['serious', 'critical'].includes(impact))
    .flatMap(({id, nodes}) => nodes.filter(ours(id)).map((node) =>
      `${id}: ${node.target} ${node.html.slice(0, 200)} ${node.failureSummary}`));
}"""


def faults(page: Page) -> list[str]:
    found: list[str] = page.evaluate(FAULTS, GRADIOS)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_tab_shuts_anybody_out(visit: Visit, app: str, scheme: Literal["light", "dark"]) -> None:
    page = visit(app, scheme=scheme)
    page.evaluate(AXE_SCRIPT)
    for name in TABS:
        page.click(f"#{name}-tab-button")
        expect(page.locator(f"#{name}-tab")).to_be_visible()
        assert faults(page) == [], name


STOP = """() => {
  const at = document.activeElement;
  return [at.closest('[id]')?.id ?? '', at.getAttribute('role') ?? ''];
}"""


def test_the_method_is_ten_stops_away(visit: Visit, app: str) -> None:
    page = visit(app)
    stops = []
    while not stops or stops[-1][0] != "method":
        page.keyboard.press("Tab")
        stops.append(page.evaluate(STOP))
        assert len(stops) <= 10, stops
    assert [role for _, role in stops].count("tab") == 1
    assert [role for _, role in stops].count("radio") == 2


def test_tabs_are_left_and_right_of_each_other(visit: Visit, app: str) -> None:
    page = visit(app)
    page.focus("#picture-tab-button")
    for name, key in (
        ("compare", "ArrowRight"),
        ("picture", "ArrowLeft"),
        ("denoise", "ArrowLeft"),
    ):
        page.keyboard.press(key)
        expect(page.locator(f"#{name}-tab")).to_be_visible()
        expect(page.locator(f"#{name}-tab-button")).to_be_focused()


def test_styles_have_names_and_the_chosen_one_is_marked(visit: Visit, app: str) -> None:
    page = visit(app, query="?style=udnie")
    grid = page.get_by_role("radiogroup", name="Trained style")
    udnie = grid.get_by_role("radio", name="Udnie")
    expect(udnie).to_have_attribute("aria-checked", "true")
    assert "Picabia" in (udnie.get_attribute("title") or "")
    expect(grid.locator("[aria-checked=true]")).to_have_count(1)
    expect(grid.locator("[tabindex='0']")).to_have_count(1)
    udnie.focus()
    for key, place in (("ArrowRight", 1), ("ArrowLeft", 0), ("End", -1), ("Home", -2)):
        page.keyboard.press(key)
        tiles = grid.get_by_role("radio").all()
        at = tiles.index(next(t for t in tiles if t.get_attribute("tabindex") == "0"))
        expect(tiles[at]).to_be_focused()
        chosen = next(i for i, t in enumerate(tiles) if t.get_attribute("aria-checked") == "true")
        assert at == {1: chosen + 1, 0: chosen, -1: len(tiles) - 1, -2: 0}[place]
    expect(page.locator("#johnson-style input")).to_have_value(re.compile("Udnie"))
    # On load, too.
    page = visit(app, locale="zh-CN")
    grid = page.get_by_role("radiogroup", name="已训练的风格")
    chosen = grid.locator("[aria-checked=true]")
    expect(chosen).to_have_count(1)
    assert "Hat" in (chosen.get_attribute("title") or "")
    expect(grid.get_by_role("radio", name="您自己的图片")).to_be_visible()


def test_before_and_after_by_arrow_keys(visit: Visit, app: str) -> None:
    page = visit(app)
    line = page.get_by_role("slider", name="Before and after")
    expect(line).to_have_attribute("aria-valuenow", "50")
    line.focus()
    after = page.locator("#stage img").nth(1)
    for key, share in (("ArrowRight", 52), ("PageUp", 62), ("End", 100), ("Home", 0)):
        page.keyboard.press(key)
        expect(line).to_have_attribute("aria-valuenow", str(share))
        # Rounded to the pixels of the picture.
        near = rf" ({share}|{share - 1}\.[5-9]\d*|{share}\.[0-4]\d*)%| {share}px|\(0px\)"
        expect(after).to_have_css("clip-path", re.compile(near))


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_a_job_is_heard_and_shuts_nobody_out(visit: Visit, extra_app: str, locale: str) -> None:
    page = visit(extra_app, locale=locale)
    page.evaluate(AXE_SCRIPT)
    page.click("#method input")
    page.get_by_role("option", name=re.compile("Fake: image|假的：image")).click()
    number(page, "#size", 128)
    number(page, "#fake_image-steps", 5000)
    voice = page.locator("#voice")
    expect(voice).to_have_text("")
    page.click("#go")
    expect(voice).to_have_text(re.compile("^(Getting ready…|准备中……)$"))
    name = "Progress" if locale == "en-GB" else "进度"
    expect(page.get_by_role("progressbar", name=name)).to_be_visible()
    expect(page.locator("#status")).to_contain_text("5000")
    assert faults(page) == []
    expect(voice).to_have_text(re.compile(r"^(Step|第) ?\d+ "))
    page.click("#stop")
    expect(voice).to_have_text(re.compile("^(Stopped at step|已在第)"))


@pytest.mark.parametrize("width", [390, 1440])
def test_what_gradio_adds_says_nothing_to_developers(visit: Visit, app: str, width: int) -> None:
    page = visit(app, width=width)
    footer = page.locator("footer")
    assert "·" not in footer.inner_text()
    footer.get_by_role("button", name="Settings").click()
    settings = page.locator(".api-docs")
    expect(settings).to_contain_text("Progressive Web App")
    words = settings.inner_text()
    assert not any(text in words for text in ("launch(", "Gradio", "demo"))
