"""The page's icon and manifest."""

from __future__ import annotations

from pathlib import Path

import gradio
import httpx

from styleswap.ui import head


def test_the_page_names_them_by_where_it_is_itself(app: str) -> None:
    text = httpx.get(app).text
    for link in ('<link rel="icon" href="./favicon.ico" />', 'href="./manifest.json"'):
        assert link in text
    assert '"/manifest.json"' not in text and httpx.get(f"{app}favicon.ico").is_success
    manifest = httpx.get(f"{app}manifest.json").json()
    assert manifest["name"] == "StyleSwap"
    assert not any(icon["src"].startswith("/") for icon in manifest["icons"])


def test_gradio_does_not_yet() -> None:
    """Where this fails, `styleswap.ui.head` can go."""
    folder = Path(gradio.__file__).parent / "templates" / "frontend"
    for name in ("index.html", "share.html"):
        text = (folder / name).read_text("utf-8")
        assert head.GRADIOS in text and 'rel="icon"' not in text
