from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example as such_as
from hypothesis import given
from hypothesis import strategies as st

from styleswap.errors import StyleSwapError
from styleswap.specs import (
    LAYERS,
    LIVE_SIZES,
    METHODS,
    STYLE_LAYERS,
    Choice,
    GatysParams,
    JohnsonParams,
    Knob,
    LiveParams,
    MethodSpec,
    Params,
    StylisingParams,
    Text,
    VideoParams,
    frame_knobs,
    get_spec,
    knob,
    knobs,
    make_frame_params,
    make_params,
    own_knobs,
    parse_layers,
    stylisers,
)
from tests.helpers import ROOT

KNOBS = [
    pytest.param(spec, k, id=f"{spec.id}.{k.name}")
    for spec in METHODS.values()
    for k in knobs(spec.params)
]
NASTY = st.sampled_from(
    [
        *(float("nan"), float("inf"), -float("inf"), True, False, None, b"1", 10**400, -(10**400)),
        *("", " ", "nan", "-inf", "1e999", "x" * 100_000, "9" * 100_000, "relu1_1=", "relu1_1=nan"),
        *("relu1_1=0", "relu1_1=-1", "relu1_1 relu1_1", "relu1_1=1=2", "\0", "\ud800", "a\nb", ","),
        *([], {}, (), object(), 1j, [1], {"a": 1}),
    ]
)
JUNK = st.one_of(
    NASTY, st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
)


def is_one_sentence(error: pytest.ExceptionInfo[StyleSwapError]) -> bool:
    text = str(error.value)
    return "\n" not in text and text.endswith((".", "?")) and text[0] != " "


@pytest.mark.parametrize("spec", METHODS.values(), ids=str)
def test_a_method_says_what_it_is_in_both_languages(spec: MethodSpec) -> None:
    assert METHODS[spec.id] is spec and spec.id.isidentifier()
    assert (ROOT / "styleswap" / "methods" / f"{spec.id}.py").is_file()
    for text in (spec.title, spec.summary):
        assert_both_languages(text)
    assert spec.paper and spec.max_styles >= 1
    assert spec.style in ("image", "trained", "none") and spec.pace in (
        *("live", "seconds", "minutes"),
    )


def assert_both_languages(text: Text) -> None:
    assert text.en.strip() == text.en != "" and text.en.isascii()
    assert text.zh.strip() == text.zh != ""
    assert str(text) == text.en


@pytest.mark.parametrize(("spec", "k"), KNOBS)
def test_a_setting_is_whole(spec: MethodSpec, k: Knob) -> None:
    assert_whole(k)


@pytest.mark.parametrize("own", [VideoParams, LiveParams])
def test_settings_of_what_moves_are_whole(own: type[Params]) -> None:
    for k in knobs(own):
        assert_whole(k)


def assert_whole(k: Knob) -> None:
    assert_both_languages(k.label)
    assert_both_languages(k.help)
    assert k.help.en.endswith(".") and k.help.zh.endswith("。")
    # A name such as Adam is the same in every language; everything else is translated.
    assert k.help.zh != k.help.en and not k.help.zh.isascii()
    assert k.check(k.default) == k.default and type(k.check(k.default)) is type(k.default)
    if k.kind in ("int", "float"):
        assert k.low is not None and k.high is not None and k.step is not None
        assert k.low <= k.default <= k.high and 0 < k.step <= k.high - k.low
        assert k.check(k.low) == k.low and k.check(k.high) == k.high
        for outside in (k.low - 1, k.high + 1):
            with pytest.raises(StyleSwapError, match=k.name):
                k.check(outside)
    if k.kind == "choice":
        assert len({c.value for c in k.choices}) == len(k.choices) >= 2
        for choice in k.choices:
            assert choice.label.en and choice.label.zh
            assert k.check(choice.value) == choice.value


@pytest.mark.parametrize(("spec", "k"), KNOBS)
@given(value=JUNK)
@such_as(value=10**400)  # a number that JSON can hold and a float cannot
@such_as(value=math.nan)
def test_any_value_is_taken_or_refused_in_one_sentence(
    spec: MethodSpec, k: Knob, value: Any
) -> None:
    try:
        params = make_params(spec, {k.name: value})
    except StyleSwapError as error:
        text = str(error)
        assert k.name in text and "\n" not in text and text.endswith(".")
        return
    taken = getattr(params, k.name)
    if k.kind == "int":
        assert type(taken) is int and k.low <= taken <= k.high  # type: ignore[operator]
    elif k.kind == "float":
        assert type(taken) is float and k.low <= taken <= k.high  # type: ignore[operator]
    elif k.kind == "bool":
        assert type(taken) is bool
    elif k.kind == "choice":
        assert taken in [c.value for c in k.choices]
    else:
        assert all(w > 0 for w in parse_layers(k.name, taken).values())


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"steps": 0}, "steps must be a whole number from 1 to 2000, not 0."),
        ({"steps": 1.5}, "steps must be a whole number from 1 to 2000, not 1.5."),
        ({"tv": -1}, "tv must be a number from 0 to 10, not -1."),
        ({"keep_colours": "yes"}, "keep_colours must be true or false, not 'yes'."),
        ({"start": "Noise"}, "start must be one of content, style, noise, not 'Noise'."),
        ({"style_layers": " ,"}, f"style_layers needs at least one of {', '.join(LAYERS)}."),
    ],
)
def test_sentences(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StyleSwapError) as error:
        GatysParams(**values)
    assert str(error.value) == sentence


def test_values_become_the_type_of_their_setting() -> None:
    p = GatysParams(size="96", steps=12.0, tv=3, style_strength="0.5")  # type: ignore[arg-type]
    assert (p.size, p.steps, p.tv, p.style_strength) == (96, 12, 3.0, 0.5)
    assert [type(v) for v in (p.size, p.steps, p.tv)] == [int, int, float]


def test_settings_come_in_the_order_of_their_declaration() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Mine(StylisingParams):
        zeta: bool = knob(True, Text("z", "z"), Text("z", "z"))
        alpha: str = knob("relu1_1", Text("a", "a"), Text("a", "a"), advanced=True)
        mode: str = knob(
            "x", Text("m", "m"), Text("m", "m"), choices=(Choice("x", Text("x", "x")),)
        )

    found = knobs(Mine)
    assert [(k.name, k.kind) for k in found] == [
        *(("size", "int"), ("finish", "choice"), ("zeta", "bool")),
        *(("alpha", "layers"), ("mode", "choice")),
    ]
    assert [k.advanced for k in found] == [False, False, False, True, False]
    for spec in METHODS.values():
        assert [k.name for k in knobs(spec.params)] == [
            f.name for f in dataclasses.fields(spec.params)
        ]


def test_params_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        GatysParams().size = 1  # type: ignore[misc]


def test_make_params() -> None:
    spec = get_spec("gatys")
    assert make_params(spec, {}) == GatysParams()
    assert make_params(spec, {"size": 128, "start": "noise"}) == GatysParams(
        size=128, start="noise"
    )
    with pytest.raises(StyleSwapError, match="Did you mean style_strength"):
        make_params(spec, {"style_strenght": 1})
    with pytest.raises(StyleSwapError) as error:
        make_params(spec, {"qqqq": 1})
    assert str(error.value) == "gatys has no setting called qqqq."


# --- videos and streams ---


def test_settings_of_a_stream() -> None:
    p = LiveParams()
    assert (p.size, p.steady, p.mirror, p.split) == ("auto", 0.0, True, False)
    for width, height in LIVE_SIZES:  # each larger than the one before
        assert LiveParams(size=f"{width}x{height}").size == f"{width}x{height}"
    assert sorted(LIVE_SIZES) == [*LIVE_SIZES]
    for values, sentence in (
        ({"size": "640"}, "size must be one of auto, 320x240, "),
        ({"size": 640}, "not 640."),
        ({"steady": 1.5}, "steady must be a number from 0 to 1, not 1.5."),
        ({"mirror": "yes"}, "mirror must be true or false, not 'yes'."),
        ({"split": None}, "split must be true or false, not None."),
    ):
        with pytest.raises(StyleSwapError) as error:
            LiveParams(**values)  # type: ignore[arg-type]
        assert sentence in str(error.value) and is_one_sentence(error)


@pytest.mark.parametrize("own", [VideoParams, LiveParams])
@pytest.mark.parametrize("spec", stylisers(), ids=lambda spec: spec.id)
def test_what_moves_has_a_method_s_settings_but_its_own(
    spec: MethodSpec, own: type[Params]
) -> None:
    left = frame_knobs(spec, own)
    gone = [k for k in knobs(spec.params) if k not in left]
    assert [k for k in knobs(spec.params) if k in left] == left  # in their order
    assert {k.name for k in gone} - {k.name for k in knobs(own)} == {"finish"}
    assert not {k.name for k in left} & {"finish", *(k.name for k in knobs(own))}


def test_settings_that_are_left_by_hand() -> None:
    names = {spec.id: [k.name for k in frame_knobs(spec, LiveParams)] for spec in stylisers()}
    assert names["johnson"] == ["strength", "keep_colours"]
    assert names["adain"] == ["strength", "style_scale", "keep_colours"]

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Mine(Params):
        strength: bool = knob(True, Text("s", "s"), Text("s", "s"))

    assert [k.name for k in frame_knobs(get_spec("johnson"), Mine)] == ["size", "keep_colours"]


def test_make_frame_params() -> None:
    johnson = get_spec("johnson")
    assert make_frame_params(johnson, LiveParams, "A webcam", {}) == (JohnsonParams(), LiveParams())
    values = {"strength": 0.25, "size": "320x240", "keep_colours": True, "mirror": False}
    method, own = make_frame_params(johnson, LiveParams, "A webcam", values)
    assert method == JohnsonParams(strength=0.25, keep_colours=True)
    assert own == LiveParams(size="320x240", mirror=False)
    assert values.keys() == {"strength", "size", "keep_colours", "mirror"}
    method, clip = make_frame_params(johnson, VideoParams, "A video", {"size": 96, "steady": 1})
    assert method == JohnsonParams() and clip == VideoParams(size=96, steady=1.0)


def test_frames_are_no_larger_than_a_method_takes() -> None:
    for spec in stylisers():
        (size,) = (k for k in knobs(spec.params) if k.name == "size")
        most = min(size.high or 0, 3840)
        (own,) = (k for k in own_knobs(spec, VideoParams) if k.name == "size")
        assert (own.high, own.default) == (most, min(VideoParams.size, most))
        for values, found in (({}, own.default), ({"size": most}, most)):
            assert make_frame_params(spec, VideoParams, "A video", values)[1].size == found
        with pytest.raises(StyleSwapError, match=f"from 64 to {most:g}, not"):
            make_frame_params(spec, VideoParams, "A video", {"size": most + 1})
    swap = get_spec("swap")
    assert make_frame_params(swap, VideoParams, "A video", {})[1].size == 1024


def test_sizes_begin_alike() -> None:
    """Whatever the method, and so that each takes what it begins with."""
    sizes = {spec.id: getattr(spec.params(), "size") for spec in stylisers()}  # noqa: B009
    assert set(sizes.values()) == {StylisingParams().size}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"levels": 1}, "A webcam by johnson has no setting called levels."),
        ({"finish": "none"}, "A webcam by johnson has no setting called finish."),
        ({"start": 1}, "A webcam by johnson has no setting called start."),
        ({"strenght": 1}, "A webcam by johnson has no setting called strenght. Did you mean"),
        ({"miror": True}, "A webcam by johnson has no setting called miror. Did you mean mirror?"),
        ({"strength": 2}, "strength must be a number from 0 to 1, not 2."),
        ({"size": 512}, "size must be one of auto, "),
    ],
)
def test_make_frame_params_refuses(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StyleSwapError) as error:
        make_frame_params(get_spec("johnson"), LiveParams, "A webcam", values)
    assert str(error.value).startswith(sentence) and is_one_sentence(error)


def test_get_spec() -> None:
    assert get_spec("gatys").params is GatysParams
    with pytest.raises(StyleSwapError) as error:
        get_spec("Gatys")
    assert "'Gatys'" in str(error.value) and all(name in str(error.value) for name in METHODS)
    assert is_one_sentence(error)


def test_parse_layers() -> None:
    assert parse_layers("x", "relu1_1 relu2_1=0.5") == {"relu1_1": 1.0, "relu2_1": 0.5}
    assert parse_layers("x", " conv4_2=2,relu1_1 ,\n") == {"conv4_2": 2.0, "relu1_1": 1.0}


@given(st.dictionaries(st.sampled_from(LAYERS), st.floats(1e-6, 1e6), min_size=1))
def test_parse_layers_reads_what_it_means(weights: dict[str, float]) -> None:
    text = ", ".join(f"{layer}={weight!r}" for layer, weight in weights.items())
    found = parse_layers("x", text)
    assert found == weights and list(found) == list(weights)


@pytest.mark.parametrize(
    "word", ["relu9_9", "relu1_1=0", "relu1_1=-1", "relu1_1=nan", "relu1_1=inf", "relu1_1=x", "=1"]
)
def test_parse_layers_names_the_word_that_is_wrong(word: str) -> None:
    with pytest.raises(StyleSwapError) as error:
        parse_layers("content_layers", f"conv4_2 {word}")
    assert repr(word) in str(error.value) and "content_layers" in str(error.value)
    assert is_one_sentence(error)


def test_parse_layers_refuses_a_layer_named_twice() -> None:
    with pytest.raises(StyleSwapError, match="each once"):
        parse_layers("x", "relu1_1 relu2_1 relu1_1=2")


def test_the_style_layers_are_layers() -> None:
    assert set(STYLE_LAYERS) < set(LAYERS)
    assert parse_layers("x", GatysParams().style_layers) == dict.fromkeys(STYLE_LAYERS, 1.0)


def test_specs_and_media_import_no_torch() -> None:
    script = (
        "import sys, styleswap.specs, styleswap.media;"
        "bad = {'torch', 'torchvision', 'gradio'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
