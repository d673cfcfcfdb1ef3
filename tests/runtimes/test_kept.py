from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from styleswap.runtimes import kept, openvino
from styleswap.runtimes.kept import Kept
from tests.helpers import noise
from tests.runtimes.test_runtimes import network


@pytest.fixture(scope="module", autouse=True)
def little_room() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "PIXELS", 100)
        patch.setattr(kept, "LEAST", 10)
        yield


def shape(pixels: int, batch: int = 1) -> tuple[int, ...]:
    return (batch, 3, 1, pixels)


def test_what_was_made_is_not_made_again() -> None:
    made: list[str] = []
    things: Kept[str] = Kept()
    for name in ("a", "b", "a"):
        found = things.get(name, shape(30), lambda name=name: made.append(name) or f"of {name}")
        assert found == f"of {name}"
    things.get("a", shape(31), lambda: made.append("a, larger") or "")
    assert made == ["a", "b", "a, larger"]


def test_what_was_used_longest_ago_makes_room() -> None:
    things: Kept[int] = Kept()
    made: list[int] = []
    for name in (1, 2, 3, 1, 4, 1, 3, 4, 2):
        things.get(name, shape(30), lambda name=name: made.append(name) or name)
    assert made == [1, 2, 3, 4, 2]


def test_what_nobody_asks_for_goes_but_for_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FEW", 2)
    now = [0.0]
    monkeypatch.setattr(kept.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(kept, "_all", weakref.WeakSet())
    things: Kept[int] = Kept()
    for name in range(3):
        now[0] += 10
        things.get(name, shape(10), lambda: 1)
    now[0] = 40
    things.get(0, shape(10), lambda: 5)
    kept.forget_idle(30)
    assert all(things.has(name, shape(10)) for name in range(3))
    kept.forget_idle(15)  # 0 was asked for just now, 1 at 20, 2 at 30
    assert [things.has(name, shape(10)) for name in range(3)] == [True, False, True]
    now[0] = 1000
    kept.forget_idle(15)
    assert [things.has(name, shape(10)) for name in range(3)] == [True, False, True]


class Thing:
    """As large as it says."""

    def __init__(self, size: int) -> None:
        self.size = size


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 60), st.integers(1, 3)), min_size=1))
def test_no_more_is_held_than_there_is_room(asked: list[tuple[int, int, int]]) -> None:
    things: Kept[Thing] = Kept()
    alive: weakref.WeakSet[Thing] = weakref.WeakSet()

    def make(size: int) -> Thing:
        assert sum(thing.size for thing in alive) + size <= max(100, size)
        alive.add(thing := Thing(size))
        return thing

    for name, pixels, batch in asked:
        size = max(10, pixels * batch)
        things.get(name, shape(pixels, batch), lambda size=size: make(size))


def test_all_networks_share_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino, "REQUESTS", Kept())
    monkeypatch.setattr(kept, "PIXELS", 3 * 32 * 32)
    compiled: list[int] = []
    compile = openvino.OpenVinoRuntime._compile
    monkeypatch.setattr(
        openvino.OpenVinoRuntime,
        "_compile",
        lambda self, shape: compiled.append(shape[3]) or compile(self, shape),
    )
    one, other = openvino.OpenVinoRuntime(network()), openvino.OpenVinoRuntime(network())
    for run, side in ((one, 32), (other, 32), (one, 64), (one, 32), (one, 32), (other, 32)):
        run(noise(1, 3, 32, side))
    assert compiled == [32, 32, 64, 32, 32]


# --- several threads ----------------------------------------------------------------------------


class Slow:
    """Makes something as soon as it is told to."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.begun, self.go, self.count, self.fault = threading.Event(), threading.Event(), 0, fault

    def __call__(self) -> str:
        self.count += 1
        self.begun.set()
        assert self.go.wait(10)
        if self.fault:
            raise self.fault
        return "slow"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


def waiting(things: Kept[str]) -> bool:
    """Until some thread waits there."""
    for _ in range(10_000):
        with things._changed:
            if things._changed._waiters:  # type: ignore[attr-defined]
                return True
        threading.Event().wait(0.001)
    return False


def test_only_who_wants_the_same_waits(pool: ThreadPoolExecutor) -> None:
    things: Kept[str] = Kept()
    things.get("b", shape(30), lambda: "b")
    slow = Slow()
    one = pool.submit(things.get, "a", shape(30), slow)
    assert slow.begun.wait(10)
    assert things.get("b", shape(30), slow) == "b"
    assert things.get("c", shape(30), lambda: "c") == "c"
    assert things.has("c", shape(30)) and not things.has("a", shape(30))
    same = pool.submit(things.get, "a", shape(30), slow)
    assert waiting(things) and not same.done()
    slow.go.set()
    assert one.result(10) == same.result(10) == "slow" and slow.count == 1
    assert things.has("a", shape(30)) and not things.has("a", shape(31))


def test_what_could_not_be_made_is_tried_again(pool: ThreadPoolExecutor) -> None:
    things: Kept[str] = Kept()
    slow = Slow(ZeroDivisionError())
    one = pool.submit(things.get, "a", shape(100), slow)
    assert slow.begun.wait(10)
    other = pool.submit(things.get, "a", shape(100), lambda: "better")
    assert waiting(things)
    slow.go.set()
    with pytest.raises(ZeroDivisionError):
        one.result(10)
    assert other.result(10) == things.get("a", shape(100), slow) == "better"
    assert not things._making


def test_two_that_do_not_fit_at_once_are_made_in_turn(pool: ThreadPoolExecutor) -> None:
    things: Kept[str] = Kept()
    slow = Slow()
    one = pool.submit(things.get, "a", shape(60), slow)
    assert slow.begun.wait(10)
    other = pool.submit(things.get, "b", shape(60), lambda: "b")
    assert waiting(things) and not other.done()
    slow.go.set()
    assert (one.result(10), other.result(10)) == ("slow", "b")
    assert not things.has("a", shape(60))
