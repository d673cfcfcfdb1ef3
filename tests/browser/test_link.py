"""What is chosen is in the page's address, and that address opens it again."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.acts import Visit, number, upload


def query(page: Page, query: str) -> None:
    """Wait until the address has it."""
    expect(page).to_have_url(re.compile(re.escape(query) + "$"))


def test_what_is_chosen_opens_again(visit: Visit, app: str, photo: Path, tmp_path: Path) -> None:
    page = visit(app, query="?__theme=light")
    page.click("#method input")
    page.get_by_role("option", name="AdaIN").click()
    page.locator("#style-examples button").nth(1).click()
    page.locator("#content-examples button").nth(1).click()
    number(page, "#size", 128)
    page.locator("#finish input").check()
    chosen = "/?__theme=light&method=adain&content=lion&size=128&finish=denoise&style=autumn"
    query(page, chosen)
    page.get_by_role("tab", name="Denoise").click()
    query(page, "/?__theme=light&tab=denoise")

    page = visit(app, query=chosen.removeprefix("/"))
    expect(page.locator("#adain-strength")).to_be_visible()
    expect(page.locator("#method input")).to_have_value(re.compile("AdaIN"))
    expect(page.locator("#style img").first).to_have_attribute("src", re.compile(r"/autumn\.jpg$"))
    expect(page.locator("#content img").first).to_have_attribute("src", re.compile(r"/lion\.jpg$"))
    expect(page.locator('#size input[type="number"]')).to_have_value("128")
    expect(page.locator("#finish input")).to_be_checked()
    query(page, chosen)
    page.locator("#finish input").uncheck()
    page.click("#go")
    expect(page.locator("#status")).to_contain_text("Done in")

    # A visitor's own photograph, whatever it is called.
    own = tmp_path / "cheetah.jpg"
    own.write_bytes(photo.read_bytes())
    upload(page, "#content", own)
    query(page, "/?__theme=light&method=adain&size=128&style=autumn")


def test_a_tab_opens_with_its_settings(visit: Visit, app: str) -> None:
    video = "?tab=video&method=wct&content=world&size=320&steady=0.7&levels=2&style=waves"
    page = visit(app, query=video)
    expect(page.locator("#video-wct-levels")).to_be_visible()
    expect(page.locator("#video-johnson-style")).to_be_hidden()
    expect(page.locator("#video-content video")).to_have_attribute("src", re.compile("world.mp4"))
    expect(page.locator('#video-steady input[type="number"]')).to_have_value("0.7")
    query(page, video)

    webcam = "?tab=webcam&size=320x240&mirror=false&style=udnie"
    page = visit(app, query=webcam)
    expect(page.locator("#webcam-live .live-go")).to_be_visible()
    expect(page.locator("#webcam-johnson-style input")).to_have_value(re.compile("Udnie"))
    expect(page.locator("#webcam-mirror input")).not_to_be_checked()
    query(page, webcam)


def test_a_bad_link_is_one_sentence(visit: Visit, app: str) -> None:
    bad = "?tab=denoise&add=<img src onerror=alert()>&add=gaussian&sigma=1e9&strength=0.5&steps=9"
    page = visit(app, query=bad)
    said = page.get_by_test_id("toast-body")
    expect(said).to_have_count(1)
    expect(said).to_contain_text("was left out: add, sigma, steps.")
    expect(page.locator("#denoise-go")).to_be_visible()
    expect(page.locator('#denoise-strength input[type="number"]')).to_have_value("0.5")
    expect(page.locator('#denoise-sigma input[type="number"]')).to_have_value("25")
    query(page, "/?tab=denoise&strength=0.5")
