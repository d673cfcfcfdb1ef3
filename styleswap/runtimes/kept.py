"""What was made for one network and one shape of pictures, and stays for the next of that shape."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

# Each holds its own memory for what lies between the layers, some 70 bytes a pixel, and weights.
PIXELS = 2**24
LEAST = 2**18  # what the smallest pictures count as


class Kept(Generic[T]):
    """The newest of all networks together, within `PIXELS`; the last one in any case."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[object, tuple[int, ...]], T] = OrderedDict()

    def get(self, network: object, shape: tuple[int, ...], make: Callable[[], T]) -> T:
        """What belongs to `network` and `shape`, (B, C, H, W), made where there is none yet."""
        key = (network, shape)
        with self._lock:
            if key not in self._made:
                # Room first: the old one and the new one need not fit at once.
                while self._made and _size(shape) + self._held() > PIXELS:
                    self._made.popitem(last=False)
                self._made[key] = make()
            self._made.move_to_end(key)
            return self._made[key]

    def _held(self) -> int:
        return sum(_size(shape) for _, shape in self._made)


def _size(shape: tuple[int, ...]) -> int:
    batch, _, *sides = shape
    return max(LEAST, batch * math.prod(sides))
