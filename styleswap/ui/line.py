"""The line of jobs: who may join it, who comes next, and when nobody waits for a job any more.

Gradio's queue knows one line, and lets anybody fill it. Here quick jobs have a lane of their own,
each visitor has so many places, whoever has few goes before whoever has many, and what nobody
listens to ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr
from fastapi import HTTPException
from gradio.block_function import BlockFunction
from gradio.components import Component
from gradio.context import LocalContext
from gradio.queueing import Event, EventQueue, Queue

from styleswap import limits, specs

# The lanes, as Gradio names them in `concurrency_id`, and the jobs of each that have a thread. What
# asks for the first goes to the second where its method is quick.
ENGINE, QUICK = "engine", "quick"
AT_ONCE = {ENGINE: 6, QUICK: 8}
# An address, behind which there may be several people, has so many times a visitor's places.
SHARED = 2
# What is no job, such as looking at an upload, may come in greater number.
SMALL = 4
# Seconds without a listener after which a job ends, and what waits to be heard is forgotten.
PATIENCE = 30.0
FORGET = 300.0
# Seconds between two looks for such jobs, and between two at the memory.
SWEEP_EVERY = 2.0
TRIM_EVERY = 10.0
M_ARENA_MAX = -8  # of glibc's malloc.h
IDLE = 30.0  # after which a network compiled for some shape may go
# Seconds that a job is thought to take before one has ended.
GUESS = 20.0


def cancel(now: threading.Event | None = None) -> threading.Event:
    """What is set once nobody listens to the job that calls this.

    Args:
        now: take this, which somebody else sets as well.
    """
    event: Any = None
    blocks, name = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    if blocks is not None and name is not None:
        event = blocks._queue.event_ids_to_events.get(name)
    if event is None:
        return now or threading.Event()
    if now is not None:
        event.cancel = now
    found: threading.Event = event.cancel
    return found


class Line(Queue):
    """Gradio's, but for what follows; made out of one by `adopt`."""

    methods: Sequence[Component]
    heard: Counter[str]
    last_heard: dict[str, float]

    def adopt(self, methods: Sequence[Component]) -> None:
        """Begin.

        Args:
            methods: the components in which a job's method is named.
        """
        self.methods = methods
        self.heard, self.last_heard = Counter(), {}
        self.max_size = None  # each lane has its own
        self.ANALYTICS_MAX_EVENTS = 0
        for lane, room in AT_ONCE.items():
            self.event_queue_per_concurrency_id[lane] = EventQueue(lane, room)

    def compute_analytics_summary(self, records: Any) -> Any:
        """Nothing: who might look at it cannot, and it took a tenth of a second a job."""
        return self.cached_event_analytics_summary

    # --- who may join ---

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        """Join the line.

        Raises:
            HTTPException: there is no such function, or no place.
        """
        fns = self.blocks.fns
        if body.fn_index not in fns:
            raise HTTPException(404, "There is no such function; /info lists those there are.")
        fn = fns[body.fn_index]
        lane = self._lane(fn, body.data)
        address = request.client.host if request.client else ""
        rank = self._check(lane, address, body.session_hash)
        done = await super().push(body=body, request=request, username=username)
        event: Any = self.event_ids_to_events.get(str(done[1])) if done[0] else None
        if event:
            event.cancel, event.address, event.rank = threading.Event(), address, rank
            if lane:
                self._place(event, lane)
        return done

    def _lane(self, fn: BlockFunction, data: Sequence[Any]) -> str | None:
        """The lane of a job; None for what is none."""
        if fn.concurrency_id not in AT_ONCE:
            return None
        for box, value in zip(fn.inputs, data, strict=False):
            if box in self.methods:
                method = specs.METHODS.get(value) if isinstance(value, str) else None
                # That there is no such method is told at once, too.
                return ENGINE if method and method.pace == "minutes" else QUICK
        return str(fn.concurrency_id)

    def _check(self, lane: str | None, address: str, session: str | None) -> int:
        """How many of this address are there already.

        Raises:
            HTTPException: too many, of this visitor or of all.
        """
        most = int(limits.now().jobs) * (1 if lane else SMALL)
        there = [e for e in self.event_ids_to_events.values() if _is_job(e) == bool(lane)]
        of_address = [e for e in there if getattr(e, "address", "") == address]
        of_session = [e for e in of_address if e.session_hash == session]
        if len(of_session) >= most or len(of_address) >= most * SHARED:
            wait = self._wait(lane, len(of_address))
            raise _later(
                f"You have {len(of_address)} jobs waiting or under way, and a visitor may have"
                f" {most}; try again in about {_said(wait)}.",
                wait,
            )
        waiting = self.event_queue_per_concurrency_id[lane].queue if lane else []
        if len(waiting) >= limits.now().line:
            wait = self._wait(lane, len(waiting))
            raise _later(
                f"{len(waiting)} jobs wait already, which is the most; try again in about"
                f" {_said(wait)}.",
                wait,
            )
        return sum(_is_job(e) and e.concurrency_id == lane for e in of_address)

    def _wait(self, lane: str | None, count: int) -> float:
        """Seconds until some of `count` jobs will have ended."""
        if lane is None:
            return 5.0
        taken = [
            spent.avg_time
            for fn, spent in self.process_time_per_fn.items()
            if spent.count and fn.concurrency_id in AT_ONCE
        ]
        each = max(taken, default=GUESS) if lane == ENGINE else min(taken, default=1.0)
        return max(1.0, each * count / AT_ONCE[lane] / 2)

    def _place(self, event: Any, lane: str) -> None:
        """Put a job that has joined where it belongs: before those of whoever has more."""
        self.event_queue_per_concurrency_id[event.concurrency_id].queue.remove(event)
        event.concurrency_id = lane
        waiting: list[Any] = self.event_queue_per_concurrency_id[lane].queue
        place = len(waiting)
        while place and waiting[place - 1].rank > event.rank:
            place -= 1
        waiting.insert(place, event)

    # --- who listens ---

    @contextlib.contextmanager
    def listening(self, name: str) -> Iterator[None]:
        """Somebody listens to a session, or to a job by its name."""
        self.heard[name] += 1
        try:
            yield
        finally:
            self.heard[name] -= 1
            if not self.heard[name]:
                del self.heard[name]
            self.last_heard[name] = time.monotonic()

    def _unheard(self, event: Event, now: float) -> float:
        """Seconds for which nobody has listened."""
        names = (event.session_hash, event._id)
        if any(name in self.heard for name in names):
            return 0.0
        return now - max(event.enqueue_time, *(self.last_heard.get(n, 0.0) for n in names))

    async def clean_events(
        self, *, session_hash: str | None = None, event_id: str | None = None
    ) -> None:
        """End jobs that wait or are under way; those that wait for the device, too."""
        for event in list(self.event_ids_to_events.values()):
            if event._id == event_id or event.session_hash == session_hash:
                getattr(event, "cancel", threading.Event()).set()
        await super().clean_events(session_hash=session_hash, event_id=event_id)

    async def sweep(self) -> None:
        """End what nobody listens to, and give memory back; for as long as the page runs."""
        trimmed = time.monotonic()
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            now = time.monotonic()
            for event in list(self.event_ids_to_events.values()):
                if self._unheard(event, now) > PATIENCE:
                    await self.clean_events(event_id=event._id)
            self._forget(now)
            if now - trimmed > TRIM_EVERY and not any(self.active_jobs):
                trimmed = now
                await asyncio.to_thread(_give_back)

    def _forget(self, now: float) -> None:
        """Drop messages that nobody has asked for."""
        busy = {event.session_hash for event in self.event_ids_to_events.values()}
        for name in list(self.pending_messages_per_session):
            since = self.last_heard.setdefault(name, now)
            if name not in busy and name not in self.heard and now - since > FORGET:
                self.pending_messages_per_session.pop(name, None)
                self.pending_event_ids_session.pop(name, None)
        for name in list(self.pending_event_ids_session):
            if name not in self.pending_messages_per_session and name not in busy:
                del self.pending_event_ids_session[name]
        kept = self.pending_messages_per_session.keys() | self.event_ids_to_events.keys() | busy
        for name in [n for n, at in self.last_heard.items() if now - at > FORGET]:
            if name not in kept:
                del self.last_heard[name]


def adopt(page: gr.Blocks, methods: Sequence[Component]) -> None:
    """Make the queue of a page one of ours."""
    _few_heaps()
    page._queue.__class__ = Line
    page._queue.adopt(methods)  # type: ignore[attr-defined]


def _is_job(event: Event) -> bool:
    return event.concurrency_id in AT_ONCE


def _later(sentence: str, seconds: float) -> HTTPException:
    return HTTPException(429, sentence, {"Retry-After": str(round(seconds))})


def _said(seconds: float) -> str:
    """A time as a person says it."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def _few_heaps() -> None:
    """Let the C library's threads share two heaps: fifty, one a thread, each keep what was free in
    the midst of them."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, 2)


def _give_back() -> None:
    """Drop what was compiled for pictures of shapes that do not come any more, and hand memory that
    is free back to the system, which the C library keeps to itself."""
    from styleswap.runtimes import kept  # with torch, which the page must not wait for

    kept.forget_idle(IDLE)
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)
