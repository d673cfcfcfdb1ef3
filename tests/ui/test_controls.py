"""Params -> widgets -> Params."""

from __future__ import annotations

import dataclasses
from typing import Any

import gradio as gr
import pytest
from gradio.components import Component
from hypothesis import given
from hypothesis import strategies as st

from styleswap import specs
from styleswap.errors import StyleSwapError
from styleswap.specs import METHODS, GatysParams, Knob, MethodSpec, StylisingParams, Text
from styleswap.ui import controls, i18n
from styleswap.ui.controls import Controls, build, widget


def drawn(spec: MethodSpec) -> Controls:
    with gr.Blocks():
        return build(spec, {})


def a_knob(**about: Any) -> Knob:
    text = Text("Name", "名字")
    return Knob(
        **{
            "name": "k",
            "kind": "float",
            "default": 1.0,
            "label": text,
            "help": text,
            "low": 0.0,
            "high": 2.0,
            "step": 0.1,
            "choices": (),
            "advanced": False,
        }
        | about
    )


@pytest.mark.parametrize("spec", METHODS.values(), ids=lambda s: s.id)
def test_untouched_widgets_give_the_defaults(spec: MethodSpec) -> None:
    made = drawn(spec)
    values = {w: w.value for w in made.widgets.values()}  # type: ignore[attr-defined]
    assert made.params(values) == spec.params()


@pytest.mark.parametrize("spec", METHODS.values(), ids=lambda s: s.id)
def test_every_setting_has_its_widget_in_both_languages(spec: MethodSpec) -> None:
    made = drawn(spec)
    assert set(made.widgets) == {f.name for f in dataclasses.fields(spec.params)}
    words = i18n.catalogue().translations
    for k in specs.knobs(spec.params):
        w: Any = made.widgets[k.name]
        assert words["en"][w.label.key] == k.label.en
        assert words["zh"][w.label.key] == k.label.zh
        assert words["zh"][w.info.key] == k.help.zh


def test_widgets_suit_their_kind() -> None:
    kinds = {name: type(w) for name, w in drawn(METHODS["gatys"]).widgets.items()}
    assert kinds["size"] is gr.Slider
    assert kinds["keep_colours"] is gr.Checkbox
    assert kinds["start"] is gr.Radio
    assert kinds["style_layers"] is gr.Textbox
    assert kinds["seed"] is gr.Number


def test_advanced_settings_lie_in_a_closed_accordion() -> None:
    made = drawn(METHODS["gatys"])
    for k in specs.knobs(GatysParams):
        parent = made.widgets[k.name].parent
        while parent is not None and not isinstance(parent, gr.Accordion):
            parent = parent.parent
        assert (parent is not None) == k.advanced
        assert parent is None or parent.open is False


def test_a_shared_widget_is_taken_and_not_drawn_again() -> None:
    with gr.Blocks() as blocks:
        size = widget(specs.knobs(StylisingParams)[0], "size")
        made = build(METHODS["gatys"], {"size": size})
    assert made.widgets["size"] is size
    ids = [getattr(b, "elem_id", None) for b in blocks.blocks.values()]
    assert "gatys-size" not in ids and "gatys-steps" in ids


def test_values_are_checked() -> None:
    made = drawn(METHODS["gatys"])
    values: dict[Component, Any] = {w: w.value for w in made.widgets.values()}  # type: ignore[attr-defined]
    values[made.widgets["style_layers"]] = "relu9_9"
    with pytest.raises(StyleSwapError, match="style_layers"):
        made.params(values)
    values[made.widgets["style_layers"]] = "relu1_1"
    values[made.widgets["seed"]] = None
    with pytest.raises(StyleSwapError, match="seed"):
        made.params(values)


@given(
    low=st.integers(0, 50),
    steps=st.integers(2, 400),
    step=st.sampled_from([0.05, 0.1, 0.25, 1, 10, 32]),
    off=st.floats(0, 1),
    at=st.floats(0, 1),
)
def test_a_slider_stops_at_the_default_and_never_leaves_the_range(
    low: int, steps: int, step: float, off: float, at: float
) -> None:
    high = low + (steps + off) * step
    default = round(low + at * (high - low), 6)
    default = min(max(default, low), high)
    slider = widget(a_knob(default=default, low=float(low), high=high, step=step), "k")
    assert isinstance(slider, gr.Slider)
    assert low - 1e-6 <= slider.minimum <= default + 1e-6
    assert default - 1e-6 <= slider.maximum <= high + 1e-6
    for distance in (default - slider.minimum, slider.maximum - default):
        assert distance / step == pytest.approx(round(distance / step), abs=1e-4)


def test_too_many_steps_for_a_finger_give_a_number_box() -> None:
    many = controls.FINEST_SLIDER + 1
    assert isinstance(widget(a_knob(high=float(many), step=1.0, default=0.0), "k"), gr.Number)
    assert isinstance(widget(a_knob(high=float(many - 1), step=1.0, default=0.0), "k"), gr.Slider)


def test_a_choice_between_nothing_and_one_thing_is_a_checkbox() -> None:
    made = drawn(METHODS["adain"])
    box: Any = made.widgets["finish"]
    assert isinstance(box, gr.Checkbox) and box.value is False
    values: dict[Component, Any] = {w: w.value for w in made.widgets.values()}  # type: ignore[attr-defined]
    values[box] = True
    assert made.params(values).finish == "denoise"  # type: ignore[attr-defined]
