from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from styleswap import movie, video, weights
from styleswap.engine import Engine, Request, Stopped, StyleChoice, Turns
from styleswap.errors import StyleSwapError
from styleswap.media import Pixels
from styleswap.methods.base import Job, Step
from styleswap.movie import ROOM, Behind, VideoProgress, VideoRequest, ahead, first_frame, restyle
from styleswap.specs import JohnsonParams, StylisingParams, VideoParams
from styleswap.video import open_clip
from tests.helpers import add_method, beep, colourful, number, numbered, write_film

FRAMES = 24
BARE = VideoParams(steady=0.0)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 frames at 25 a second with sound."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    frames = [numbered(k, 96, 64) for k in range(FRAMES)]
    return write_film(path, frames, options={"g": "8"}, sound=beep(1, 0.5))


@pytest.fixture
def engine() -> Engine:
    return Engine("cpu")


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """None is left behind."""
    pools: list[ThreadPoolExecutor] = []

    class Kept(ThreadPoolExecutor):
        def __init__(self, most: int, **options: Any) -> None:
            super().__init__(most, **options)
            pools.append(self)

    monkeypatch.setattr(movie, "ThreadPoolExecutor", Kept)
    yield
    for thread in [thread for pool in pools for thread in pool._threads]:
        thread.join(5)
        assert not thread.is_alive()


Paint = Callable[[int], None]


@pytest.fixture
def paint(monkeypatch: pytest.MonkeyPatch) -> Callable[[Paint], list[int]]:
    """A method that turns colours round; calls a function with the number of each frame."""

    def declare(each: Paint = lambda k: None) -> list[int]:
        done: list[int] = []

        def run(job: Job) -> Iterator[Step]:
            each(len(done))
            done.append(len(done))
            yield Step(1, 1, 1 - job.content)

        add_method(monkeypatch, run, style="none")
        return done

    return declare


def asked(film: Path, own: VideoParams = BARE) -> VideoRequest:
    return VideoRequest(open_clip(film), "fake", [], StylisingParams(), own)


def drawn(path: Path) -> list[int]:
    """The numbers in a film whose colours were turned round."""
    clip = open_clip(path)
    found = video.read_frames(clip, clip.between(0, 0), clip.size)
    return [255 - number(pixels) for _, pixels in found]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- the whole way ------------------------------------------------------------------------------


def test_from_video_to_video(engine: Engine, paint: Any, film: Path, tmp_path: Path) -> None:
    paint()
    request, target = asked(film), tmp_path / "out.mp4"
    told = list(restyle(engine, request, target))
    assert [p.i for p in told] == [*range(1, FRAMES + 1), FRAMES]  # and once it is written
    assert {p.n for p in told} == {FRAMES}
    seconds = [p.seconds for p in told]
    assert seconds == sorted(seconds) and seconds[0] > 0
    assert [255 - number(p.picture) for p in told[:-1]] == list(range(FRAMES)) == drawn(target)
    assert names(tmp_path) == ["out.mp4"]
    facts = movie.facts(request, target, told[-1])
    assert facts == {
        **{"frames": FRAMES, "fps_in": "25", "fps_out": "25", "width": 96, "height": 64},
        **{"audio": "aac", "seconds": round(seconds[-1], 3)},
        "ms_per_frame": round(1000 * seconds[-1] / FRAMES, 2),
    }


def test_a_part_and_a_size(engine: Engine, paint: Any, film: Path, tmp_path: Path) -> None:
    paint()
    own = VideoParams(steady=0.0, start=0.2, end=0.6, size=64, quality="best")
    request = asked(film, own)
    assert request.chosen == range(5, 15) and request.size == (64, 42)
    told = list(restyle(engine, request, tmp_path / "out.mp4"))
    assert told[-1].n == 10 and drawn(tmp_path / "out.mp4") == list(range(5, 15))
    facts = movie.facts(request, tmp_path / "out.mp4", told[-1])
    assert (facts["width"], facts["height"], facts["frames"]) == (64, 42, 10)


def test_gif(engine: Engine, paint: Any, film: Path, tmp_path: Path) -> None:
    paint()
    told = list(restyle(engine, asked(film), tmp_path / "out.gif"))
    assert told[-1].i == FRAMES and drawn(tmp_path / "out.gif") == list(range(FRAMES))


def test_quality_is_how_large_the_file_is(
    engine: Engine, paint: Any, film: Path, tmp_path: Path
) -> None:
    paint()
    sizes = []
    for quality in ("small", "good", "best"):
        target = tmp_path / f"{quality}.mp4"
        list(restyle(engine, asked(film, replace(BARE, quality=quality, end=0.4)), target))
        sizes.append(target.stat().st_size)
    assert sizes == sorted(sizes) and sizes[0] < 0.8 * sizes[2]


def test_strength_0_gives_the_colours_back(engine: Engine, tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    colours = dice.integers(0, 256, (4, 6, 3), np.uint8)
    colours[0] = [(255 * (i & 1), 255 * (i >> 1 & 1), 255 * (i >> 2)) for i in range(1, 7)]
    card = colours.repeat(24, 0).repeat(24, 1)
    source = write_film(tmp_path / "card.mkv", [card] * 3, codec="ffv1", pix_fmt="bgr0")
    clip = open_clip(source)
    choice = StyleChoice(name=weights.styles()[0].name)
    own = replace(BARE, quality="best")
    request = VideoRequest(clip, "johnson", [choice], JohnsonParams(strength=0.0), own)
    list(restyle(engine, request, tmp_path / "out.mp4"))
    made = open_clip(tmp_path / "out.mp4")
    for _, pixels in video.read_frames(made, range(3), made.size):
        middles = pixels.reshape(4, 24, 6, 24, 3)[:, 8:16, :, 8:16].mean((1, 3))
        assert np.abs(middles - colours).max() <= 3
    # And with its strength they are others.
    request = replace(request, params=JohnsonParams())
    assert np.abs(first_frame(engine, request, threading.Event()) - card.astype(int)).mean() > 20


def test_the_first_frame(engine: Engine, paint: Any, film: Path, tmp_path: Path) -> None:
    done = paint()
    request = asked(film, VideoParams(start=0.4))
    picture = first_frame(engine, request, threading.Event())
    assert picture.shape == (64, 96, 3) and picture.dtype == np.uint8
    assert 255 - number(picture) == 10 and len(done) == 1
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Stopped):
        first_frame(engine, request, cancel)


def test_steadiness_takes_flicker_away(engine: Engine, tmp_path: Path, paint: Any) -> None:
    dice = np.random.default_rng(0)
    still = np.asarray(colourful(96, 64)).astype(float)
    noisy = [
        np.clip(still + dice.normal(0, 9, still.shape), 0, 255).astype(np.uint8) for _ in range(10)
    ]
    source = write_film(tmp_path / "noisy.mkv", noisy, codec="ffv1", pix_fmt="bgr0")
    paint()
    errors = []
    for steady in (0.0, 0.5, 0.8):
        request = asked(source, VideoParams(steady=steady, quality="best"))
        told = list(restyle(engine, request, tmp_path / "out.mp4"))
        assert told[-1].i == 10
        found = movie.warping_errors(request, tmp_path / "out.mp4")
        assert set(found) == {"warping_error", "warping_error_content"}
        errors.append(found["warping_error"])
    assert max(errors[1:]) < 0.5 * errors[0]
    assert found["warping_error_content"] > errors[0]  # a coder takes noise away, too


def test_warping_errors_of_a_part(engine: Engine, paint: Any, film: Path, tmp_path: Path) -> None:
    paint()
    request = asked(film, VideoParams(steady=0.0, start=0.4, end=0.6))
    list(restyle(engine, request, tmp_path / "out.mp4"))
    found = movie.warping_errors(request, tmp_path / "out.mp4")
    assert all(math.isfinite(value) for value in found.values())
    # The same film with its colours turned round changes as much, but for what a coder loses.
    assert 0.4 < found["warping_error"] / found["warping_error_content"] < 2.5
    whole = movie.warping_errors(replace(request, video=BARE), tmp_path / "out.mp4")
    assert whole["warping_error"] > 2 * found["warping_error"]  # the motion of other frames


def test_progress_numbers() -> None:
    told = VideoProgress(30, 120, 10.0, numbered(0))
    assert told.pace == 3.0 and told.left == 30.0
    assert replace(told, seconds=0.0).pace == 0.0
    assert replace(told, i=120).left == 0.0


# --- stopping -----------------------------------------------------------------------------------


def test_cancelling_keeps_what_was_reported(
    engine: Engine, paint: Any, film: Path, tmp_path: Path
) -> None:
    paint()
    cancel, told = threading.Event(), []
    for progress in restyle(engine, asked(film), tmp_path / "out.mp4", cancel):
        told.append(progress)
        if progress.i == 7:
            cancel.set()
    assert [p.i for p in told] == [*range(1, 8), 7]
    assert drawn(tmp_path / "out.mp4") == list(range(7)) and names(tmp_path) == ["out.mp4"]
    facts = movie.facts(asked(film), tmp_path / "out.mp4", told[-1])
    assert facts["frames"] == 7 and facts["fps_out"] == "25" and facts["audio"] == "aac"


def test_cancelling_from_elsewhere(engine: Engine, paint: Any, film: Path, tmp_path: Path) -> None:
    cancel = threading.Event()
    paint(lambda k: cancel.set() if k == 9 else None)  # while the tenth is at work
    told = list(restyle(engine, asked(film), tmp_path / "out.mp4", cancel))
    assert told[-1].i == 10 and drawn(tmp_path / "out.mp4") == list(range(10))


def test_cancelling_while_another_has_the_device(
    engine: Engine, paint: Any, film: Path, tmp_path: Path
) -> None:
    paint()
    cancel = threading.Event()
    run = restyle(engine, asked(film), tmp_path / "out.mp4", cancel)
    told = [next(run) for _ in range(4)]
    with engine._turns.turn(threading.Event()):
        threading.Timer(0.2, cancel.set).start()
        told += list(run)
    assert [p.i for p in told] == [1, 2, 3, 4, 4] and drawn(tmp_path / "out.mp4") == [0, 1, 2, 3]


def test_cancelled_before_it_began(engine: Engine, paint: Any, film: Path, tmp_path: Path) -> None:
    done, cancel = paint(), threading.Event()
    cancel.set()
    assert list(restyle(engine, asked(film), tmp_path / "out.mp4", cancel)) == []
    assert not done and names(tmp_path) == []


@pytest.mark.parametrize("after", [1, 8, FRAMES])
def test_closing_leaves_nothing(
    after: int, engine: Engine, paint: Any, film: Path, tmp_path: Path
) -> None:
    done = paint()
    run = restyle(engine, asked(film, VideoParams()), tmp_path / "out.mp4")
    for _ in range(after):
        next(run)
    assert not (tmp_path / "out.mp4").exists()
    run.close()
    assert names(tmp_path) == [] and len(done) <= after + 1
    assert list(engine.run(Request("fake", colourful(64, 64), [], StylisingParams(size=64))))


# --- faults -------------------------------------------------------------------------------------


def test_a_fault_of_reading(
    engine: Engine, paint: Any, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint()

    def read(*about: Any) -> Iterator[tuple[int, Pixels]]:
        for k in range(9):
            yield k, numbered(k, 96, 64)
        raise StyleSwapError("The disk was pulled out.")

    monkeypatch.setattr(video, "read_frames", read)
    run, told = restyle(engine, asked(film, VideoParams()), tmp_path / "out.mp4"), []
    with pytest.raises(StyleSwapError, match="pulled out"):
        told += run
    assert len(told) <= 9 and names(tmp_path) == []


def test_a_film_that_changes_before_it_is_read(
    engine: Engine, paint: Any, film: Path, tmp_path: Path
) -> None:
    paint()
    clip = open_clip(film)
    (tmp_path / "cut.mp4").write_bytes(film.read_bytes())
    request = replace(asked(film), clip=replace(clip, path=tmp_path / "cut.mp4"))
    (tmp_path / "cut.mp4").write_bytes(b"gone in the meantime")
    with pytest.raises(StyleSwapError, match="cannot be read"):
        list(restyle(engine, request, tmp_path / "out.mp4"))
    assert names(tmp_path) == ["cut.mp4"]


@pytest.mark.parametrize("fault", [MemoryError(), ZeroDivisionError()], ids=["memory", "bug"])
def test_a_fault_of_painting(
    fault: Exception, engine: Engine, paint: Any, film: Path, tmp_path: Path
) -> None:
    def each(k: int) -> None:
        if k == 6:
            raise fault

    paint(each)
    told: list[VideoProgress] = []
    kind = StyleSwapError if isinstance(fault, MemoryError) else ZeroDivisionError
    with pytest.raises(kind):
        for progress in restyle(engine, asked(film, VideoParams()), tmp_path / "out.mp4"):
            told.append(progress)
    assert [p.i for p in told] == list(range(1, 7)) and names(tmp_path) == []


@pytest.mark.parametrize("last", [3, FRAMES - 1])
def test_a_fault_of_writing(
    last: int,
    engine: Engine,
    paint: Any,
    film: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paint()
    add = video._Mp4.add

    def full(self: Any, k: int, pixels: Pixels) -> None:
        if k == last:
            raise OSError(28, "No space left on device")
        add(self, k, pixels)

    monkeypatch.setattr(video._Mp4, "add", full)
    told: list[VideoProgress] = []
    with pytest.raises(StyleSwapError, match="No space left on device"):
        for progress in restyle(engine, asked(film), tmp_path / "out.mp4"):
            told.append(progress)
    assert len(told) <= last + ROOM + 2 and names(tmp_path) == []


def test_faults_before_it_begins(engine: Engine, paint: Any, film: Path, tmp_path: Path) -> None:
    paint()
    for request, target, words in [
        (asked(film), tmp_path / "out.avi", "ends in .mp4, .gif"),
        (asked(film), tmp_path / "no" / "out.mp4", "make the folder first"),
        (asked(film, VideoParams(start=5.0)), tmp_path / "out.mp4", "choose another part"),
        (replace(asked(film), method="nope"), tmp_path / "out.mp4", "no method called 'nope'"),
        (replace(asked(film), styles=[StyleChoice(name="x")]), tmp_path / "out.mp4", "no style"),
    ]:
        with pytest.raises(StyleSwapError, match=words):
            list(restyle(engine, request, target))
    assert names(tmp_path) == []


def test_frames_that_are_too_thin(engine: Engine, paint: Any, tmp_path: Path) -> None:
    paint()
    source = write_film(tmp_path / "thin.mp4", [numbered(0, 96, 30)] * 2)
    with pytest.raises(StyleSwapError, match="on its shorter side"):
        list(restyle(engine, asked(source), tmp_path / "out.mp4"))
    assert names(tmp_path) == ["thin.mp4"]


# --- a few frames ahead -------------------------------------------------------------------------


def test_not_more_frames_are_held_than_there_is_room_for(
    engine: Engine, paint: Any, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, most = {"read": 0, "written": 0}, 0
    read, add = video.read_frames, video._Mp4.add

    def counted(*about: Any) -> Iterator[tuple[int, Pixels]]:
        for frame in read(*about):
            counts["read"] += 1
            yield frame

    def slow(self: Any, k: int, pixels: Pixels) -> None:
        time.sleep(0.01)
        add(self, k, pixels)
        counts["written"] += 1

    paint()
    monkeypatch.setattr(video, "read_frames", counted)
    monkeypatch.setattr(video._Mp4, "add", slow)
    for _ in restyle(engine, asked(film), tmp_path / "out.mp4"):
        most = max(most, counts["read"] - counts["written"])
    assert counts == {"read": FRAMES, "written": FRAMES}
    assert ROOM < most <= 2 * ROOM + 2


def test_ahead_gives_the_same_items() -> None:
    for n in (0, 1, ROOM, 20):
        assert list(ahead(iter(range(n)))) == list(range(n))


def test_ahead_takes_a_few_in_another_thread() -> None:
    taken: list[int] = []
    where = set()

    def items() -> Iterator[int]:
        for k in range(50):
            where.add(threading.get_ident())
            taken.append(k)
            yield k

    run = ahead(items())
    assert next(run) == 0
    time.sleep(0.1)
    assert ROOM <= len(taken) <= ROOM + 1 and where.isdisjoint({threading.get_ident()})
    assert next(run) == 1
    time.sleep(0.1)
    assert len(taken) <= ROOM + 2
    run.close()
    time.sleep(0.05)
    assert len(taken) <= ROOM + 3 and len(where) == 1


def test_ahead_takes_no_more_once_it_is_closed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for k in range(50):
            taken.append(k)
            yield k
            time.sleep(0.1)

    run = ahead(items())
    next(run)
    run.close()
    assert len(taken) <= 2


def test_ahead_gives_what_came_before_a_fault() -> None:
    def items() -> Iterator[int]:
        yield from range(6)
        raise ZeroDivisionError

    found = []
    with pytest.raises(ZeroDivisionError):
        for item in ahead(items()):
            found.append(item)
    assert found == list(range(6))


def test_behind_keeps_the_order() -> None:
    done: list[int] = []

    def add(k: int) -> None:
        time.sleep(0.002 * (k % 3))
        done.append(k)

    with Behind() as painted:
        for k in range(20):
            painted.give(add, k)
    assert done == list(range(20))


def test_behind_lets_only_a_few_wait() -> None:
    go, given = threading.Event(), []

    def give() -> None:
        with Behind() as painted:
            for k in range(12):
                painted.give(go.wait)
                given.append(k)

    thread = threading.Thread(target=give)
    thread.start()
    time.sleep(0.2)
    assert len(given) == ROOM
    go.set()
    thread.join(5)
    assert len(given) == 12


@pytest.mark.parametrize("n", [1, 30])
def test_faults_come_up_from_behind(n: int) -> None:
    given = []
    with pytest.raises(ZeroDivisionError), Behind() as painted:
        for k in range(n):
            painted.give(lambda: 1 // 0)
            given.append(k)
    assert len(given) <= ROOM


def test_a_fault_in_front_does_not_wait_for_what_has_not_begun() -> None:
    done: list[int] = []

    def add(k: int) -> None:
        time.sleep(0.1)
        done.append(k)

    with pytest.raises(KeyError), Behind() as painted:
        for k in range(ROOM):
            painted.give(add, k)
        raise KeyError
    assert len(done) <= 1


# --- taking turns -------------------------------------------------------------------------------


def test_others_get_the_device_between_frames(
    engine: Engine, paint: Any, film: Path, tmp_path: Path
) -> None:
    order: list[str] = []
    asking, held = threading.Event(), threading.Event()

    def each(k: int) -> None:
        order.append(f"frame {k}")
        if k == 5:  # while this one is painted, another job asks
            asking.set()
            while len(engine._turns._line) < 2:
                time.sleep(0.005)
            held.set()

    def quick() -> None:
        asking.wait(10)
        request = Request("other", colourful(64, 64), [], StylisingParams(size=64))
        assert len(list(engine.run(request))) == 1

    paint(each)

    def other(job: Job) -> Iterator[Step]:
        order.append("picture")
        yield Step(1, 1, job.content)

    with pytest.MonkeyPatch.context() as patch:
        add_method(patch, other, id="other", style="none")
        thread = threading.Thread(target=quick)
        thread.start()
        told = list(restyle(engine, asked(film), tmp_path / "out.mp4"))
        thread.join(10)
    assert held.is_set() and told[-1].i == FRAMES
    assert order == [*(f"frame {k}" for k in range(6)), "picture"] + [
        f"frame {k}" for k in range(6, FRAMES)
    ]


def test_who_asks_first_is_served_first() -> None:
    turns, served = Turns(), []
    never = threading.Event()

    def ask(k: int) -> None:
        with turns.turn(never) as mine:
            assert mine
            served.append(k)

    with turns.turn(never):
        threads = []
        for k in range(8):
            threads.append(threading.Thread(target=ask, args=(k,)))
            threads[-1].start()
            while len(turns._line) < k + 2:
                time.sleep(0.001)
    for thread in threads:
        thread.join(5)
    assert served == list(range(8))


def test_quick_ones_pass_by_but_not_for_ever() -> None:
    turns, served = Turns(), []
    never = threading.Event()

    def ask(name: str) -> None:
        with turns.turn(never, quick=name.startswith("quick")):
            served.append(name)

    names = ["slow 1", "slow 2", *(f"quick {k}" for k in range(5))]
    with turns.turn(never):
        threads = []
        for name in names:
            threads.append(threading.Thread(target=ask, args=(name,)))
            threads[-1].start()
            while len(turns._line) < len(threads) + 1:
                time.sleep(0.001)
    for thread in threads:
        thread.join(5)
    assert served == ["quick 0", "quick 1", "quick 2", "slow 1", "slow 2", "quick 3", "quick 4"]


def test_only_one_has_its_turn() -> None:
    turns, inside, most = Turns(), 0, 0

    def ask() -> None:
        nonlocal inside, most
        for _ in range(20):
            with turns.turn(threading.Event()) as mine:
                assert mine
                inside += 1
                most = max(most, inside)
                time.sleep(0.0002)
                inside -= 1

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == 1 and not turns._line


def test_leaving_the_line() -> None:
    turns, cancel, told = Turns(), threading.Event(), []

    def ask() -> None:
        with turns.turn(cancel) as mine:
            told.append(mine)

    with turns.turn(threading.Event()):
        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.05)
        cancel.set()
        thread.join(5)
        assert told == [False]
    with turns.turn(cancel) as mine:
        assert not mine  # even where nobody else is there
    with turns.turn(threading.Event()) as mine:
        assert mine


def test_batches(
    engine: Engine, paint: Any, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint()
    painter, sizes = engine.painter, []

    def by_fives(*about: Any) -> Any:
        one = painter(*about)

        def several(frames: list[Pixels]) -> list[Pixels]:
            sizes.append(len(frames))
            return [one.paint([frame])[0] for frame in frames]

        return replace(one, paint=several, batch=5)

    monkeypatch.setattr(engine, "painter", by_fives)
    told = list(restyle(engine, asked(film), tmp_path / "out.mp4"))
    assert sizes == [5, 5, 5, 5, 4] and [p.i for p in told] == [5, 10, 15, 20, 24, 24]
    assert drawn(tmp_path / "out.mp4") == list(range(FRAMES))
    assert open_clip(tmp_path / "out.mp4").rate == Fraction(25)
