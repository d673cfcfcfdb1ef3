"""What was made for one network and one shape of pictures, and stays for the next of that shape."""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# Each holds its own memory for what lies between the layers, some 70 bytes a pixel, and weights.
PIXELS = 2**24
LEAST = 2**19  # what the smallest pictures count as: each has weights, too
FEW = 2  # that stay, however long nobody has asked for them


Key = tuple[object, tuple[int, ...]]


class Kept(Generic[T]):
    """The newest of all networks together, within `PIXELS`; the last one in any case. Those that
    `forget_idle` finds unused are fewer.

    Threads may use it together. Who wants what another is making waits for it, and who makes what
    is too large beside that; nobody else does.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._made: OrderedDict[Key, T] = OrderedDict()
        self._making: set[Key] = set()
        self._used: dict[Key, float] = {}
        _all.add(self)

    def get(self, network: object, shape: tuple[int, ...], make: Callable[[], T]) -> T:
        """What belongs to `network` and `shape`, (B, C, H, W), made where there is none yet."""
        key = (network, shape)
        with self._changed:
            self._changed.wait_for(lambda: key in self._made or self._may_be_made(key))
            if key in self._made:
                self._made.move_to_end(key)
                self._used[key] = time.monotonic()
                return self._made[key]
            # Room first: the old one and the new one need not fit at once.
            while self._made and _size(key) + _sizes(self._made) + _sizes(self._making) > PIXELS:
                self._drop()
            self._making.add(key)
        try:
            made = make()
            with self._changed:
                self._made[key] = made
                self._used[key] = time.monotonic()
            return made
        finally:
            with self._changed:
                self._making.remove(key)
                self._changed.notify_all()

    def has(self, network: object, shape: tuple[int, ...]) -> bool:
        """Whether `get` would make nothing and wait for nobody."""
        with self._changed:
            return (network, shape) in self._made

    def forget(self, since: float) -> None:
        """Drop what nobody has asked for since a time of `time.monotonic`; the last `FEW` stay."""
        with self._changed:
            while len(self._made) > FEW and self._used[next(iter(self._made))] < since:
                self._drop()

    def _drop(self) -> None:
        """Let the oldest go."""
        del self._used[self._made.popitem(last=False)[0]]

    def _may_be_made(self, key: Key) -> bool:
        if not self._making:
            return True
        return key not in self._making and _size(key) + _sizes(self._making) <= PIXELS


_all: weakref.WeakSet[Kept[Any]] = weakref.WeakSet()


def forget_idle(seconds: float) -> None:
    """Drop, wherever something is kept, what nobody has asked for so long; see `Kept.forget`."""
    for kept in list(_all):
        kept.forget(time.monotonic() - seconds)


def _size(key: Key) -> int:
    batch, _, *sides = key[1]
    return max(LEAST, batch * math.prod(sides))


def _sizes(keys: Iterable[Key]) -> int:
    return sum(map(_size, keys))
