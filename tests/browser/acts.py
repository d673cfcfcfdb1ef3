"""What a person does on the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

Visit = Callable[..., Page]


def upload(page: Page, box: str, file: Path) -> None:
    if page.locator(f'{box} button[aria-label="Remove Image"]').count():
        page.click(f'{box} button[aria-label="Remove Image"]')
    page.set_input_files(f'{box} input[type="file"]', file)


def number(page: Page, box: str, value: int) -> None:
    page.fill(f'{box} input[type="number"]', str(value))
    page.keyboard.press("Tab")


def download(page: Page, folder: Path, button: str = "#download") -> Path:
    with page.expect_download() as waiting:
        page.click(button)
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path
