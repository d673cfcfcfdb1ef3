from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from styleswap import metrics, specs, tensors, weights
from styleswap.engine import (
    MOST_BEGUN,
    Engine,
    Painter,
    Progress,
    Request,
    StyleChoice,
    _module,
    check_styles,
)
from styleswap.errors import StyleSwapError
from styleswap.methods import denoise, frames
from styleswap.methods.base import Job, Step
from styleswap.nets import perceptual
from styleswap.nets.perceptual import PerceptualNetwork
from styleswap.nets.transformer import new_transformer
from styleswap.runtimes import available, for_films
from styleswap.specs import (
    AdainParams,
    DenoiseParams,
    GatysParams,
    JohnsonParams,
    MethodSpec,
    Params,
    StylisingParams,
    SwapParams,
    Text,
    WctParams,
    get_spec,
    knob,
)
from tests.helpers import add_method, colourful, numbered, small

PICTURE = colourful(120, 80)
STYLE = StyleChoice(colourful(70, 90))


@dataclass(frozen=True, kw_only=True)
class Steps(StylisingParams):
    steps: int = knob(5, Text("Steps", "步"), Text("How many.", "多少。"), low=1, high=9999, step=1)


def fade(job: Job) -> Iterator[Step]:
    """A fake method: darker at each of its steps."""
    assert isinstance(job.params, Steps)
    for i in range(1, job.params.steps + 1):
        yield Step(i, job.params.steps, job.content * (1 - i / job.params.steps), {"style": 1 / i})


def ask(steps: int = 5, method: str = "fake", size: int = 64) -> Request:
    return Request(method, PICTURE, [STYLE], Steps(steps=steps, size=size))


NEVER = threading.Event()


@pytest.fixture
def engine() -> Engine:
    return Engine("cpu")


@pytest.fixture
def fading(monkeypatch: pytest.MonkeyPatch) -> MethodSpec:
    return add_method(monkeypatch, fade, params=Steps)


def test_gatys_from_picture_to_picture(engine: Engine) -> None:
    params = GatysParams(size=96, steps=3, network="small")
    progress = list(engine.run(Request("gatys", PICTURE, [STYLE], params)))
    assert [(p.i, p.n) for p in progress] == [(1, 3), (2, 3), (3, 3)]
    last = progress[-1]
    assert last.picture().size == (96, 64) and last.picture().mode == "RGB"
    assert last.network == "small" and {"content", "style"} <= last.losses.keys()
    seconds = [p.seconds for p in progress]
    assert 0 < seconds[0] < seconds[1] < seconds[2]


def test_progress_is_what_the_method_yields(engine: Engine, fading: MethodSpec) -> None:
    progress = list(engine.run(ask(4)))
    assert [(p.i, p.n, p.losses["style"]) for p in progress] == [
        *((1, 4, 1), (2, 4, 1 / 2), (3, 4, 1 / 3), (4, 4, 1 / 4)),
    ]
    assert progress[0].network is None
    half = progress[1].picture()
    assert half.size == (64, 43)
    want = PICTURE.resize((64, 43), Image.Resampling.LANCZOS).point(lambda v: v // 2)
    pairs = zip(half.tobytes(), want.tobytes(), strict=True)
    assert max(abs(a - b) for a, b in pairs) <= 1


def test_what_a_method_is_given(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[Job] = []

    def look(job: Job) -> Iterator[Step]:
        jobs.append(job)
        yield Step(1, 1, job.content)

    add_method(monkeypatch, look, params=Steps, max_styles=2)
    other = StyleChoice(colourful(5000, 40), weight=2.5)
    params = Steps(size=96)
    list(engine.run(Request("fake", PICTURE, [STYLE, other], params)))
    (job,) = jobs
    assert job.content.shape == (1, 3, 64, 96) and job.params is params
    assert job.device == engine.device == torch.device("cpu")
    assert [s.weight for s in job.styles] == [1.0, 2.5]
    shapes = [s.picture.shape for s in job.styles if s.picture is not None]
    assert shapes == [(1, 3, 90, 70), (1, 3, 33, 4096)]  # its own size, but never above 4096
    for x in (job.content, *(s.picture for s in job.styles)):
        assert x is not None and x.dtype == torch.float32 and x.min() >= 0 and x.max() <= 1


def test_pictures_of_the_caller_are_not_changed(engine: Engine) -> None:
    content, style = colourful(96, 64), colourful(70, 90)
    before = content.tobytes(), style.tobytes()
    params = GatysParams(size=96, steps=2, network="small")
    list(engine.run(Request("gatys", content, [StyleChoice(style)], params)))
    assert (content.tobytes(), style.tobytes()) == before


@pytest.mark.parametrize("kind", ["trained", "none"])
def test_methods_without_a_style_picture(
    kind: Any, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Any, ...]] = []

    def once(job: Job) -> Iterator[Step]:
        seen.extend((s.picture, s.name, s.weight) for s in job.styles)
        yield Step(1, 1, 1 - job.content)

    add_method(monkeypatch, once, style=kind)
    styles = [StyleChoice(name="poppies", weight=2)] if kind == "trained" else []
    (only,) = engine.run(Request("fake", PICTURE, styles, StylisingParams(size=64)))
    assert seen == ([(None, "poppies", 2)] if kind == "trained" else [])
    assert (only.i, only.n, dict(only.losses)) == (1, 1, {})
    assert only.picture().getpixel((0, 0)) == pytest.approx((255, 255, 255), abs=3)


# --- networks -----------------------------------------------------------------------------------


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    calls: list[tuple[str, str]] = []
    networks = {"average": small("average"), "max": small("max")}

    def load(name: str, pooling: Any = "average") -> PerceptualNetwork:
        calls.append((name, pooling))
        return networks[pooling]

    monkeypatch.setattr(perceptual, "load", load)
    return calls


def test_networks_are_loaded_once(engine: Engine, loads: list[tuple[str, str]]) -> None:
    for pooling in ("average", "max", "average", "max"):
        params = GatysParams(size=64, steps=1, network="small", pooling=pooling)
        list(engine.run(Request("gatys", PICTURE, [STYLE], params)))
    assert loads == [("small", "average"), ("small", "max")]


@pytest.mark.parametrize(("cached", "network"), [(True, "vgg19"), (False, "small")])
def test_auto_is_resolved_before_it_is_told_and_kept(
    cached: bool,
    network: str,
    engine: Engine,
    loads: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("styleswap.weights.has_vgg19", lambda: cached)
    for name in ("auto", network):
        params = GatysParams(size=64, steps=1, network=name)
        (last,) = engine.run(Request("gatys", PICTURE, [STYLE], params))
        assert last.network == network
    # `small` is there for the draft, and one and the same where it is the network itself.
    assert loads == [(name, "average") for name in dict.fromkeys(["small", network])]


# --- sentences ----------------------------------------------------------------------------------

NAMED = StyleChoice(name="poppies")


@pytest.mark.parametrize(
    ("kind", "styles", "sentence"),
    [
        ("none", [STYLE], "fake takes no style; leave it out."),
        ("image", [], "fake needs a style picture; give one."),
        ("image", [NAMED], "fake needs a style picture; give one."),
        ("image", [STYLE] * 3, "fake takes at most 2 style pictures, not 3."),
        ("trained", [], "fake needs a trained style; give one."),
        ("trained", [STYLE], "fake needs a trained style; give one."),
        ("trained", [NAMED] * 3, "fake takes at most 2 trained styles, not 3."),
        ("image", [StyleChoice(PICTURE, weight=0)], "A style's weight must be above 0, not 0."),
        ("image", [STYLE, StyleChoice(PICTURE, weight=-2)], None),
        ("image", [StyleChoice(PICTURE, weight=float("nan"))], None),
        ("trained", [StyleChoice(name="x", weight=float("inf"))], None),
    ],
)
def test_styles_that_a_method_cannot_take(
    kind: Any,
    styles: list[StyleChoice],
    sentence: str | None,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_method(monkeypatch, fade, style=kind, params=Steps, max_styles=2)
    with pytest.raises(StyleSwapError) as error:
        next(engine.run(Request("fake", PICTURE, styles, Steps())))
    if sentence is None:
        assert str(error.value).startswith("A style's weight must be above 0, not ")
    else:
        assert str(error.value) == sentence


def test_one_style_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StyleSwapError) as error:
        check_styles(add_method(monkeypatch, fade), [STYLE, STYLE])
    assert str(error.value) == "fake takes at most 1 style picture, not 2."


@given(st.integers(1, 4), st.floats(1e-9, 1e9))
def test_styles_that_it_can_take(count: int, weight: float) -> None:
    check_styles(get_spec("gatys"), [StyleChoice(PICTURE, weight=weight)] * count)


def test_an_unknown_method(engine: Engine) -> None:
    with pytest.raises(StyleSwapError, match="no method called 'nope'"):
        next(engine.run(ask(method="nope")))


def test_a_picture_that_is_too_thin(engine: Engine, fading: MethodSpec) -> None:
    def run(width: int, height: int, size: int) -> list[Progress]:
        request = Request("fake", colourful(width, height), [STYLE], Steps(size=size))
        return list(engine.run(request))

    for size in (300, 150):  # at 150 not even `media.fit` would have it
        with pytest.raises(StyleSwapError, match="on its shorter side") as error:
            run(300, 31, size)
        assert "larger size" in str(error.value) or "choose a size" in str(error.value)
    assert run(300, 32, 300)[-1].picture().size == (300, 32)


OUT_OF_MEMORY = "There is not enough memory for this size; choose a smaller one."


@pytest.mark.parametrize(
    "fault",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried 8 bytes"),
    ],
    ids=["cuda", "python", "cpu"],
)
def test_running_out_of_memory(
    fault: Exception, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(job: Job) -> Iterator[Step]:
        yield Step(1, 2, job.content)
        raise fault

    add_method(monkeypatch, greedy)
    run = engine.run(Request("fake", PICTURE, [STYLE], StylisingParams()))
    assert next(run).i == 1
    with pytest.raises(StyleSwapError) as error:
        next(run)
    assert str(error.value) == OUT_OF_MEMORY
    with pytest.raises(StyleSwapError):  # and not waiting for a turn for ever
        list(engine.run(Request("fake", PICTURE, [STYLE], StylisingParams())))


def test_running_out_of_memory_before_the_method_begins(
    engine: Engine, fading: MethodSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def from_pil(picture: Image.Image) -> torch.Tensor:
        raise MemoryError

    monkeypatch.setattr("styleswap.tensors.from_pil", from_pil)
    with pytest.raises(StyleSwapError) as error:
        list(engine.run(ask()))
    assert str(error.value) == OUT_OF_MEMORY


def test_bugs_are_not_dressed_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(job: Job) -> Iterator[Step]:
        yield Step(1, 2, job.content)
        raise RuntimeError("shapes do not match")

    add_method(monkeypatch, wrong)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(engine.run(Request("fake", PICTURE, [STYLE], StylisingParams())))


# --- taking turns and stopping ------------------------------------------------------------------


def in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def in_line(engine: Engine, count: int) -> None:
    """Wait until so many hold the device or wait for it."""
    for _ in range(10_000):
        if len(engine._turns._line) >= count:
            return
        time.sleep(0.001)
    pytest.fail("nobody asks for the device")


def test_a_job_waits_while_another_has_the_device(engine: Engine, fading: MethodSpec) -> None:
    found: list[Progress] = []
    with engine._turns.turn(NEVER):
        thread = in_background(lambda: found.extend(engine.run(ask(2))))
        in_line(engine, 2)
        time.sleep(0.3)
        assert not found and thread.is_alive()
    thread.join(10)
    assert [p.i for p in found] == [1, 2]
    assert found[1].seconds < 0.3  # waiting does not count


def test_neither_what_is_done_between_steps_counts(engine: Engine, fading: MethodSpec) -> None:
    run = engine.run(ask(2))
    next(run)
    time.sleep(0.3)
    assert next(run).seconds < 0.3


def test_a_job_comes_in_between_the_steps_of_another(engine: Engine, fading: MethodSpec) -> None:
    first = engine.run(ask(3))
    assert next(first).i == 1
    assert [p.i for p in engine.run(ask(2))] == [1, 2]
    assert [p.i for p in first] == [2, 3]


def test_no_more_long_jobs_are_under_way_than_memory_bears(
    engine: Engine, fading: MethodSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_method(monkeypatch, fade, id="quick", params=Steps, pace="live")
    begun = [engine.run(ask(3)) for _ in range(MOST_BEGUN)]
    for run in begun:
        assert next(run).i == 1
    found: list[Progress] = []
    thread = in_background(lambda: found.extend(engine.run(ask(2))))
    assert len(list(engine.run(ask(2, "quick")))) == 2  # what takes a moment need not wait
    thread.join(0.3)
    assert thread.is_alive() and not found
    begun[1].close()
    thread.join(10)
    assert [p.i for p in found] == [1, 2]
    assert [p.i for p in begun[0]] == [2, 3]
    cancel = threading.Event()
    waiting = [*begun[2:], *(engine.run(ask(3)) for _ in range(MOST_BEGUN - 1))]
    for run in waiting:
        next(run)
    cancel.set()
    assert not list(engine.run(ask(2), cancel))


def test_two_jobs_take_turns(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The long one keeps the device at each step until the other has asked."""
    order: list[str] = []

    def long(job: Job) -> Iterator[Step]:
        for i in range(1, 6):
            if i < 4:
                in_line(engine, 2)
            order.append(f"long {i}")
            yield Step(i, 5, job.content)

    def short(job: Job) -> Iterator[Step]:
        for i in (1, 2):
            in_line(engine, 2)  # else it might come twice before the long one asks again
            order.append(f"short {i}")
            yield Step(i, 2, job.content)

    add_method(monkeypatch, long, id="long")
    add_method(monkeypatch, short, id="short")
    params = StylisingParams(size=64)
    threads = []
    for id in ("long", "short"):
        run = engine.run(Request(id, PICTURE, [STYLE], params))
        threads.append(in_background(lambda run=run: list(run)))  # type: ignore[misc]
        in_line(engine, 1)  # threads need not get going in the order of their starts
    for thread in threads:
        thread.join(20)
    # Its last look finds that it has ended, which takes a turn as well.
    long_ones = [f"long {i}" for i in range(1, 6)]
    short_ones = [order.index(f"short {i}") for i in (1, 2)]
    assert [o for o in order if o.startswith("long")] == long_ones and len(order) == 7
    assert short_ones[1] == short_ones[0] + 2


def test_all_that_has_the_device_is_done_in_one_thread(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks: with several, torch's helpers are more than cores, and sleep in between."""
    seen: list[threading.Thread] = []

    def method(job: Job) -> Iterator[Step]:
        for i in (1, 2):
            seen.append(threading.current_thread())
            yield Step(i, 2, job.content)

    def figures(*args: object) -> dict[str, float]:
        seen.append(threading.current_thread())
        return {}

    add_method(monkeypatch, method)
    monkeypatch.setattr(metrics, "figures", figures)
    params, run = StylisingParams(size=64), engine.run(ask())
    paint = engine.painter("fake", SIZE, [STYLE], params, NEVER).paint
    for work in (
        lambda: next(run),
        lambda: next(run),
        lambda: engine.measure(PICTURE, PICTURE, PICTURE, NEVER),
        lambda: paint(FRAMES[:1]),
        lambda: engine.take_turn(lambda: seen.append(threading.current_thread()), NEVER),
    ):
        in_background(work).join(20)
    assert len(seen) == 6 and len(set(seen)) == 1
    assert threading.current_thread() not in seen


def gatys(**knobs: Any) -> GatysParams:
    return GatysParams(**{"size": 64, "steps": 3, "network": "small"} | knobs)


PAIRS: list[tuple[str, Params, Params]] = [
    ("gatys", gatys(), gatys(size=80)),
    ("gatys", gatys(start="noise"), gatys(optimizer="adam", keep_colours=True)),
    ("wct", WctParams(size=64), WctParams(size=64, strength=0.5)),
    ("swap", SwapParams(size=64, refine=3), SwapParams(size=64, refine=3, patch=1)),
    ("adain", AdainParams(size=64, finish="denoise"), AdainParams(size=64, strength=0.3)),
    ("adain", AdainParams(size=64, finish="denoise"), AdainParams(size=80, finish="denoise")),
    ("denoise", DenoiseParams(add="gaussian"), DenoiseParams(add="poisson", seed=3)),
]


@pytest.mark.parametrize(("method", "one", "other"), PAIRS)
def test_jobs_that_take_turns_make_what_they_make_alone(
    method: str, one: Params, other: Params, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = {name: replace(preset, steps=6) for name, preset in denoise.PRESETS.items()}
    monkeypatch.setattr(denoise, "PRESETS", short)
    styles = [[], []] if method == "denoise" else [[STYLE], [StyleChoice(PICTURE)]]
    requests = [
        Request(method, PICTURE, styles[0], one),
        Request(method, PICTURE.rotate(90), styles[1], other),
    ]
    alone = [list(engine.run(request))[-1].image for request in requests]
    assert not torch.equal(alone[0], alone[1])
    steps = itertools.zip_longest(*(engine.run(request) for request in requests))
    last: list[Any] = [None, None]
    for pair in steps:
        last = [found or before for found, before in zip(pair, last, strict=True)]
    for progress, want in zip(last, alone, strict=True):
        torch.testing.assert_close(progress.image, want, rtol=0, atol=1e-6)


def test_jobs_never_overlap(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = 0, 0

    def watched(job: Job) -> Iterator[Step]:
        nonlocal running, most
        for i in range(1, 4):
            running += 1
            most = max(most, running)
            time.sleep(0.01)
            running -= 1
            yield Step(i, 3, job.content)

    add_method(monkeypatch, watched)
    request = Request("fake", PICTURE, [STYLE], StylisingParams(size=64))
    done: list[int] = []
    threads = [in_background(lambda: done.append(len(list(engine.run(request))))) for _ in range(4)]
    for thread in threads:
        thread.join(10)
    assert done == [3] * 4 and most == 1


def test_cancelling_stops_at_the_next_step(engine: Engine, fading: MethodSpec) -> None:
    cancel = threading.Event()
    kept = []
    for progress in engine.run(ask(1000), cancel):
        kept.append(progress)
        if progress.i == 3:
            cancel.set()
    assert [p.i for p in kept] == [1, 2, 3]
    assert kept[-1].picture().size == kept[-1].result().size == (64, 43)
    assert [p.i for p in engine.run(ask(2))] == [1, 2]  # the device is free again


def test_a_coarse_state_becomes_a_result_of_full_size(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def coarse(job: Job) -> Iterator[Step]:
        yield Step(1, 2, job.content[..., ::2, ::2])

    add_method(monkeypatch, coarse)
    (progress,) = engine.run(Request("fake", PICTURE, [STYLE], StylisingParams(size=64)))
    assert progress.picture().size == (32, 22)
    assert progress.result().size == progress.size == (64, 43)
    facts = progress.facts("fake")
    assert (facts["width"], facts["height"]) == (64, 43)


def test_cancelling_from_elsewhere(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(job: Job) -> Iterator[Step]:
        for i in range(1, 1000):
            time.sleep(0.01)
            yield Step(i, 999, job.content)

    add_method(monkeypatch, slow)
    cancel = threading.Event()
    timer = threading.Timer(0.1, cancel.set)
    timer.start()
    progress = list(engine.run(Request("fake", PICTURE, [STYLE], StylisingParams(size=64)), cancel))
    assert 1 <= len(progress) < 500


def test_cancelling_while_waiting(engine: Engine, fading: MethodSpec) -> None:
    cancel, found = threading.Event(), []
    with engine._turns.turn(NEVER):
        thread = in_background(lambda: found.extend(engine.run(ask(2), cancel)))
        in_line(engine, 2)
        cancel.set()
        thread.join(5)
        assert not thread.is_alive() and found == []
    assert [p.i for p in engine.run(ask(1))] == [1]


def test_cancelling_while_waiting_for_a_later_step(engine: Engine, fading: MethodSpec) -> None:
    cancel = threading.Event()
    run = engine.run(ask(3), cancel)
    assert next(run).i == 1  # and this is the result
    rest: list[Progress] = []
    with engine._turns.turn(NEVER):
        thread = in_background(lambda: rest.extend(run))
        in_line(engine, 2)
        cancel.set()
        thread.join(5)
        assert not thread.is_alive() and rest == []
    assert [p.i for p in engine.run(ask(1))] == [1]


def test_cancelled_before_it_began(engine: Engine, fading: MethodSpec) -> None:
    cancel = threading.Event()
    cancel.set()
    assert list(engine.run(ask(3), cancel)) == []
    assert len(list(engine.run(ask(3)))) == 3


def test_closing_frees_the_device_and_the_method(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []

    def tidy(job: Job) -> Iterator[Step]:
        try:
            for i in range(1, 10):
                yield Step(i, 9, job.content)
        finally:
            closed.append(True)

    add_method(monkeypatch, tidy)
    request = Request("fake", PICTURE, [STYLE], StylisingParams(size=64))
    run = engine.run(request)
    next(run)
    run.close()  # type: ignore[attr-defined]
    finished = threading.Event()
    in_background(lambda: (list(engine.run(request)), finished.set()))
    assert finished.wait(5)
    assert len(closed) == 2


def test_closing_while_another_has_the_device(engine: Engine, fading: MethodSpec) -> None:
    run = engine.run(ask(3))
    next(run)
    with engine._turns.turn(NEVER):
        thread = in_background(run.close)  # type: ignore[attr-defined]
        thread.join(5)
        assert not thread.is_alive()
    assert len(engine._turns._line) == 0


def test_nothing_is_done_before_the_first_step_is_asked_for(engine: Engine) -> None:
    engine.run(ask(method="gatys"))  # a generator that nobody reads holds nothing
    params = GatysParams(size=64, steps=1, network="small")
    assert len(list(engine.run(Request("gatys", PICTURE, [STYLE], params)))) == 1
    assert "fake" not in specs.METHODS


# --- frames -------------------------------------------------------------------------------------

SIZE = (80, 64)
FRAMES = [numbered(k, *SIZE) for k in (0, 1)]


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A trained style with random weights; the names that were loaded."""
    loaded: list[str] = []
    net = new_transformer(torch.Generator().manual_seed(2), 8)

    def load_style(name: str) -> dict[str, torch.Tensor]:
        loaded.append(name)
        return net.state_dict()

    monkeypatch.setattr(weights, "load_style", load_style)
    return loaded


def style_of(method: str) -> StyleChoice:
    return StyleChoice(name="mine") if method == "johnson" else STYLE


def painter(engine: Engine, method: str, params: Params, size: tuple[int, int] = SIZE) -> Painter:
    return engine.painter(method, size, [style_of(method)], params, NEVER)


@pytest.mark.parametrize("knobs", [{}, {"strength": 0.4}, {"keep_colours": True}])
@pytest.mark.parametrize("method", ["johnson", "adain"])
def test_frames_are_painted_as_pictures_are(
    method: str,
    knobs: dict[str, Any],
    engine: Engine,
    mine: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frames, "EVERY", 1)  # these are so small that a ninth tells too little
    params = get_spec(method).params(**knobs)
    paint = painter(engine, method, params).paint
    run, runtime = _module(get_spec(method)).run, for_films(engine.device)
    for frame in FRAMES:
        x = tensors.from_pixels(frame)
        (step,) = run(engine._job(x, [style_of(method)], params, [], runtime))
        if method == "adain":  # another style in between
            other = Request("adain", PICTURE, [StyleChoice(PICTURE)], AdainParams(size=64))
            list(engine.run(other))
        (found,) = paint([frame])
        apart = np.abs(found.astype(int) - tensors.to_pixels(step.image))
        assert apart.mean() < 0.7 and np.quantile(apart, 0.99) <= 2
        assert np.abs(found.astype(int) - frame).mean() > 3


@pytest.mark.skipif("openvino" not in available(torch.device("cpu")), reason="no compiling")
@pytest.mark.parametrize("method", ["johnson", "adain"])
def test_a_painter_is_prepared_while_another_has_the_device(
    method: str, engine: Engine, mine: list[str]
) -> None:
    made = painter(engine, method, get_spec(method).params())
    with engine._turns.turn(NEVER):
        assert not made.ready()
        thread = in_background(made.prepare)
        thread.join(20)
        assert not thread.is_alive() and made.ready()
    other = painter(engine, method, get_spec(method).params(), (SIZE[0] + 2, SIZE[1]))
    assert not other.ready()


def test_methods_that_repaint_frame_by_frame_are_always_ready(
    engine: Engine, fading: MethodSpec
) -> None:
    made = painter(engine, "fake", Steps(steps=2))
    assert made.ready()
    made.prepare()
    assert [found.max() for found in made.paint(FRAMES)] == [0, 0]  # faded


def test_preparing_without_memory_is_a_sentence(
    engine: Engine, mine: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = painter(engine, "johnson", JohnsonParams())

    def greedy(width: int, height: int) -> None:
        raise MemoryError

    repaint = engine._trained("mine", for_films(engine.device))
    monkeypatch.setattr(repaint, "make_ready", greedy)
    with pytest.raises(StyleSwapError, match="not enough memory"):
        made.prepare()


def test_a_trained_style_is_loaded_while_another_has_the_device(
    engine: Engine, mine: list[str]
) -> None:
    with engine._turns.turn(NEVER):
        thread = in_background(lambda: painter(engine, "johnson", JohnsonParams()))
        thread.join(20)
        assert not thread.is_alive() and mine == ["mine"]


def test_what_is_done_beside_the_device_leaves_no_thread(
    engine: Engine, mine: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each that computes with torch has helpers, which end with it."""
    seen: list[threading.Thread] = []
    load = weights.load_style

    def look(name: str) -> dict[str, torch.Tensor]:
        seen.append(threading.current_thread())
        return load(name)

    def make_ready(width: int, height: int) -> None:
        seen.append(threading.current_thread())

    monkeypatch.setattr(weights, "load_style", look)
    made = painter(engine, "johnson", JohnsonParams())
    repaint = engine._trained("mine", for_films(engine.device))
    monkeypatch.setattr(repaint, "make_ready", make_ready)
    made.prepare()
    assert len(seen) == 2 and not any(thread.is_alive() for thread in seen)


def test_a_style_that_two_ask_for_is_loaded_once(
    engine: Engine, mine: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go, load = threading.Event(), threading.Event(), weights.load_style

    def slow(name: str) -> dict[str, torch.Tensor]:
        found = load(name)
        begun.set()
        assert go.wait(10)
        return found

    monkeypatch.setattr(weights, "load_style", slow)
    made: list[Painter] = []
    threads = []
    for _ in range(2):
        work = lambda: made.append(painter(engine, "johnson", JohnsonParams()))  # noqa: E731
        threads.append(in_background(work))
        assert begun.wait(10)
    go.set()
    for thread in threads:
        thread.join(20)
    assert len(made) == 2 and mine == ["mine"]
    same = (one.paint(FRAMES[:1])[0] for one in made)
    assert np.array_equal(next(same), next(same))
