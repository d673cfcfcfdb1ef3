"""Who may join the line of jobs, who comes next, and what becomes of those nobody listens to."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio_client import Client, handle_file

from styleswap import limits
from styleswap.engine import Engine
from styleswap.ui import line
from tests.conftest import launch


@pytest.fixture(scope="module")
def busy(engine: Engine, extra_methods: None) -> Iterator[gr.Blocks]:
    """The page, with methods that take as long as one likes."""
    yield from launch(engine)


@pytest.fixture
def http(busy: gr.Blocks) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{busy.local_url}gradio_api/", timeout=60) as client:
        yield client


@pytest.fixture
def few() -> Iterator[limits.Limits]:
    """Few places."""
    before = limits.now()
    limits.use(replace(before, jobs=2, line=3))
    yield limits.now()
    limits.use(before)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PATIENCE", 0.5)
    monkeypatch.setattr(line, "SWEEP_EVERY", 0.1)


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        time.sleep(0.02)


@pytest.fixture
def post(
    busy: gr.Blocks, http: httpx.Client, photo: Path, impatient: None
) -> Iterator[Callable[..., httpx.Response]]:
    """Starts a job of many steps, to which nobody listens."""
    (path,) = http.post("upload", files={"files": photo.open("rb")}).json()
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    (stylize,) = (i for i, fn in busy.fns.items() if fn.api_name == "stylize")

    def send(session: str, method: str = "fake_image", **settings: Any) -> httpx.Response:
        data = [file, file, method, settings, *[None] * (len(busy.fns[stylize].inputs) - 4)]
        given = {"fn_index": stylize, "session_hash": session, "data": data}
        return http.post("queue/join", json=given)

    yield send
    until(lambda: not busy._queue.event_ids_to_events)


def test_a_visitor_has_so_many_places_and_an_address_twice_as_many(
    post: Callable[..., httpx.Response], few: limits.Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "PATIENCE", 3.0)
    assert [post("a").status_code for _ in range(3)] == [200, 200, 429]
    refused = post("a")
    assert refused.json()["detail"].startswith("You have 2 jobs waiting or under way, and")
    assert "try again in about" in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) > 0
    assert [post("b").status_code for _ in range(2)] == [200, 200]
    assert post("c").status_code == 429


def test_a_function_that_is_not_there(http: httpx.Client) -> None:
    for index in (-1, 10_000):
        given = {"fn_index": index, "session_hash": "a", "data": []}
        answer = http.post("queue/join", json=given)
        assert answer.status_code == 404
        assert answer.json()["detail"].startswith("There is no such function")


def test_what_nobody_listens_to_ends(busy: gr.Blocks, post: Callable[..., httpx.Response]) -> None:
    began = time.monotonic()
    assert post("nobody", steps=5000, size=64).status_code == 200
    until(lambda: not busy._queue.event_ids_to_events and not any(busy._queue.active_jobs))
    assert time.monotonic() - began < 15


def test_what_somebody_listens_to_goes_on(
    busy: gr.Blocks, impatient: None, photo: Path, tmp_path: Path
) -> None:
    client = Client(str(busy.local_url), verbose=False, download_files=tmp_path)
    began = time.monotonic()
    _, facts = client.predict(
        handle_file(photo),
        handle_file(photo),
        "fake_image",
        {"size": 64, "steps": 100},
        api_name="/stylize",
    )
    assert facts["method"] == "fake_image" and time.monotonic() - began > 1.5


def test_a_caller_that_goes_away_ends_its_job(
    busy: gr.Blocks, post: Callable[..., httpx.Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "PATIENCE", 60.0)
    post("leaver", steps=5000, size=64)
    url = f"{busy.local_url}gradio_api/queue/data?session_hash=leaver"
    with httpx.stream("GET", url, timeout=60) as stream:
        next(stream.iter_lines())
    until(lambda: not busy._queue.event_ids_to_events)


def fake(address: str, rank: int) -> Any:
    return SimpleNamespace(address=address, rank=rank, concurrency_id=line.ENGINE)


def test_whoever_has_few_jobs_goes_before_whoever_has_many() -> None:
    jobs: Any = SimpleNamespace(
        event_queue_per_concurrency_id={line.ENGINE: SimpleNamespace(queue=[])}
    )
    queue = jobs.event_queue_per_concurrency_id[line.ENGINE].queue
    for event in [fake("a", 0), fake("a", 1), fake("a", 2), fake("b", 0), fake("c", 0)]:
        queue.append(event)
        line.Line._place(jobs, event, line.ENGINE)
    assert [(e.address, e.rank) for e in queue] == [
        ("a", 0),
        ("b", 0),
        ("c", 0),
        ("a", 1),
        ("a", 2),
    ]


def test_quick_jobs_have_a_lane_of_their_own(busy: gr.Blocks) -> None:
    jobs: Any = busy._queue
    fns = {fn.api_name: fn for fn in busy.fns.values()}
    for method, lane in [
        ("johnson", line.QUICK),
        ("adain", line.QUICK),
        ("swap", line.QUICK),
        ("gatys", line.ENGINE),
    ]:
        assert jobs._lane(fns["stylize"], [None, None, method]) == lane
    for name in ("compare", "video", "denoise"):
        assert jobs._lane(fns[name], [None] * 9) == line.ENGINE
    assert jobs._lane(fns["check"], [None]) is None
    # What is refused at once does not wait for the slow ones.
    for wrong in (None, 3, [], {}, "", "gatys "):
        assert jobs._lane(fns["stylize"], [None, None, wrong]) == line.QUICK


def test_a_full_lane_says_when_to_come_again(
    post: Callable[..., httpx.Response], few: limits.Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "PATIENCE", 3.0)
    monkeypatch.setattr(line, "SHARED", 99)
    answers = [post(f"{k}") for k in range(line.AT_ONCE[line.QUICK] + 6)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 1 <= len(refused) <= 6
    assert "jobs wait already, which is the most; try again in about" in refused[-1].text


def test_calls_without_a_session_do_not_pile_up(busy: gr.Blocks, http: httpx.Client) -> None:
    def call(k: int) -> int:
        given = {"data": [], "session_hash": f"stranger-{k}"}
        return http.post("run/methods", json=given).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(call, range(60))) == {200}
    assert len(busy.app.state_holder.session_data) <= limits.now().sessions
    assert len(busy._queue.event_analytics) == 0


def test_messages_that_nobody_asks_for_are_forgotten(
    busy: gr.Blocks, post: Callable[..., httpx.Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: Any = busy._queue
    monkeypatch.setattr(line, "FORGET", 0.5)
    post("forgotten", size=64, steps=1)
    until(lambda: "forgotten" not in jobs.pending_messages_per_session)
    until(lambda: "forgotten" not in jobs.pending_event_ids_session | jobs.last_heard)


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_threads_share_two_heaps(tmp_path: Path) -> None:
    """Each of its own would keep what was freed in the midst of it."""
    told = tmp_path / "heaps.xml"
    program = f"""
import ctypes, threading
from styleswap.ui import line
line._few_heaps()
libc = ctypes.CDLL("libc.so.6")
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
there = threading.Barrier(8)
def work():
    there.wait()
    for _ in range(1000):
        libc.malloc(1000)
    there.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
file = ctypes.c_void_p(libc.fopen({str(told).encode()!r}, b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert told.read_text().count("<heap nr=") <= 2  # and not 9
