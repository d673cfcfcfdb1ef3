"""The tab that repaints what a camera sees. The stream itself is `styleswap.live` and webcam.js."""

from __future__ import annotations

import contextlib
import html
import json
from pathlib import Path
from typing import Any

import gradio as gr

from styleswap import live, media, specs, weights
from styleswap.errors import StyleSwapError
from styleswap.live import Room
from styleswap.specs import LiveParams
from styleswap.ui import i18n
from styleswap.ui.choice import Choice
from styleswap.ui.i18n import both, t
from styleswap.ui.stage import QUICK, inline, toasts
from styleswap.ui.styles import trained_styles

SCRIPT = Path(__file__).with_suffix(".js")

# What changes in here, webcam.js changes.
TEMPLATE = f"""
<canvas class="live-canvas stage" width="{live.CAMERA[0]}" height="{live.CAMERA[1]}" role="img"
  aria-label="{html.escape(i18n.LIVE.en)}"></canvas>
<input class="live-line" type="range" min="0" max="100" value="50" hidden
  aria-label="{html.escape(i18n.LIVE_LINE.en)}">
<div class="live-status status status-box" role="status"></div>
<div class="live-actions actions">
  <button type="button" class="live-go go"></button>
  <button type="button" class="live-snapshot">{both(i18n.LIVE_TEXTS["snapshot"])}</button>
  <button type="button" class="live-record">{both(i18n.LIVE_TEXTS["record"])}</button>
</div>
<label class="live-cameras" hidden>{both(i18n.CAMERA)}<select class="live-camera"></select></label>
"""

# What the widgets hold as a look (see `live.parse_look`), in the browser: to show it at once.
LOOK = """(method, ...held) => {
  const style = held[%(styles)s[method]] ?? '', at = Object.entries(%(settings)s[method]);
  return {method, style, settings: Object.fromEntries(at.map(([name, i]) => [name, held[i]]))};
}"""

# What the script fills in.
GAPS = {name: f"{{{name}}}" for name in ("rate", "delay", "size", "time", "place")}


def poster(method: str) -> str:
    """A picture in the first of a method's trained styles, as an address that holds it whole."""
    for entry in trained_styles(method):
        if "picture" in entry.about:
            file = weights.PRETRAINED / entry.about["picture"]
            return str(inline(file.read_bytes()).url)
    return ""


class WebcamTab:
    """The tab's widgets and what happens on them; drawn where it is constructed."""

    def __init__(self, page: gr.Blocks, room: Room) -> None:
        self.room = room
        self.choice = Choice(live.live_methods(), LiveParams, "webcam-")
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320):
                with gr.Row():
                    self.choice.draw_style()
                self.choice.draw_method()
            with gr.Column(scale=6, min_width=320, elem_classes=["result", "first"]):
                self._draw_stream()
        self._wire(page)
        self.link = self.choice.link({})

    def _draw_stream(self) -> None:
        first = self.choice.specs[0]
        own = [*specs.frame_knobs(first, LiveParams), *specs.knobs(LiveParams)]
        self.stream = gr.HTML(
            {
                "method": first.id,
                "style": self.choice.trained[first.id].value or "",
                "settings": {k.name: k.default for k in own},
            },
            label=t(i18n.LIVE),
            html_template=TEMPLATE,
            js_on_load=SCRIPT.read_text("utf-8"),
            apply_default_css=False,
            elem_id="webcam-live",
            elem_classes="live",
            # From here on what the script calls props.
            path=live.PATH,
            camera=live.CAMERA,
            headers={"ticket": live.TICKET, "facts": live.FACTS},
            kinds={spec.id: spec.style for spec in self.choice.specs},
            texts={name: both(text, **GAPS) for name, text in i18n.LIVE_TEXTS.items()},
            ticket="",
            picture="",
            poster=poster(first.id),
        )

    def _wire(self, page: gr.Blocks) -> None:
        choice = self.choice
        held = [*choice.trained.values(), *choice.settings.values()]
        held += [box for method in choice.methods.values() for box in method.widgets.values()]
        settings = {
            spec.id: {
                name: held.index(box)
                for name, box in {**choice.methods[spec.id].widgets, **choice.settings}.items()
            }
            for spec in choice.specs
        }
        styles = {name: held.index(box) for name, box in choice.trained.items()}
        gr.on(
            [box.change for box in (choice.method, *held)],  # type: ignore[attr-defined]
            None,
            [choice.method, *held],
            self.stream,
            js=LOOK % {"styles": json.dumps(styles), "settings": json.dumps(settings)},
            api_visibility="private",
        )
        self.stream.enter(self._enter, choice.style, self.stream, **QUICK)
        choice.style.change(self._show, choice.style, self.stream, **QUICK)
        page.unload(self._leave)

    def _enter(self, picture: str | None, request: gr.Request) -> Any:
        """The page's script asks for a ticket."""
        ticket = self.room.enter(str(request.session_hash), request.username).ticket
        update = gr.update(ticket=ticket)
        # What is wrong with the picture was said when it was chosen.
        with contextlib.suppress(StyleSwapError):
            update |= self._shown(picture, request)
        return update

    def _show(self, picture: str | None, request: gr.Request) -> Any:
        """A style picture was chosen."""
        with toasts(html.escape):
            return self._shown(picture, request)

    def _shown(self, picture: str | None, request: gr.Request) -> dict[str, Any]:
        if not picture:
            return gr.update(picture="")
        opened = media.open_picture(picture, "style picture")
        stream = self.room.enter(str(request.session_hash), request.username)
        return gr.update(picture=stream.show(opened))

    def _leave(self, request: gr.Request) -> None:
        self.room.leave(str(request.session_hash))
