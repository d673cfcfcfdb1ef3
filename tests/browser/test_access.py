"""Every tab under axe-core's rules for people who cannot see well, or at all."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from tests.browser.acts import Visit

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
