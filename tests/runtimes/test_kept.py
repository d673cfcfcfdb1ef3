from __future__ import annotations

import weakref
from collections.abc import Iterator

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
