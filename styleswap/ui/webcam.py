"""The tab that repaints what a camera sees. The stream itself is `styleswap.live` and webcam.js."""

from __future__ import annotations

import contextlib
import html
import json
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from styleswap import live, media, specs, weights
from styleswap.errors import StyleSwapError
from styleswap.live import Room
from styleswap.specs import LiveParams, MethodSpec
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

# What the widgets hold, in the browser, for webcam.js to make a look of (see `live.parse_look`): to
# show it at once. Of each place for a style its name, which a picture has from the server, and its
# share; the first one's is whole.
LOOK = """(method, ...held) => {
  const at = Object.entries(%(settings)s[method]);
  return {method, styles: %(styles)s[method].map(([name, share]) => [held[name], held[share] ?? 1]),
    settings: Object.fromEntries(at.map(([name, i]) => [name, held[i]]))};
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
        places = self._places(first)
        self.stream = gr.HTML(
            {
                "method": first.id,
                "styles": [[b and b.value, share.value if share else 1] for b, share in places],
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
            least=specs.LIVE_SIZES[0][0],
            headers={"ticket": live.TICKET, "facts": live.FACTS},
            kinds={spec.id: spec.style for spec in self.choice.specs},
            texts={name: both(text, **GAPS) for name, text in i18n.LIVE_TEXTS.items()},
            ticket="",
            pictures=[],
            poster=poster(first.id),
        )

    def _wire(self, page: gr.Blocks) -> None:
        choice = self.choice
        boxes = [box for method in choice.methods.values() for box in method.widgets.values()]
        styles = [box for box in choice.styles.inputs if not isinstance(box, gr.Image)]
        held = [*styles, *boxes, *choice.settings.values()]
        settings = {
            spec.id: {
                name: held.index(box)
                for name, box in {**choice.methods[spec.id].widgets, **choice.settings}.items()
            }
            for spec in choice.specs
        }
        places = {
            spec.id: [[box and held.index(box) for box in pair] for pair in self._places(spec)]
            for spec in choice.specs
        }
        gr.on(
            [box.change for box in (choice.method, *held)],  # type: ignore[attr-defined]
            None,
            [choice.method, *held],
            self.stream,
            js=LOOK % {"styles": json.dumps(places), "settings": json.dumps(settings)},
            api_visibility="private",
        )
        pictures: set[Component] = {*choice.styles.pictures}
        self.stream.enter(self._enter, pictures, self.stream, **QUICK)
        for box in pictures:
            box.change(self._show, pictures, self.stream, **QUICK)  # type: ignore[attr-defined]
        page.unload(self._leave)

    def _places(self, spec: MethodSpec) -> list[tuple[Component | None, Component | None]]:
        """Where the name and the share of each style of a method are; None where there is none."""
        first, slots = self.choice.styles.of(spec)
        places = [(first, None), *((slot.box, slot.share) for slot in slots)]
        return [(None if isinstance(box, gr.Image) else box, share) for box, share in places]

    def _enter(self, values: dict[Component, Any], request: gr.Request) -> Any:
        """The page's script asks for a ticket."""
        ticket = self.room.enter(str(request.session_hash), request.username).ticket
        update = gr.update(ticket=ticket)
        # What is wrong with a picture was said when it was chosen.
        with contextlib.suppress(StyleSwapError):
            update |= self._shown(values, request)
        return update

    def _show(self, values: dict[Component, Any], request: gr.Request) -> Any:
        """A style picture was chosen."""
        with toasts(html.escape):
            return self._shown(values, request)

    def _shown(self, values: dict[Component, Any], request: gr.Request) -> dict[str, Any]:
        paths = [values[box] for box in self.choice.styles.pictures]
        if not any(paths):
            return gr.update(pictures=[])
        opened = [path and media.open_picture(path, "style picture") for path in paths]
        stream = self.room.enter(str(request.session_hash), request.username)
        return gr.update(pictures=stream.show(opened))

    def _leave(self, request: gr.Request) -> None:
        self.room.leave(str(request.session_hash))
