"""Something that takes long to make, made when it is first used."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


def late(make: Callable[[], T]) -> T:
    """What behaves as what `make` gives. Threads that use it first wait for one `make` together."""
    return cast(T, _Late(make))


class _Late:
    """Stands in for something: what is asked of it is asked of that."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._making = make, threading.Lock()
        self._made: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        with self._making:
            if not self._made:
                self._made.append(self._make())
        return getattr(self._made[0], name)
