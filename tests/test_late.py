"""What is made on first use."""

from __future__ import annotations

import threading
import time

from styleswap.late import late


def test_it_is_made_when_it_is_used_and_only_once() -> None:
    made: list[str] = []

    def make() -> str:
        time.sleep(0.05)
        made.append("one")
        return "One Two"

    words = late(make)
    assert not made
    threads = [threading.Thread(target=lambda: words.split()) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert words.upper() == "ONE TWO" and made == ["one"]


def test_a_fault_comes_up_each_time_until_it_is_made() -> None:
    answers = iter([ValueError("not yet"), "text"])

    def make() -> str:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    words = late(make)
    try:
        words.split()
    except ValueError as error:
        assert str(error) == "not yet"
    assert words.split() == ["text"]
