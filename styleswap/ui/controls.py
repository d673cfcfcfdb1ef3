"""A `Params` class -> widgets -> a `Params` object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from styleswap import specs
from styleswap.specs import Knob, MethodSpec, Params
from styleswap.ui import i18n
from styleswap.ui.i18n import t

# A slider of more steps than this cannot be set with a finger; such settings get a number box.
FINEST_SLIDER = 500


@dataclass(frozen=True)
class Controls:
    """The widgets of one method, by the setting's name."""

    spec: MethodSpec
    widgets: Mapping[str, Component]

    def params(self, values: Mapping[Any, Any]) -> Params:
        """The method's checked settings, from what its widgets hold.

        Raises:
            StyleSwapError: a value that `styleswap.specs.make_params` refuses.
        """
        return specs.make_params(self.spec, self.settings(values))

    def settings(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        """The same, by name and not checked."""
        return settings(specs.knobs(self.spec.params), self.widgets, values)


def settings(
    knobs: Sequence[Knob], widgets: Mapping[str, Component], values: Mapping[Any, Any]
) -> dict[str, Any]:
    """What widgets hold, by the settings' names and not checked."""
    loose = {name: values[widget] for name, widget in widgets.items()}
    for k in knobs:
        if is_switch(k) and k.name in loose:
            loose[k.name] = k.choices[bool(loose[k.name])].value
    return loose


def build(spec: MethodSpec, shared: Mapping[str, Component]) -> Controls:
    """Draw the settings of a method where it is called.

    Args:
        shared: widgets that stand elsewhere on the page and serve every method.
    """
    own = [k for k in specs.knobs(spec.params) if k.name not in shared]
    return Controls(spec, {**shared, **draw(own, f"{spec.id}-")})


def draw(knobs: Sequence[Knob], prefix: str) -> dict[str, Component]:
    """Draw settings where it is called, the advanced ones in a closed accordion; by name.

    Args:
        prefix: of the widgets' ids.
    """
    widgets = {k.name: widget(k, f"{prefix}{k.name}") for k in knobs if not k.advanced}
    if advanced := [k for k in knobs if k.advanced]:
        with gr.Accordion(t(i18n.ADVANCED), open=False, elem_id=f"{prefix}advanced"):
            widgets |= {k.name: widget(k, f"{prefix}{k.name}") for k in advanced}
    return widgets


def limited(knobs: Sequence[Knob], size: float) -> Any:
    """What makes a slider of sizes offer no more than is allowed among some settings.

    Args:
        size: what the slider holds.
    """
    most = next(k.high for k in knobs if k.name == "size")
    assert most is not None
    return gr.update(maximum=most) | ({"value": most} if size > most else {})


def is_switch(k: Knob) -> bool:
    """Whether a choice is between nothing and one thing: a checkbox."""
    return k.kind == "choice" and len(k.choices) == 2 and k.choices[0].value == "none"


def widget(k: Knob, elem_id: str) -> Component:
    """The widget of one setting."""
    about: dict[str, Any] = {
        "value": k.default,
        "label": t(k.label),
        "info": t(k.help),
        "elem_id": elem_id,
        "interactive": True,
    }
    if k.kind == "bool":
        return gr.Checkbox(**about)
    if is_switch(k):
        return gr.Checkbox(**(about | {"value": k.default != k.choices[0].value}))
    if k.kind == "choice":
        return gr.Radio([(t(c.label), c.value) for c in k.choices], **about)
    if k.kind == "layers":
        return gr.Textbox(**about, max_lines=2)
    assert k.low is not None and k.high is not None and k.step is not None
    # A browser's slider counts its steps from the lower end: start so that the default is on one.
    low = round(k.default - int((k.default - k.low) / k.step + 1e-6) * k.step, 9)
    if (k.high - low) / k.step > FINEST_SLIDER:
        # No limits here: Gradio's own sentence would not say which setting it is about.
        return gr.Number(**about, step=k.step)
    high = round(low + int((k.high - low) / k.step + 1e-6) * k.step, 9)
    return gr.Slider(low, high, **about, step=k.step, buttons=["reset"])
