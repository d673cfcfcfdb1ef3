"""What repaints frames: widgets for the method, its style and all settings, where videos and the
webcam are repainted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from styleswap import specs
from styleswap.specs import MethodSpec, Params
from styleswap.ui import controls, i18n, link
from styleswap.ui.controls import Controls
from styleswap.ui.i18n import t
from styleswap.ui.link import Link, Named
from styleswap.ui.stage import QUICK
from styleswap.ui.styles import StyleBoxes


@dataclass(frozen=True)
class Chosen:
    """What the widgets hold: trained styles' names or style pictures' paths, with weights."""

    spec: MethodSpec
    styles: list[tuple[str, float]]
    settings: dict[str, Any]


class Choice:
    """The widgets; `draw_style` and `draw_method` draw them where they are called, in this order.

    Args:
        methods: the first is chosen at first.
        own: settings beside those of the method.
        prefix: of the widgets' ids.
    """

    def __init__(self, methods: Sequence[MethodSpec], own: type[Params], prefix: str) -> None:
        self.specs, self.own, self.prefix = methods, own, prefix
        self.styles = StyleBoxes(methods, prefix)
        self.methods: dict[str, Controls] = {}
        self._groups: dict[str, gr.Column] = {}

    def draw_style(self) -> None:
        """Where a style is chosen: as columns of the row that is being drawn."""
        self.styles.draw_first()

    def draw_method(self) -> None:
        """Where a method is chosen, and the settings."""
        first = self.specs[0]
        self.method = gr.Dropdown(
            [(t(spec.title), spec.id) for spec in self.specs],
            value=first.id,
            label=t(i18n.METHOD),
            info=t(first.summary),
            filterable=False,
            elem_id=f"{self.prefix}method",
        )
        self.styles.draw_more()
        for spec in self.specs:
            with gr.Column(visible=spec is first) as self._groups[spec.id]:
                knobs = specs.frame_knobs(spec, self.own)
                own = controls.draw(knobs, f"{self.prefix}{spec.id}-")
            self.methods[spec.id] = Controls(spec, own)
        self.settings = controls.draw(specs.knobs(self.own), self.prefix)
        self.styles.wire(self.method)
        size = self.settings["size"]
        self._sizes = [size] if isinstance(size, gr.Slider) else []
        self.method.change(
            self._show,
            [self.method, *self._sizes],
            [self.method, *self._sizes, *self.styles.shown, *self._groups.values()],
            **QUICK,
        )

    @property
    def looks(self) -> list[Component]:
        """The widgets that say what it shall look like, but for how strongly."""
        return [self.method, *self.styles.inputs]

    @property
    def inputs(self) -> list[Component]:
        """All widgets."""
        of_methods = [box for method in self.methods.values() for box in method.widgets.values()]
        return [*self.looks, *of_methods, *self.settings.values()]

    def chosen(self, values: Mapping[Any, Any]) -> Chosen:
        """What is chosen, out of what the widgets hold."""
        spec = specs.get_spec(values[self.method])
        settings = self.methods[spec.id].settings(values)
        settings |= {name: values[box] for name, box in self.settings.items()}
        return Chosen(spec, self.styles.chosen(spec, values), settings)

    def link(self, shared: Mapping[str, Named]) -> Link:
        """What a link names: these widgets, and `shared` ones of the tab's own."""
        return Link(
            {**shared, **link.settings(specs.knobs(self.own), self.settings)},
            self.method,
            link.by_method(self.methods, self.styles),
        )

    def _show(self, method: str, *sizes: float) -> list[Any]:
        spec = specs.get_spec(method)
        own = specs.own_knobs(spec, self.own)
        return [
            gr.update(info=t(spec.summary)),
            *(controls.limited(own, size) for size in sizes),
            *self.styles.show(spec),
            *(gr.update(visible=name == method) for name in self._groups),
        ]
