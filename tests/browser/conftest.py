"""What the tests of the page share: how a person opens it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.acts import Visit

# Only a page that is broken waits so long; a busy machine may well take more than the default 5 s.
expect.set_options(timeout=30_000)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Open an address; afterwards the page must have kept to it, and its console been quiet."""
    faults: list[str] = []
    pages: list[Page] = []

    def open_(
        address: str,
        width: int = 1440,
        height: int = 900,
        locale: str = "en-GB",
        query: str = "",
        scheme: Literal["light", "dark"] = "light",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            color_scheme=scheme,
            accept_downloads=True,
        )
        page = context.new_page()
        pages.append(page)
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda r: (
                None
                if r.url.startswith((address, "data:", "blob:"))
                else faults.append(f"went to {r.url}")
            ),
        )
        page.goto(address + query)
        expect(page.locator("#go")).to_be_enabled()
        return page

    yield open_
    for page in pages:
        page.context.close()
    assert not faults
