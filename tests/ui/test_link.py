"""What an address says of the page, and what the page takes from one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import gradio as gr
import pytest
from gradio.components import Component
from hypothesis import given
from hypothesis import strategies as st

from styleswap import specs
from styleswap.engine import Engine
from styleswap.live import Room
from styleswap.specs import Knob
from styleswap.ui import link
from styleswap.ui.controls import is_switch
from styleswap.ui.denoise import DenoiseTab
from styleswap.ui.link import Link, Links
from styleswap.ui.picture import PictureTab
from styleswap.ui.video import VideoTab
from styleswap.ui.webcam import WebcamTab


def address(
    tab: str, method: str | None, settings: Mapping[str, Any], names: Mapping[str, str | None]
) -> str:
    """A query as link.js makes it."""
    said = {"tab": tab, "method": method, **names, **settings}
    return "?" + urlencode({k: _text(v) for k, v in said.items() if v is not None}, safe=",")


def _text(value: Any) -> str:
    """As the browser writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    return ",".join(value) if isinstance(value, list) else str(value)


@pytest.fixture(scope="module")
def links(engine: Engine) -> Links:
    room = Room(engine)
    with gr.Blocks() as page:
        return Links(
            {
                "picture": PictureTab(page, engine).link,
                "video": VideoTab(page, engine).link,
                "webcam": WebcamTab(page, room).link,
                "denoise": DenoiseTab(page, engine).link,
            }
        )


def by_id(values: dict[Component, Any]) -> dict[str | None, Any]:
    return {box.elem_id: value for box, value in values.items()}


def texts(k: Knob, box: Component) -> st.SearchStrategy[Any]:
    """Values that a setting may have, and its widget too."""
    if k.kind == "bool":
        return st.booleans()
    if k.kind == "choice":
        return st.sampled_from([c.value for c in k.choices])
    if k.kind == "layers":
        weights = st.floats(0.01, 100).map(lambda weight: f"={weight:g}") | st.just("")
        layers = st.dictionaries(st.sampled_from(specs.LAYERS), weights, min_size=1)
        return layers.map(lambda found: " ".join(a + b for a, b in found.items()))
    assert k.low is not None and k.high is not None
    low, high = k.low, k.high
    if isinstance(box, gr.Slider):
        low, high = max(low, box.minimum), min(high, box.maximum)
    return st.integers(int(low), int(high)) if k.kind == "int" else st.floats(low, high)


@given(data=st.data())
def test_an_address_opens_what_it_was_made_of(links: Links, data: st.DataObject) -> None:
    tab = data.draw(st.sampled_from(list(links.tabs)))
    declared = links.tabs[tab]
    method = data.draw(st.sampled_from(list(declared.methods))) if declared.methods else None
    fields = declared.fields(method)
    spec = specs.get_spec(method or "denoise")
    own = {"video": specs.VideoParams, "webcam": specs.LiveParams}.get(tab)
    knobs = [*(specs.frame_knobs(spec, own) if own else []), *specs.knobs(own or spec.params)]
    further = {f"{what}{n}" for what in ("style", "share") for n in range(2, spec.max_styles + 1)}
    others = {"method", "style", "content", *further}
    assert {k.name for k in knobs} == fields.keys() - others and further <= fields.keys()
    optional = {k.name: texts(k, fields[k.name].box) for k in knobs}
    chosen = data.draw(st.fixed_dictionaries({}, optional=optional))
    stems = {
        "style": "udnie" if spec.style == "trained" else "waves",
        "content": "world" if tab == "video" else "lion",
        "style3": "ink" if spec.style == "trained" else "swirls",
        "share3": "0.25",
    }
    names = {name: stem for name, stem in stems.items() if name in fields}

    found, values, wrong = links.read(address(tab, method, chosen, names))
    assert (found, wrong) == (tab, [])
    for k in knobs:
        if k.name in chosen:
            value = values.pop(fields[k.name].box)
            assert value == (chosen[k.name] != "none" if is_switch(k) else chosen[k.name])
            assert type(value) is type(chosen[k.name]) or is_switch(k)
    for name, stem in names.items():
        assert stem in str(values.pop(fields[name].box))
    assert values == ({declared.method: method} if method else {})


@pytest.mark.parametrize(
    ("query", "tab", "expected", "wrong"),
    [
        ("", "picture", {}, []),
        ("?__theme=dark&view=api&utm_source=x", "picture", {}, []),
        ("?tab=video&size=640&steady=0.7", "video", {"video-size": 640, "video-steady": 0.7}, []),
        ("?method=gatys&steps=50", "picture", {"method": "gatys", "gatys-steps": 50}, []),
        # Of another method, and of another tab.
        ("?method=johnson&steps=50&sigma=3", "picture", {"method": "johnson"}, ["steps", "sigma"]),
        ("?method=nobody&size=128", "picture", {"size": 128}, ["method"]),
        ("?tab=nowhere&content=lake", "picture", {"content": "lake.jpg"}, ["tab"]),
        ("?tab=webcam&method=gatys&mirror=no", "webcam", {}, ["method", "mirror"]),
        ("?tab=denoise&seed=1e99&sigma=nan&peak=", "denoise", {}, ["seed", "sigma", "peak"]),
        # A file that exists is not thereby an example.
        ("?content=../../LICENSE&method=adain&style=/etc/passwd", "picture", {"method": "adain"},
         ["content", "style"]),
        # Gatys takes fewer steps than its slider can show.
        ("?method=gatys&steps=3", "picture", {"method": "gatys"}, ["steps"]),
        ("?method=gatys&style_layers=<b>", "picture", {"method": "gatys"}, ["style_layers"]),
        ("?style2=ink&share2=0.7&style3=nobody&share3=1.01&share4=nan", "picture",
         {"johnson-style-2": "ink", "johnson-share-2": 0.7}, ["style3", "share3", "share4"]),
        ("?method=meta&style2=waves&share2=x&style5=waves", "picture",
         {"method": "meta", "style-2": "waves.jpg"}, ["share2"]),
        ("?size=128&size=256&size=x", "picture", {"size": 128}, []),
        ("?size=128&x=" + "y" * 100_000 + "&finish=denoise", "picture", {"size": 128}, []),
        ("?%00=%ff&size=%F0%9F&\ud800=\ud800&tab=%E2%80%AE", "picture", {}, ["tab", "size"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_left_out(
    links: Links, query: str, tab: str, expected: dict[str, Any], wrong: list[str]
) -> None:
    found, values, complaints = links.read(query)
    assert (found, complaints) == (tab, wrong)
    got = by_id(values)
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        assert got[name] == value or str(got[name]).endswith(f"/{value}")


NAMES = st.sampled_from(["tab", "method", "size", "style"])


@given(st.text() | st.lists(st.tuples(NAMES, st.text())).map(urlencode))
def test_any_query_is_read(links: Links, query: str) -> None:
    tab, _, wrong = links.read(query)
    assert tab in links.tabs and set(wrong) <= set(links.names)


def test_several_at_once_have_commas_between() -> None:
    with gr.Blocks():
        box = gr.CheckboxGroup(["gatys", "johnson", "adain"], value=["gatys"])
    links = Links({"compare": Link({"methods": link.choice(box)})})
    query = address("compare", None, {"methods": ["adain", "gatys"]}, {})
    assert query == "?tab=compare&methods=adain,gatys"
    assert links.read(query) == ("compare", {box: ["adain", "gatys"]}, [])
    assert links.read("?methods=gatys,gatys") == ("compare", {box: ["gatys"]}, [])
    for bad in ("gatys,", "", "gatys,nobody"):
        assert links.read(f"?methods={bad}") == ("compare", {}, ["methods"])
