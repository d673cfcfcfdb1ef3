"""Frames in, frames out: who is painted for, at what size, by what, and what the route refuses."""

from __future__ import annotations

import asyncio
import io
import json
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import cv2
import gradio as gr
import numpy as np
import pytest
from gradio.routes import App
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from styleswap import live, media, weights
from styleswap.engine import Engine, StyleChoice
from styleswap.errors import StyleSwapError
from styleswap.live import (
    GONE,
    LEAST_RATE,
    SHIFT,
    SIDES,
    SPARE,
    Forbidden,
    Newest,
    Reply,
    Room,
    Seats,
    Stream,
    TooFast,
    Wanted,
    best_side,
    enlarged,
    fitted,
    parse_look,
)
from styleswap.media import Pixels
from styleswap.specs import AdainParams, JohnsonParams, LiveParams, Params, get_spec
from tests.helpers import colourful

PATIENCE = 10  # seconds after which a test hangs


# --- in place of cameras, clocks and engines ----------------------------------------------------


class Clock:
    """Time as `live` sees it: it stands still."""

    now = 1000.25

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    return clock


class Brush:
    """A painter of `Machine`."""

    def __init__(
        self, machine: Machine, method: str, size: tuple[int, int], style: str, params: Params
    ) -> None:
        self.machine, self.method, self.size = machine, method, size
        self.style, self.params = style, params
        self.seconds, self.prepared, self.count = 0.0, 0, 0

    def prepare(self) -> None:
        self.prepared += 1

    def paint(self, frames: Sequence[Pixels]) -> list[Pixels]:
        assert all(frame.shape == (self.size[1], self.size[0], 3) for frame in frames)
        self.machine.began.put(self)
        assert self.machine.door.wait(PATIENCE)
        self.count += 1
        self.seconds = self.machine.cost(self.count)
        return [self.machine.becomes(self.style, frame) for frame in frames]


class Machine:
    """In place of the engine: makes negatives, at prices that are set, and can be held up."""

    def __init__(self) -> None:
        self.made: list[Brush] = []
        self.began: queue.Queue[Brush] = queue.Queue()
        self.door = threading.Event()  # shut, frames wait in the middle of being painted
        self.door.set()
        self.shops: dict[str, threading.Event] = {}  # of a style; shut, it is not made
        self.cost: Callable[[int], float] = lambda n: 1e-4  # seconds of a painter's nth frame
        self.faults: list[Exception] = []
        self.becomes: Callable[[str, Pixels], Pixels] = lambda _, frame: 255 - frame

    def painter(
        self,
        method: str,
        size: tuple[int, int],
        styles: Sequence[StyleChoice],
        params: Params,
        cancel: threading.Event,
    ) -> Brush:
        name = "+".join(style.name or "picture" for style in styles)
        if name in self.shops:
            assert self.shops[name].wait(PATIENCE)
        if self.faults:
            raise self.faults.pop(0)
        self.made.append(Brush(self, method, size, name, params))
        return self.made[-1]


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    yield machine
    for door in (machine.door, *machine.shops.values()):
        door.set()


@pytest.fixture
def room(machine: Machine) -> Room:
    made: Any = machine
    return Room(made)


def look(
    style: str = "udnie",
    method: str = "johnson",
    settings: dict[str, Any] | None = None,
    **more: float,
) -> str:
    """In one style, or several with weights."""
    styles = [[style, 1.0], *([name, weight] for name, weight in more.items())]
    return json.dumps({"method": method, "styles": styles, "settings": settings or {}})


def filmed(width: int = 64, height: int = 48) -> Pixels:
    """So smooth that a JPEG hardly changes it."""
    y, x = np.mgrid[:height, :width]
    waves = 128 + 100 * np.sin((x + 2 * y) * 10 / width)
    pixels = np.stack([x * 255 // width, y * 255 // height, waves], axis=-1)
    return pixels.astype(np.uint8)


def coded(frame: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


FRAME = coded(filmed())


def shown(reply: Reply) -> Pixels:
    with Image.open(io.BytesIO(reply.picture)) as picture:
        assert picture.format == "JPEG"
        return np.asarray(picture.convert("RGB"))


def off(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def in_background(work: Callable[[], Any]) -> Future[Any]:
    done: Future[Any] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return done


def until(true: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.001)


# --- looks --------------------------------------------------------------------------------------


def test_a_look_is_read() -> None:
    found = parse_look(
        look("udnie", "johnson", {"strength": 0.5, "size": "320x240", "split": True})
    )
    assert (found.spec, found.styles) == (get_spec("johnson"), (("udnie", 1.0),))
    assert found.params == JohnsonParams(strength=0.5)  # the size is the stream's, not the method's
    assert found.live == LiveParams(size="320x240", split=True)
    found = parse_look(look("key", "adain", {"style_scale": 2}))
    assert found.params == AdainParams(style_scale=2.0) and found.live == LiveParams()
    # At the end of a slider it is a mixture still.
    found = parse_look(look("udnie", ink=0.25, waves=0, swirls=math.nan))
    least = live.LEAST_WEIGHT
    assert found.styles == (("udnie", 1), ("ink", 0.25), ("waves", least), ("swirls", least))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        *((text, "A look is {") for text in ("", "{", "null", "[]", "1", '"method"', "[" * 10**5)),
        *((text, "A look is {") for text in ("NaN", "\0", "{}", '{"method": "johnson"}')),
        ('{"method": "johnson", "styles": [["udnie", 1]]}', "A look is {"),
        ('{"method": "johnson", "styles": [["udnie", 1]], "settings": []}', "A look is {"),
        *(
            (f'{{"method": "johnson", "styles": {styles}, "settings": {{}}}}', "A look is {")
            for styles in ("null", '"udnie"', '["udnie"]', '[["udnie"]]', "[[1, 1]]", "[[[], 1]]")
        ),
        ('{"method": "johnson", "styles": [["udnie", null]], "settings": {}}', "A look is {"),
        ('{"method": ["johnson"], "styles": [["udnie", 1]], "settings": {}}', "A look is {"),
        (f'{{"method": "johnson", "styles": [], "settings": {"[" * 10**5}}}', "A look is {"),
        (look(settings={"steady": [[[]]]}), "steady must be a number from 0 to 1, not [[[]]]."),
        (look(settings={"steady": math.nan}), "steady must be a number from 0 to 1, not nan."),
        (look(settings={"strength": 1.01}), "strength must be a number from 0 to 1, not 1.01."),
        (look(settings={"mirror": 1}), "mirror must be true or false, not 1."),
        (look(settings={"size": "999x999"}), "size must be one of auto, 320x240, "),
        (look(settings={"finish": "denoise"}), "A webcam by johnson has no setting called finish."),
        (look(settings={"levels": 1}), "A webcam by johnson has no setting called levels."),
        (look(settings={"stedy": 1}), "no setting called stedy. Did you mean steady?"),
        (look(method="nope"), "There is no method called 'nope'; choose one of "),
        (look(method="gatys"), "gatys is too slow for a webcam; choose one of johnson, meta, "),
        (look(method="wct"), "wct is too slow for a webcam; choose one of johnson, meta, "),
        (look(method="denoise"), "denoise is too slow for a webcam; choose "),
    ],
)  # fmt: skip
def test_what_is_no_look_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(StyleSwapError) as error:
        parse_look(text)
    said = str(error.value)
    assert sentence in said and said[-1] in ".?" and "\n" not in said


def test_random_text_is_no_look() -> None:
    dice = np.random.default_rng(0)
    whole = look(settings={"strength": 0.5, "size": "auto", "mirror": True})
    for _ in range(500):
        text = list(whole)
        for _ in range(dice.integers(1, 4)):
            text[dice.integers(len(text))] = chr(dice.integers(32, 127))
        try:
            found = parse_look("".join(text))
        except StyleSwapError as error:
            assert "\n" not in str(error)
        else:
            assert found.spec in live.live_methods()


# --- sizes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "side", "want"),
    [
        ((640, 480), 320, (320, 240)),
        ((480, 640), 320, (240, 320)),
        ((1280, 720), 480, (480, 270)),
        ((1280, 720), 400, (400, 224)),  # 225 is odd
        ((640, 480), 640, (640, 480)),
        ((640, 480), 1280, (640, 480)),
        ((320, 16), 160, (160, 16)),
    ],
)
def test_fitted_by_hand(size: tuple[int, int], side: int, want: tuple[int, int]) -> None:
    assert fitted(size, side) == want


def test_fitted_keeps_proportions_and_is_even() -> None:
    dice = np.random.default_rng(1)
    for _ in range(2000):
        width, height = (int(n) for n in dice.integers(media.MIN_SIDE, 1281, 2))
        side = int(dice.integers(64, 1281))
        got = fitted((width, height), side)
        shrink = min(1, side / max(width, height))
        for have, before in zip(got, (width, height), strict=True):
            assert have % 2 == 0 and have >= media.MIN_SIDE
            assert have <= before + 1  # to be even
            assert abs(have - before * shrink) < 2 or have == media.MIN_SIDE
        assert max(got) <= side + 1


def test_the_largest_size_in_time() -> None:
    sides, costs = (320, 400, 480), (0.01, 0.02, 0.04)
    for limit, want in ((1, 480), (0.04, 480), (0.039, 400), (0.02, 400), (0.019, 320), (0, 320)):
        assert best_side(sides, costs, limit, None) == want
        assert best_side(sides, costs, limit, 480) == want  # none is larger


def test_a_larger_size_must_be_cheap_and_may_then_stay() -> None:
    sides, costs = (320, 400, 480), (0.01, 0.02, 0.04)
    assert best_side(sides, costs, 0.04, 400) == 400
    assert best_side(sides, costs, 0.04 / SPARE - 1e-6, 400) == 400
    assert best_side(sides, costs, 0.04 / SPARE + 1e-6, 400) == 480
    assert best_side(sides, costs, 0.04, 480) == 480
    assert best_side(sides, costs, 0.02 / SPARE + 1e-6, 320) == 400  # 480 is out of reach
    assert best_side(sides, costs, 1e-9, 400) == 320


def test_sizes_do_not_go_to_and_fro() -> None:
    dice = np.random.default_rng(2)
    for _ in range(200):
        cost, now, changes = dice.uniform(1e-8, 3e-6), SIDES[2], 0
        for k in range(40):
            noisy = cost * (1 + dice.uniform(-1, 1) * (1 - SPARE) / 3)
            costs = [noisy * side * side * 0.75 for side in SIDES]
            new = best_side(SIDES, costs, 0.04, now)
            changes += new != now and k > 0
            now = new
        assert changes <= 1


# --- enlarging ----------------------------------------------------------------------------------


def around(pixels: Pixels, far: int) -> tuple[Pixels, Pixels]:
    """The lowest and the highest of each pixel and its neighbours up to `far` pixels away."""
    wide = np.pad(pixels, ((far, far), (far, far), (0, 0)), "edge")
    height, width = pixels.shape[:2]
    reach = range(2 * far + 1)
    near = [wide[y : y + height, x : x + width] for y in reach for x in reach]
    return np.min(near, 0), np.max(near, 0)


def nearest(pixels: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT))


def cubic(pixels: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC))


def test_enlarged_is_never_lighter_or_darker_than_around_it() -> None:
    dice = np.random.default_rng(3)
    for _ in range(30):
        width, height = (int(n) for n in dice.integers(16, 60, 2))
        pixels = dice.integers(0, 256, (height, width, 3)).astype(np.uint8)
        large = (int(width * dice.uniform(1, 3)), int(height * dice.uniform(1, 3)))
        made = enlarged(pixels, *large)
        lowest, highest = (nearest(bound, *large) for bound in around(pixels, 2))
        assert made.shape == (large[1], large[0], 3) and made.dtype == np.uint8
        assert (made >= lowest).all() and (made <= highest).all()


@pytest.mark.parametrize("times", [4 / 3, 2, 3])
@pytest.mark.parametrize(("dark", "light"), [(0, 255), (60, 190)])
def test_enlarged_edges_are_steeper_and_have_no_halo(dark: int, light: int, times: float) -> None:
    pixels = np.full((30, 30, 3), dark, np.uint8)
    pixels[:, 15:] = light
    side = round(30 * times)
    plain, made = (f(pixels, side, side)[side // 2, :, 0].astype(int) for f in (cubic, enlarged))
    assert np.diff(made).max() > 1.15 * np.diff(plain).max()
    assert dark == made.min() and made.max() == light
    assert made[: side // 3].tolist() == [dark] * (side // 3)  # far from it nothing changes
    assert made[-(side // 3) :].tolist() == [light] * (side // 3)


def test_enlarged_flat_stays_flat() -> None:
    flat = np.full((20, 30, 3), (7, 130, 250), np.uint8)
    assert (enlarged(flat, 45, 31) == (7, 130, 250)).all()


# --- seats --------------------------------------------------------------------------------------


def test_first_come_first_seated() -> None:
    seats = Seats()
    assert [seats.place(who, 2, 0) for who in "ABCD"] == [0, 0, 1, 2]
    assert [seats.place(who, 2, 1) for who in "DCBA"] == [2, 1, 0, 0]  # whoever asks first
    seats.leave("A")
    assert [seats.place(who, 2, 2) for who in "DCB"] == [2, 0, 0]
    assert seats.place("D", 2, 2) == 1
    seats.leave("D")
    seats.leave("nobody")
    assert [seats.place(who, 2, 3) for who in "ED"] == [1, 2]


def test_who_is_gone_has_no_seat_and_no_place() -> None:
    seats = Seats()
    assert [seats.place(who, 1, 0) for who in "ABC"] == [0, 1, 2]
    assert [seats.place(who, 1, GONE) for who in "AC"] == [0, 2]  # not yet
    assert [seats.place(who, 1, GONE + 0.1) for who in "AC"] == [0, 1]
    assert seats.place("B", 1, GONE + 0.1) == 2  # at the end of the line
    assert seats.place("C", 1, 2 * GONE + 0.2) == 0  # A went
    assert seats.place("A", 1, 2 * GONE + 0.2) == 1


def test_a_seat_is_passed_on_only_when_somebody_waits() -> None:
    seats, now = Seats(), 0.0
    while now < 2 * SHIFT:
        assert seats.place("A", 1, now) == 0
        now += 0.9 * GONE
    assert seats.place("B", 1, now) == 1
    assert seats.place("A", 1, now) == 2
    assert seats.place("B", 1, now) == 0
    began = now
    while now <= began + SHIFT:
        assert (seats.place("B", 1, now), seats.place("A", 1, now)) == (0, 1)
        now += 0.9 * GONE
    assert (seats.place("B", 1, now), seats.place("A", 1, now)) == (2, 0)


def test_a_room_that_shrinks_turns_nobody_out_before_its_time() -> None:
    seats = Seats()
    assert [seats.place(who, 3, 0) for who in "ABC"] == [0, 0, 0]
    assert [seats.place(who, 1, 1) for who in "ABCD"] == [0, 0, 0, 1]
    seats.leave("A")
    assert seats.place("D", 1, 2) == 1
    seats.leave("B")
    assert seats.place("D", 1, 3) == 1
    seats.leave("C")
    assert seats.place("D", 1, 4) == 0


def test_a_room_that_grows_takes_in_who_waits() -> None:
    seats = Seats()
    assert [seats.place(who, 1, 0) for who in "ABCD"] == [0, 1, 2, 3]
    assert [seats.place(who, 3, 1) for who in "DCBA"] == [3, 0, 0, 0]


def test_never_more_seats_than_room_and_everybody_gets_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "SHIFT", 20.0)
    dice = np.random.default_rng(4)
    for _ in range(60):
        room, people = int(dice.integers(1, 5)), [*range(dice.integers(1, 10))]
        seats, now, served = Seats(), 0.0, []
        for _ in range(200):
            now += dice.uniform(0, 0.9 * GONE)
            for who in dice.permutation(people):
                place = seats.place(who, room, now)
                assert len(seats.taken) <= room and not seats.taken.keys() & seats.line.keys()
                assert 0 <= place <= len(seats.line) and (place == 0) == (who in seats.taken)
                if not place and who not in served:
                    served.append(who)
            assert len(seats.taken) + len(seats.line) == len(people)
            if len(served) == len(people):
                break
        assert sorted(served) == people


# --- turns --------------------------------------------------------------------------------------


class Visitor:
    """A thread that wants a turn and holds it until it may go."""

    def __init__(self, newest: Newest) -> None:
        self.began: queue.Queue[bool] = queue.Queue()
        self.may_go = threading.Event()
        self.end = in_background(lambda: self._visit(newest))

    def _visit(self, newest: Newest) -> bool:
        with newest.turn() as mine:
            self.began.put(mine)
            return not mine or self.may_go.wait(PATIENCE)


def arriving(newest: Newest, come: Callable[[], Any]) -> Any:
    """Who comes while another holds the turn, as soon as it waits for the next."""
    before = newest._line[1:]
    who = come()
    until(lambda: newest._line[1:] not in ([], before))
    return who


def test_while_one_holds_the_turn_the_newest_waits_for_it() -> None:
    newest = Newest()
    first = Visitor(newest)
    assert first.began.get(timeout=PATIENCE)
    late = [arriving(newest, lambda: Visitor(newest)) for _ in range(3)]
    assert all(visitor.began.empty() for visitor in late)  # it is told with the next turn
    first.may_go.set()
    assert [visitor.began.get(timeout=PATIENCE) for visitor in late] == [False, False, True]
    late[2].may_go.set()
    assert late[2].end.result(PATIENCE)
    last = Visitor(newest)  # and then it is free
    assert last.began.get(timeout=PATIENCE)
    last.may_go.set()


def test_a_turn_ends_with_an_error() -> None:
    newest = Newest()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), newest.turn() as mine:
            assert mine
            _ = 1 / 0


def test_turns_never_overlap_and_nobody_waits_for_ever() -> None:
    newest, inside, most = Newest(), 0, 0

    def visit() -> bool:
        nonlocal inside, most
        with newest.turn() as mine:
            if mine:
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1
        return mine

    visits = [in_background(visit) for _ in range(200)]
    served = sum(visit.result(PATIENCE) for visit in visits)
    assert most == 1 and served >= 2  # whoever came first, and whoever came last


# --- streams ------------------------------------------------------------------------------------


def test_too_many_frames_a_second(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_RATE", 3)
    stream = Stream(None)
    for _ in range(2):
        for _ in range(3):
            stream.count()
        for _ in range(2):
            with pytest.raises(TooFast):
                stream.count()
        clock.now += 1
        assert stream.seen == clock.now - 1


def test_a_look_is_read_once_until_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(text: str) -> live.Look:
        read.append(text)
        return parse_look(text)

    monkeypatch.setattr(live, "parse_look", noted)
    stream = Stream(None)
    texts = [look("a"), look("a"), look("b"), look("b"), look("a")]
    assert [stream.look(text).styles[0][0] for text in texts] == ["a", "a", "b", "b", "a"]
    assert read == [look("a"), look("b"), look("a")]
    for _ in range(2):
        with pytest.raises(StyleSwapError):
            stream.look("{")
    assert stream.look(look("a")).styles == (("a", 1.0),) and len(read) == 5


def test_style_pictures_are_named_by_their_keys() -> None:
    stream = Stream(None)
    for key in ("", "x"):
        with pytest.raises(StyleSwapError, match="no style picture yet; choose one"):
            stream.styles(parse_look(look(key, "adain")))
    one, other = colourful(1000, 500), colourful(50, 90)
    (first,) = stream.show([one])
    assert stream.show([None, other, one])[2] == first  # the same while it is shown
    nothing, second = stream.show([None, other])
    assert nothing == "" and first != second
    with pytest.raises(StyleSwapError):
        stream.styles(parse_look(look(first, "adain")))
    with pytest.raises(StyleSwapError):
        stream.styles(parse_look(look(second, "adain", **{first: 1.0})))
    stream.show([one, other])
    styles = stream.styles(parse_look(look(second, "adain", **{first: 0.5})))
    assert [(s.weight, s.name) for s in styles] == [(1.0, None), (0.5, None)]
    sizes = [s.picture.size for s in styles if s.picture]
    assert sizes == [(356, live.LONGEST_PICTURE), (live.LONGEST_PICTURE, 320)]
    styles = stream.styles(parse_look(look("udnie", ink=0.5)))
    assert [(s.name, s.picture, s.weight) for s in styles] == [
        ("udnie", None, 1),
        ("ink", None, 0.5),
    ]


VGA, AUTO = (640, 480), LiveParams()


@pytest.fixture
def ladder(monkeypatch: pytest.MonkeyPatch) -> tuple[int, ...]:
    """Round numbers to reckon with, whatever suits people best."""
    numbers = {"TARGET_RATE": 25.0, "LEAST_RATE": 8.0, "SPARE": 0.8, "CALM": 0.0}
    for name, number in numbers.items():
        monkeypatch.setattr(live, name, number)
    monkeypatch.setattr(live, "SIDES", (320, 400, 480, 560, 640))
    return live.SIDES


def test_auto_begins_in_the_middle(ladder: tuple[int, ...]) -> None:
    assert Stream(None).size(VGA, AUTO, 0, 1) == (480, 360)
    assert Stream(None).size((480, 640), AUTO, 0, 9) == (360, 480)
    assert Stream(None).size((1280, 720), AUTO, 0, 1) == (560, 316)
    assert Stream(None).size((350, 200), AUTO, 0, 1) == (350, 200)


def test_auto_keeps_up_by_hand(ladder: tuple[int, ...]) -> None:
    stream, cost = Stream(None), 1e-7  # 320: 7.7 ms, 400: 12, 480: 17.3, 560: 23.5, 640: 30.7
    sides = [stream.size(VGA, AUTO, cost, people)[0] for people in (1, 2, 3, 2, 1, 50)]
    # Of 40 ms, 20, 13.3, 20 of which 16 may be risked, 40, 0.8.
    assert sides == [640, 480, 400, 400, 640, 320]


def test_auto_obeys_the_rate_it_holds(ladder: tuple[int, ...]) -> None:
    dice = np.random.default_rng(5)
    for _ in range(300):
        stream, people = Stream(None), int(dice.integers(1, 6))
        frame = (VGA, VGA[::-1], (1280, 720), (352, 288))[dice.integers(4)]
        for _ in range(4):
            cost = float(np.exp(dice.uniform(math.log(1e-9), math.log(1e-5))))
            size = stream.size(frame, AUTO, cost, people)
            rate = 1 / (cost * math.prod(size) * people)
            assert rate >= 24.99 or max(size) == 320
            larger = [s for s in (*ladder, max(frame)) if max(size) < s <= max(frame)]
            if larger:  # the next one would not have done, or not safely
                pixels = math.prod(fitted(frame, larger[0]))
                assert cost * pixels * people > 0.8 * 0.04 * 0.999


def test_a_larger_size_is_not_tried_soon_after_a_change(
    ladder: tuple[int, ...], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CALM", 8.0)
    stream, cheap, dear = Stream(None), 1e-9, 3.5e-7

    def side(cost: float, wait: float) -> int:
        clock.now += wait
        return stream.size(VGA, AUTO, cost, 1)[0]

    assert [side(0, 0), side(cheap, 7.9), side(cheap, 0.2)] == [480, 480, 640]
    assert [side(dear, 0.1), side(cheap, 7.9), side(cheap, 0.2)] == [320, 320, 640]
    # Nothing larger than the camera's own frames is ever in the way.
    assert stream.size((352, 288), AUTO, cheap, 1) == (352, 288)
    assert stream.size(VGA, AUTO, cheap, 1) == VGA


def test_a_size_that_was_chosen_is_obeyed(ladder: tuple[int, ...]) -> None:
    hd = (1280, 720)
    for text, frame, want in (
        ("320x240", VGA, (320, 240)),
        ("640x480", VGA, VGA),
        ("1280x720", VGA, VGA),
        ("960x720", hd, (960, 540)),
        ("320x240", (480, 640), (240, 320)),
    ):
        for fps in (0, 12, 20, 1000):
            cost = 1 / (fps * math.prod(want)) if fps else 0.0
            assert Stream(None).size(frame, LiveParams(size=text), cost, 1) == want


def test_a_size_that_was_chosen_gives_way_where_many_share(ladder: tuple[int, ...]) -> None:
    stream, wish = Stream(None), LiveParams(size="640x480")
    cost = 1 / (20 * math.prod(VGA))
    sides = [stream.size(VGA, wish, cost, people)[0] for people in (1, 2, 3, 4, 100)]
    assert sides == [640, 640, 560, 480, 320]
    assert 20 / 3 < 8 < 20 / 3 * (640 / 560) ** 2


def test_frames_smaller_than_the_ladder() -> None:
    for cost in (0.0, 1e-9, 1e-3):
        assert Stream(None).size((200, 150), AUTO, cost, 5) == (200, 150)
        assert Stream(None).size((200, 150), LiveParams(size="640x480"), cost, 5) == (200, 150)


def test_a_size_has_settled_when_it_lasts(clock: Clock) -> None:
    stream = Stream(None)
    stream.size(VGA, AUTO, 0, 1)
    clock.now += live.SETTLED - 0.1
    stream.size(VGA, AUTO, 0, 1)
    assert not stream.settled
    clock.now += 0.2
    stream.size(VGA, AUTO, 0, 1)
    assert stream.settled
    stream.size((352, 288), AUTO, 0, 1)
    assert not stream.settled


def painter(
    stream: Stream, style: str, make: Callable[[], Any], size: tuple[int, int] = VGA
) -> Any:
    return stream.painter(Wanted("johnson", ((style, 1.0),), JohnsonParams(), size), make)


class Workshop:
    """Where a stream has its painters made: each is ready when a test says so."""

    def __init__(self) -> None:
        self.orders: list[Future[Any]] = []

    def __call__(self) -> Future[Any]:
        self.orders.append(Future())
        return self.orders[-1]


def ready(what: object) -> Future[Any]:
    done: Future[Any] = Future()
    done.set_result(what)
    return done


def test_what_paints_stays_until_the_next_is_ready() -> None:
    stream, shop = Stream(None), Workshop()
    assert painter(stream, "a", lambda: ready("A")) == "A"
    assert painter(stream, "a", shop) == "A" and not shop.orders
    for _ in range(3):
        assert painter(stream, "b", shop) == "A"
    (order,) = shop.orders  # made once
    order.set_result("B")
    assert painter(stream, "b", shop) == "B"
    assert painter(stream, "b", shop) == "B" and len(shop.orders) == 1


def test_another_wish_takes_the_place_of_one_that_is_not_ready() -> None:
    stream, shop = Stream(None), Workshop()
    painter(stream, "a", lambda: ready("A"))
    assert [painter(stream, s, shop) for s in "bc"] == ["A", "A"]
    b, c = shop.orders
    b.set_result("B")
    assert painter(stream, "c", shop) == "A"
    c.set_result("C")
    assert painter(stream, "c", shop) == "C" and len(shop.orders) == 2


def test_the_first_painter_is_waited_for() -> None:
    stream, shop = Stream(None), Workshop()
    got = in_background(lambda: painter(stream, "a", shop))
    until(lambda: bool(shop.orders))
    assert not got.done()
    shop.orders[0].set_result("A")
    assert got.result(PATIENCE) == "A"


@pytest.mark.parametrize("size", [(480, 640), (640, 360)])
def test_one_of_other_proportions_is_waited_for(size: tuple[int, int]) -> None:
    stream, shop = Stream(None), Workshop()
    painter(stream, "a", lambda: ready("A"))
    got = in_background(lambda: painter(stream, "b", shop, size))
    until(lambda: bool(shop.orders))
    assert not got.done()
    shop.orders[0].set_result("B")
    assert got.result(PATIENCE) == "B"


@pytest.mark.parametrize("size", [(320, 240), (400, 300), (480, 362)])
def test_one_of_another_size_is_not(size: tuple[int, int]) -> None:
    stream, shop = Stream(None), Workshop()
    painter(stream, "a", lambda: ready("A"))
    assert painter(stream, "a", shop, size) == "A" and len(shop.orders) == 1


@pytest.mark.parametrize("slider", ["strength", "weight"])
def test_a_slider_is_seen_to_move(slider: str) -> None:
    stream, asked = Stream(None), []

    def wanted(value: float) -> Wanted:
        params = JohnsonParams(strength=value if slider == "strength" else 1.0)
        return Wanted("johnson", (("a", 1.0), ("b", value)), params, (64, 48))

    def begin(value: float) -> Any:
        found: Future[Any] = Future()
        asked.append((value, found))
        return stream.painter(wanted(value), lambda: found)

    stream.painter(wanted(1.0), lambda: ready("1.0"))
    assert [begin(0.9), begin(0.8), begin(0.7)] == ["1.0"] * 3
    asked[0][1].set_result("0.9")
    assert begin(0.6) == "0.9"  # and that is what is made next
    asked[3][1].set_result("0.6")
    assert begin(0.6) == "0.6"


@pytest.mark.parametrize("at_first", [True, False])
def test_what_cannot_be_made_is_said_once_and_tried_anew(at_first: bool) -> None:
    stream, shop = Stream(None), Workshop()
    if not at_first:
        painter(stream, "a", lambda: ready("A"))
    failed: Future[Any] = Future()
    failed.set_exception(StyleSwapError("No."))
    with pytest.raises(StyleSwapError, match="No"):
        painter(stream, "b", lambda: failed)
    if not at_first:
        assert painter(stream, "a", shop) == "A" and not shop.orders
        assert painter(stream, "b", shop) == "A" and len(shop.orders) == 1
        shop.orders[0].set_result("B")
    assert painter(stream, "b", lambda: ready("B")) == "B"


class Flat:
    """A painter whose frames are of one grey each."""

    def __init__(self, size: tuple[int, int], *greys: int) -> None:
        self.size, self.greys, self.seconds = size, list(greys), 0.0
        self.given: list[Pixels] = []

    def paint(self, frames: Sequence[Pixels]) -> list[Pixels]:
        self.given += frames
        return [np.full_like(frame, self.greys.pop(0)) for frame in frames]


def greys(stream: Stream, painter: Any, frame: Pixels, steady: float, n: int) -> list[float]:
    return [round(float(stream.paint(painter, frame, steady)[0].mean())) for _ in range(n)]


def test_frames_are_shrunk_to_what_the_painter_takes() -> None:
    dice = np.random.default_rng(6)
    frame = dice.integers(0, 256, (48, 64, 3)).astype(np.uint8)
    painter: Any = Flat((32, 24), 9, 9)
    made, *_ = Stream(None).paint(painter, frame, 0.0)
    assert made.shape == painter.given[0].shape == (24, 32, 3)
    means = frame.reshape(24, 2, 32, 2, 3).mean((1, 3))
    assert np.abs(painter.given[0] - means).max() <= 1
    whole: Any = Flat((64, 48), 9)
    Stream(None).paint(whole, frame, 0.0)
    assert (whole.given[0] == frame).all()


def test_a_painter_s_first_frame_is_told_from_its_next() -> None:
    stream, frame = Stream(None), filmed()
    one: Any = Flat((64, 48), *[9] * 9)
    two: Any = Flat((64, 48), *[9] * 9)
    order = [one, one, one, two, two, one]
    again = [stream.paint(painter, frame, 0.0)[2] for painter in order]
    assert again == [False, True, True, False, True, False]


def test_waiting_for_the_device_does_not_count_and_all_else_does(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resized(*given: Any, **more: Any) -> Any:
        clock.now += 0.5
        return resize(*given, **more)

    resize, stream = cv2.resize, Stream(None)
    monkeypatch.setattr(cv2, "resize", resized)

    class Waiting(Flat):
        def paint(self, frames: Sequence[Pixels]) -> list[Pixels]:
            self.seconds = 2.0
            clock.now += 30.0
            return super().paint(frames)

    slow: Any = Waiting((32, 24), 9)
    assert stream.paint(slow, filmed(), 0.0)[1] == pytest.approx(2.5)


def test_steadiness_holds_a_stream_and_begins_anew_with_a_painter() -> None:
    stream, frame = Stream(None), filmed(160, 120)
    one: Any = Flat((160, 120), 100, 140, 60, 100, 140)
    two: Any = Flat((160, 120), 200, 100)
    assert greys(stream, one, frame, 1.0, 3) == [100, 100, 100]
    assert greys(stream, two, frame, 1.0, 2) == [200, 200]
    assert greys(stream, one, frame, 0.5, 2) == [100, pytest.approx(120, abs=3)]
    assert greys(stream, Flat((160, 120), 100, 140), frame, 0.0, 2) == [100, 140]
    other = Stream(None)
    half: Any = Flat((160, 120), 100, 140, 180)
    assert greys(other, half, frame, 0.5, 2) == [100, pytest.approx(120, abs=3)]
    assert greys(other, half, frame, 1.0, 1) == [180]  # another strength begins anew, too


# --- rooms --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 48), (63, 47), (48, 64), (640, 480), (1280, 720)])
def test_a_frame_comes_back_repainted_at_its_own_size(
    size: tuple[int, int], room: Room, machine: Machine, clock: Clock
) -> None:
    frame = filmed(*size)
    reply = room.frame(room.enter("s", None), coded(frame), look())
    made = shown(reply)
    assert made.shape == frame.shape and reply.place == 0
    assert off(made, 255 - frame) < 6 < 60 < off(frame, 255 - frame)
    (brush,) = machine.made
    assert reply.facts == {"size": brush.size, "styles": (("udnie", 1.0),), "ms": 0.1, "rate": None}
    assert (brush.method, brush.style, brush.params) == ("johnson", "udnie", JohnsonParams())
    assert brush.prepared == 1


def test_a_frame_that_is_painted_smaller_is_enlarged_again(room: Room, machine: Machine) -> None:
    frame = filmed(640, 480)
    text = look(settings={"size": "320x240"})
    reply = room.frame(room.enter("s", None), coded(frame), text)
    assert reply.facts is not None and reply.facts["size"] == machine.made[0].size == (320, 240)
    assert off(shown(reply), 255 - frame) < 4


def test_of_frames_that_wait_for_one_s_turn_one_is_painted(room: Room, machine: Machine) -> None:
    stream = room.enter("s", None)
    machine.door.clear()
    first = in_background(lambda: room.frame(stream, FRAME, look()))
    machine.began.get(timeout=PATIENCE)
    late = [
        arriving(stream.newest, lambda: in_background(lambda: room.frame(stream, FRAME, look())))
        for _ in range(4)
    ]
    assert not first.done()
    machine.door.set()
    assert first.result(PATIENCE).picture and late[3].result(PATIENCE).picture
    assert [reply.result(PATIENCE) for reply in late[:3]] == [Reply()] * 3
    assert machine.began.qsize() == 1


def test_two_pages_both_get_their_frames(room: Room, machine: Machine) -> None:
    machine.becomes = lambda style, frame: np.full_like(frame, len(style))

    def page(session: str, style: str) -> list[float]:
        stream = room.enter(session, None)
        return [
            float(shown(room.frame(stream, FRAME, look(style))).mean().round()) for _ in range(30)
        ]

    pages = [in_background(lambda n=n: page(f"{n}", "x" * n)) for n in (50, 200)]  # type: ignore[misc]
    assert [page.result(PATIENCE) for page in pages] == [[50.0] * 30, [200.0] * 30]


def test_a_style_that_takes_long_to_get_ready_holds_nobody_up(room: Room, machine: Machine) -> None:
    machine.becomes = lambda style, frame: np.full_like(frame, {"quick": 50, "slow": 200}[style])
    machine.shops["slow"] = threading.Event()
    one, two = room.enter("1", None), room.enter("2", None)

    def grey(stream: Stream, style: str) -> float:
        return float(shown(room.frame(stream, FRAME, look(style))).mean().round())

    assert grey(one, "quick") == grey(two, "quick") == 50
    first = in_background(lambda: grey(room.enter("3", None), "slow"))
    assert [grey(one, "slow"), grey(two, "quick"), grey(one, "slow")] == [50, 50, 50]
    assert not first.done()
    machine.shops["slow"].set()
    assert first.result(PATIENCE) == 200
    until(lambda: grey(one, "slow") == 200)
    assert grey(two, "quick") == 50


def test_the_facts_name_the_styles_that_are_painted(room: Room, machine: Machine) -> None:
    machine.shops["b"] = threading.Event()
    stream = room.enter("s", None)

    def style(text: str) -> str:
        facts = room.frame(stream, FRAME, look(text)).facts
        assert facts is not None
        ((name, _),) = facts["styles"]
        return str(name)

    assert [style("a"), style("a"), style("b"), style("b")] == ["a"] * 4
    machine.shops["b"].set()
    until(lambda: style("b") == "b")
    assert machine.made[-1].count == 1


def test_what_a_frame_costs_is_learnt_from_a_painter_s_second_on(
    room: Room, machine: Machine, clock: Clock
) -> None:
    stream = room.enter("s", None)
    machine.cost = lambda n: 5.0 if n == 1 else 0.02

    def rate(style: str) -> float | None:
        facts = room.frame(stream, FRAME, look(style)).facts
        assert facts is not None and facts["size"] == (64, 48)
        found: float | None = facts["rate"]
        return found

    assert [rate("a") for _ in range(3)] == [None, 50.0, 50.0]
    machine.cost = lambda n: 5.0 if n == 1 else 0.04
    assert rate("a") == pytest.approx(1 / 0.022, abs=0.1)  # a tenth of what is new
    machine.cost = lambda n: 5.0 if n == 1 else 0.022
    until(lambda: rate("b") is not None and machine.made[-1].count > 2)
    assert rate("b") == pytest.approx(1 / 0.022, abs=0.1)


def test_who_shares_the_machine_shares_the_rate(room: Room, machine: Machine, clock: Clock) -> None:
    machine.cost = lambda n: 0.001
    one, two = room.enter("1", None), room.enter("2", None)
    rates = []
    for stream in (one, one, two, one):
        facts = room.frame(stream, FRAME, look()).facts
        assert facts is not None
        rates.append(facts["rate"])
    assert rates == [None, 1000.0, 500.0, 500.0]
    room.leave("2")
    facts = room.frame(one, FRAME, look()).facts
    assert facts is not None and facts["rate"] == 1000.0


def test_a_full_room_gives_places(
    room: Room, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_PEOPLE", 1)
    one, two, three = (room.enter(name, None) for name in "123")
    assert room.frame(one, FRAME, look()).picture
    assert room.frame(two, FRAME, look()) == Reply(place=1)
    assert room.frame(three, b"not even looked at", look()) == Reply(place=2)
    assert room.frame(one, FRAME, look()).picture
    room.leave("1")
    assert room.frame(three, FRAME, look()) == Reply(place=2)
    assert room.frame(two, FRAME, look()).picture
    assert room.frame(three, FRAME, look()) == Reply(place=1)


@pytest.mark.parametrize(("seconds", "people"), [(0.004, 1), (0.002, 2), (0.001, 5), (1.0, 1)])
def test_a_slow_machine_has_room_for_few(
    seconds: float, people: int, room: Room, machine: Machine, clock: Clock
) -> None:
    machine.cost = lambda n: (
        seconds
    )  # of 64 x 48; the smallest that `auto` paints has 25 times as many
    assert people == max(1, int(1 / (LEAST_RATE * 25 * seconds)))
    streams = [room.enter(f"{k}", None) for k in range(people + 2)]
    for _ in range(2):
        assert room.frame(streams[0], FRAME, look()).picture
    places = [room.frame(stream, FRAME, look()).place for stream in streams]
    assert places == [0] * people + [1, 2]
    room.leave("0")
    assert room.frame(streams[people], FRAME, look()).picture


def test_who_does_not_come_back_loses_the_place(
    room: Room, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_PEOPLE", 1)
    one, two = room.enter("1", None), room.enter("2", None)
    assert [room.frame(stream, FRAME, look()).place for stream in (one, two)] == [0, 1]
    clock.now += GONE + 1
    assert [room.frame(stream, FRAME, look()).place for stream in (two, one)] == [0, 1]


def test_a_page_is_known_by_its_ticket(room: Room) -> None:
    one, two = room.enter("1", None), room.enter("2", "ann")
    assert room.enter("1", None) is one and room.find(one.ticket, None) is one
    assert room.find(two.ticket, "ann") is two and one.ticket != two.ticket
    assert len(one.ticket) >= 20
    for ticket, user in (
        *((two.ticket, None), (two.ticket, "bob"), (one.ticket, "ann"), ("", None)),
        *((one.ticket[:-1], None), (one.ticket + "x", None), ("ÿ", None), ("1", None)),
    ):
        with pytest.raises(Forbidden):
            room.find(ticket, user)
    room.leave("1")
    room.leave("nobody")
    with pytest.raises(Forbidden):
        room.find(one.ticket, None)
    assert room.enter("1", None).ticket != one.ticket


def test_a_page_that_another_logs_in_on_is_another(room: Room) -> None:
    ann = room.enter("1", "ann")
    bob = room.enter("1", "bob")
    assert room.find(bob.ticket, "bob") is bob and bob is not ann
    with pytest.raises(Forbidden):
        room.find(ann.ticket, "ann")


def test_of_too_many_pages_the_longest_unseen_is_forgotten(
    room: Room, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS", 3)
    streams = {}
    for name in "abc":
        streams[name] = room.enter(name, None)
        clock.now += 1
    streams["a"].count()  # a frame
    clock.now += 1
    for new, lost in (("d", "b"), ("e", "c"), ("f", "a")):
        streams[new] = room.enter(new, None)
        clock.now += 1
        with pytest.raises(Forbidden):
            room.find(streams[lost].ticket, None)
    for name in "def":
        assert room.find(streams[name].ticket, None) is streams[name]


def test_whose_page_is_forgotten_has_no_seat(
    room: Room, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_PEOPLE", 1)
    monkeypatch.setattr(live, "MOST_STREAMS", 1)
    assert room.frame(room.enter("1", None), FRAME, look()).picture
    clock.now += 1
    assert room.frame(room.enter("2", None), FRAME, look()).picture


def trained(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    entries = [weights.Entry(n, "", "style", n, "0" * 64, {"method": "johnson"}) for n in names]
    other = weights.Entry("other", "", "style", "o", "0" * 64, {"method": "another"})
    monkeypatch.setattr(weights, "styles", lambda *_: [*entries, other])


def test_other_styles_are_got_ready_one_by_one(
    room: Room, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SETTLED", -1.0)
    monkeypatch.setattr(live, "REST", 0.0)
    trained(monkeypatch, "a", "b", "c")
    order = ["a+b", "a", "b", "c"]  # first a mixture, which has a network of its own
    machine.shops = {name: threading.Event() for name in order}
    stream = room.enter("s", None)

    def frames(n: int) -> None:
        for _ in range(n):
            assert room.frame(stream, FRAME, look("mine", settings={"strength": 0.5})).picture

    frames(1)
    assert [brush.style for brush in machine.made] == ["mine"]
    for k, name in enumerate(order):
        frames(3)
        machine.shops[name].set()

        def made(n: int = k + 2) -> bool:
            frames(1)
            return len(machine.made) == n

        until(made)
        assert machine.made[-1].style == name
    until(lambda: all(brush.prepared for brush in machine.made))
    frames(5)
    assert [brush.style for brush in machine.made] == ["mine", *order]
    assert {brush.size for brush in machine.made} == {(64, 48)}
    assert all(brush.params == JohnsonParams() for brush in machine.made[1:])


def test_styles_ahead_are_made_one_at_a_time(
    room: Room, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SETTLED", -1.0)
    monkeypatch.setattr(live, "REST", 0.0)
    trained(monkeypatch, "a", "b")
    machine.shops = {"a": threading.Event()}
    stream = room.enter("s", None)
    for _ in range(20):
        assert room.frame(stream, FRAME, look("mine")).picture
    until(lambda: [brush.style for brush in machine.made] == ["mine", "a+b"])  # b waits for a
    assert room.frame(stream, FRAME, look("mine")).picture
    # And comes at the size that is painted by then.
    less = coded(filmed(32, 24))
    room.frame(stream, less, look("mine"))
    machine.shops["a"].set()

    def made() -> bool:
        assert room.frame(stream, less, look("mine")).picture
        return [b.size for b in machine.made if b.style == "b"] == [(32, 24)]

    until(made)
    sizes = [(b.style, b.size) for b in machine.made if b.style != "mine"]
    assert sizes == [
        *(("a+b", (64, 48)), ("a", (64, 48))),
        *(("a+b", (32, 24)), ("a", (32, 24)), ("b", (32, 24))),
    ]


def test_what_a_frame_costs_is_not_learnt_while_a_style_is_got_ready(
    room: Room, machine: Machine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(monkeypatch, "a")
    machine.shops["a"] = threading.Event()
    stream = room.enter("s", None)

    def rate() -> Any:
        facts = room.frame(stream, FRAME, look("mine")).facts
        return facts and facts["rate"]

    machine.cost = lambda n: 0.02
    assert [rate(), rate()] == [None, 50.0]
    monkeypatch.setattr(live, "SETTLED", -1.0)
    machine.cost = lambda n: 5.0
    assert [rate(), rate(), rate()] == [50.0] * 3
    machine.shops["a"].set()
    machine.cost = lambda n: 0.04
    until(lambda: rate() < 50.0)
    assert 25.0 < rate() < 50.0


@pytest.mark.parametrize("fault", [StyleSwapError("No."), None])
def test_a_style_that_cannot_be_got_ready_is_left_out(
    fault: Exception | None, room: Room, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REST", 0.0)
    trained(monkeypatch, "a", "b")
    stream = room.enter("s", None)
    assert room.frame(stream, FRAME, look("mine")).picture
    monkeypatch.setattr(live, "SETTLED", -1.0)
    machine.faults = [fault] if fault else []
    want = ["mine", "a", "b"] if fault else ["mine", "a+b", "a", "b"]

    def made() -> bool:
        assert room.frame(stream, FRAME, look("mine")).picture
        return [brush.style for brush in machine.made] == want

    until(made)


def test_nothing_is_got_ready_before_a_size_has_settled_or_for_pictures(
    room: Room, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SETTLED", 1000.0)
    trained(monkeypatch, "a")
    stream = room.enter("s", None)
    for _ in range(5):
        room.frame(stream, FRAME, look("mine"))
    monkeypatch.setattr(live, "SETTLED", -1.0)
    (key,) = stream.show([colourful(50, 40)])
    until(lambda: bool(room.frame(stream, FRAME, look(key, "adain")) and len(machine.made) > 1))
    for _ in range(5):
        room.frame(stream, FRAME, look(key, "adain"))
    assert [(brush.method, brush.style) for brush in machine.made] == [
        *(("johnson", "mine"), ("adain", "picture")),
    ]
    room._spare.submit(lambda: None).result(PATIENCE)
    assert len(machine.made) == 2


def test_what_goes_wrong_is_a_sentence_and_the_next_frame_works(
    room: Room, machine: Machine
) -> None:
    stream = room.enter("s", None)
    machine.faults = [StyleSwapError("There is no trained style called x.")]
    with pytest.raises(StyleSwapError, match="no trained style called x"):
        room.frame(stream, FRAME, look())
    for data, text in (
        (b"", look()),
        (b"garbage", look()),
        (FRAME[: len(FRAME) // 2], look()),
        (FRAME, ""),
        (FRAME, look(method="gatys")),
        (FRAME, look("nothing shown", "adain")),
    ):
        with pytest.raises(StyleSwapError):
            room.frame(stream, data, text)
        assert room.frame(stream, FRAME, look()).picture
    dice = np.random.default_rng(7)
    for _ in range(50):
        with pytest.raises(StyleSwapError):
            room.frame(stream, dice.bytes(int(dice.integers(300))), look())
    assert room.frame(stream, FRAME, look()).picture


# --- the route ----------------------------------------------------------------------------------


def site(room: Room, auth: Any = None, dependency: Any = None) -> TestClient:
    """Gradio's own app with the route."""
    with gr.Blocks() as page:
        pass
    page.auth = auth
    made = App.create_app(
        page, app_kwargs={"routes": live.routes(room)}, auth_dependency=dependency
    )
    return TestClient(made)


def post(
    client: TestClient, ticket: str | None, data: Any = FRAME, text: str | None = None, **more: str
) -> Any:
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    if ticket is not None:
        headers[live.TICKET] = ticket
    params = {"look": look() if text is None else text}
    return client.post(live.PATH, params=params, content=data, headers=headers)


@pytest.fixture
def client(room: Room) -> TestClient:
    """The route with as little around it as it needs, where nobody has to log in."""
    made: Any = Starlette(routes=live.routes(room))
    vars(made).update(auth=None, auth_dependency=None, cookie_id="", tokens={})
    return TestClient(made)


@pytest.fixture
def ticket(room: Room) -> str:
    return room.enter("page", None).ticket


def test_a_frame_over_the_wire(client: TestClient, ticket: str, clock: Clock) -> None:
    answer = post(client, ticket)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    assert "no-store" in answer.headers["cache-control"]
    assert off(shown(Reply(answer.content)), 255 - filmed()) < 4
    facts = json.loads(answer.headers[live.FACTS])
    assert facts == {"size": [64, 48], "styles": [["udnie", 1.0]], "ms": 0.1, "rate": None}


def test_a_snapshot_is_painted_as_large_as_the_frame(
    room: Room, client: TestClient, ticket: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the stream is painted in small, and goes on to be."""
    monkeypatch.setattr(live, "SIDES", (32, 48))
    post(client, ticket)
    (stream,) = machine.made
    assert stream.size == (48, 36)
    headers = {live.TICKET: ticket}
    large = coded(filmed(101, 75))  # painters take even sides alone
    answer = client.post(
        live.PATH, params={"look": look(), "still": "1"}, content=large, headers=headers
    )
    assert machine.made[-1].size == (100, 76) and machine.made[-1].prepared
    made = shown(Reply(answer.content))
    assert made.shape == (75, 101, 3) and off(made, 255 - filmed(101, 75)) < 3
    post(client, ticket)
    assert stream.count == 2


def test_one_snapshot_at_a_time(
    room: Room, client: TestClient, ticket: str, machine: Machine
) -> None:
    machine.door.clear()
    headers = {live.TICKET: ticket}
    params = {"look": look(), "still": "1"}
    first = in_background(
        lambda: client.post(live.PATH, params=params, content=FRAME, headers=headers)
    )
    machine.began.get(timeout=PATIENCE)
    second = client.post(live.PATH, params=params, content=FRAME, headers=headers)
    assert second.status_code == 400 and "A snapshot is being painted" in second.text
    machine.door.set()
    assert first.result(PATIENCE).status_code == 200
    assert client.post(live.PATH, params=params, content=FRAME, headers=headers).is_success


def test_a_place_in_the_line_is_202(
    room: Room, client: TestClient, ticket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_PEOPLE", 1)
    assert post(client, ticket).status_code == 200
    answer = post(client, room.enter("other", None).ticket)
    assert (answer.status_code, answer.json()) == (202, {"place": 1})


def test_a_frame_that_a_newer_one_replaced_is_204(
    room: Room, ticket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "frame", lambda *_: Reply())
    answer = post(site(room), ticket)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("data", "text", "sentence"),
    [
        (b"", None, "The frame is no JPEG or WebP that can be read."),
        (b"\x89PNG", None, "The frame is no JPEG or WebP that can be read."),
        (
            FRAME,
            "",
            'A look is {"method": ..., "styles": [[name, weight], ...], "settings": {...}}.',
        ),
        (
            FRAME,
            look(method="gatys"),
            "gatys is too slow for a webcam; choose one of johnson, meta, adain.",
        ),
        (FRAME, look(method="<b>\n"), "There is no method called '<b>\\n'; choose one of "),
    ],
)
def test_what_a_person_can_mend_is_400(
    data: bytes, text: str | None, sentence: str, client: TestClient, ticket: str
) -> None:
    answer = post(client, ticket, data, text)
    assert answer.status_code == 400 and sentence in answer.json()["error"]
    assert post(client, ticket).status_code == 200


def test_no_look_at_all_is_400(client: TestClient, ticket: str) -> None:
    answer = client.post(live.PATH, content=FRAME, headers={live.TICKET: ticket})
    assert answer.status_code == 400 and "A look is" in answer.json()["error"]


@pytest.mark.parametrize("text", [look(settings={"\ud800": 1}), look(settings={"stead\udfff": 1})])
def test_half_a_character_is_400(text: str, client: TestClient, ticket: str) -> None:
    assert post(client, ticket, FRAME, text).status_code == 400


def test_who_has_no_ticket_may_send_nothing(
    room: Room, client: TestClient, ticket: str, machine: Machine
) -> None:
    other = room.enter("other", "ann").ticket
    for bad in (None, "", "guess", ticket[:-1], ticket.lower() + "x", other):
        answer = post(client, bad)
        assert answer.status_code == 403 and "load it anew" in answer.json()["error"]
    assert not machine.made
    room.leave("page")
    assert post(client, ticket).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://testserver"}, 200),
        ({"Origin": "https://testserver"}, 200),  # a proxy may speak https for us
        ({"Origin": "https://demo.example", "X-Forwarded-Host": "demo.example"}, 200),
        ({"Origin": "https://demo.example", "X-Forwarded-Host": "demo.example, inner:7860"}, 200),
        ({"Origin": "https://demo.example:8443", "Host": "demo.example:8443"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://evil.example", "X-Forwarded-Host": "demo.example"}, 403),
        ({"Origin": "http://testserver", "X-Forwarded-Host": "demo.example"}, 403),
        ({"Origin": "http://testserver.evil.example"}, 403),
        ({"Origin": "http://testserver:81"}, 403),
        ({"Origin": "http://evil.example/testserver"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
    ],
)
def test_other_sites_may_send_nothing(
    headers: dict[str, str], status: int, client: TestClient, ticket: str
) -> None:
    assert post(client, ticket, **headers).status_code == status


def test_too_large_a_body_is_413(client: TestClient, ticket: str) -> None:
    assert post(client, ticket, bytes(live.MAX_BYTES)).status_code == 400
    answer = post(client, ticket, bytes(live.MAX_BYTES + 1))
    assert answer.status_code == 413 and str(live.MAX_BYTES) in answer.json()["error"]


def test_too_large_a_body_is_not_read_on() -> None:
    class Long:
        sent = 0

        async def stream(self) -> Any:
            for _ in range(100):
                self.sent += 1
                yield bytes(1000)

    def read(request: Any, most: int) -> bytes | None:
        # In a thread: in this one the browser of other tests may have a loop of its own.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, live.body(request, most)).result()

    long = Long()
    assert read(long, 5500) is None and long.sent == 6

    class Short:
        async def stream(self) -> Any:
            for part in (b"ab", b"", b"cde"):
                yield part

    assert read(Short(), 5) == b"abcde" and read(Short(), 4) is None


def test_too_many_frames_are_429(
    client: TestClient, ticket: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_RATE", 2)
    assert [post(client, ticket).status_code for _ in range(4)] == [200, 200, 429, 429]
    clock.now += 1
    assert post(client, ticket).status_code == 200


def test_who_must_log_in_must_have_done_so(room: Room) -> None:
    client = site(room, auth=[("ann", "secret"), ("bob", "secret")])
    nobody, ann, bob = (room.enter(f"{user}", user).ticket for user in (None, "ann", "bob"))
    assert [post(client, ticket).status_code for ticket in (nobody, ann, bob)] == [403] * 3
    entered = client.post("/login", data={"username": "ann", "password": "secret"})
    assert entered.status_code == 200
    assert [post(client, ticket).status_code for ticket in (nobody, ann, bob)] == [403, 200, 403]
    client.cookies = dict.fromkeys(client.cookies, "forged")
    assert post(client, ann).status_code == 403


@pytest.mark.parametrize("waits", [False, True])
def test_another_way_to_log_in_is_asked(waits: bool, room: Room) -> None:
    def known(request: Any) -> str | None:
        found: str | None = request.headers.get("who")
        return found

    async def known_later(request: Any) -> str | None:
        await asyncio.sleep(0)
        return known(request)

    client = site(room, dependency=known_later if waits else known)
    nobody, ann = (room.enter(f"{user}", user).ticket for user in (None, "ann"))
    assert post(client, ann, who="ann").status_code == 200
    for ticket, who in ((ann, {"who": "bob"}), (ann, {}), (nobody, {}), (nobody, {"who": "ann"})):
        assert post(client, ticket, **who).status_code == 403


# --- the real thing -----------------------------------------------------------------------------


def test_a_camera_s_frame_through_a_real_style(engine: Engine) -> None:
    room = Room(engine)
    client, ticket = site(room), room.enter("page", None).ticket
    data = coded(filmed(96, 64))
    frame = media.open_frame(data).copy()
    answers = [post(client, ticket, data) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    painter = engine.painter(
        "johnson", (96, 64), [StyleChoice(name="udnie")], JohnsonParams(), threading.Event()
    )
    (want,) = painter.paint([frame])
    for answer in answers:
        made = shown(Reply(answer.content))
        assert made.shape == want.shape and off(made, want) < 6 < 25 < off(made, frame)
    facts = json.loads(answers[1].headers[live.FACTS])
    assert facts["size"] == [96, 64] and facts["ms"] > 0 and facts["rate"] > 0
