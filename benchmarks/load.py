"""Fifty clients at once for a minute: what is sent, answered, refused, lost or wrong, and how soon.

    python benchmarks/load.py [--clients 50] [--seconds 60]

Each client is a visitor of its own, by what a proxy says, and has a photograph of its own shape, by
which the answer must be known. Five keep Gatys at work all the time.
"""

from __future__ import annotations

import io
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median

import httpx
import numpy as np
import typer
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
STYLE = ROOT / "examples" / "style" / "waves.jpg"
SIZE = 256
# Of fifty; the rest ask for Johnson.
SHARES = {"gatys": 5, "adain": 5, "swap": 3, "page": 4, "methods": 4, "rubbish": 4}
# Steps of Gatys: more than a minute on two cores.
STEPS = 500
# Seconds that a person looks at a result, at most.
THINKS = 6.0
PATIENCE = 120


class Tally:
    """What became of the requests of each kind; `left` are those that were cut off at the end."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def add(self, kind: str, what: str, seconds: float = 0.0) -> None:
        with self.lock:
            self.counts[kind]["sent"] += 1
            self.counts[kind][what] += 1
            if what == "answered":
                self.seconds[kind].append(seconds)

    def table(self) -> str:
        names = ("sent", "answered", "left", "refused", "lost", "wrong")
        lines = [f"| kind | {' | '.join(names)} | median | 95th percentile |", "|---" * 9 + "|"]
        for kind, counts in sorted(self.counts.items()):
            spent = sorted(self.seconds[kind]) or [float("nan")]
            figures = f"{median(spent):.2f} s | {spent[int(0.95 * (len(spent) - 1))]:.2f} s"
            lines.append(f"| {kind} | {' | '.join(str(counts[n]) for n in names)} | {figures} |")
        return "\n".join(lines)


class Refused(Exception):
    """Try again later."""


class Ended(Exception):
    """The time was over first."""


class Wrong(Exception):
    """An answer, but to something else."""


def photograph(k: int) -> tuple[bytes, tuple[int, int]]:
    """A picture whose shape no other client's has, and the size of what is made of it."""
    width, height = 300, 100 + 4 * k
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x * (k + 1)) % 256], axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG")
    longest = max(width, height)
    return buffer.getvalue(), (round(width * SIZE / longest), round(height * SIZE / longest))


def upload(http: httpx.Client, data: bytes) -> dict[str, object]:
    answer = http.post("upload", files={"files": ("photo.jpg", data)})
    check(answer)
    return {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}


def check(answer: httpx.Response) -> None:
    if answer.status_code in (429, 503, 507):
        raise Refused
    answer.raise_for_status()


def stylize(http: httpx.Client, k: int, method: str, until: float = float("inf")) -> None:
    """Ask for a picture, wait for it, fetch it, and see whether it is one's own.

    Raises:
        Ended: it was not there at `until`, and nobody waits for it any more.
    """
    data, size = photograph(k)
    steps = {"steps": STEPS} if method == "gatys" else {}
    given = {"content": upload(http, data), "method": method, "settings": {"size": SIZE, **steps}}
    if method == "johnson":
        given["trained_style"] = "starry-night"
    else:
        given["style"] = upload(http, STYLE.read_bytes())
    answer = http.post("call/v2/stylize", json=given)
    check(answer)
    kind = ""
    with http.stream("GET", f"call/stylize/{answer.json()['event_id']}") as stream:
        for line in stream.iter_lines():
            if time.monotonic() > until:
                raise Ended
            if line.startswith("event:"):
                kind = line[6:].strip()
            elif line.startswith("data:") and kind in ("complete", "error"):
                if kind == "error":
                    raise RuntimeError(line)
                file, facts = json.loads(line[5:])
                break
        else:
            raise RuntimeError("no answer")
    picture = Image.open(io.BytesIO(http.get(file["url"]).content))
    if picture.size != size or facts["method"] != method:
        raise Wrong


def methods(http: httpx.Client, k: int) -> None:
    answer = http.post("run/methods", json={"data": []})
    check(answer)
    if len(answer.json()["data"][0]) < 5:
        raise Wrong


def page(http: httpx.Client, k: int) -> None:
    answer = http.get(str(http.base_url).replace("gradio_api/", ""))
    check(answer)
    if "StyleSwap" not in answer.text:
        raise Wrong


def rubbish(http: httpx.Client, k: int) -> None:
    """What is no picture must be refused in a sentence."""
    file = upload(http, os.urandom(5000))
    given = {"content": file, "method": "johnson", "trained_style": "starry-night"}
    answer = http.post("call/v2/stylize", json=given)
    check(answer)
    told = http.get(f"call/stylize/{answer.json()['event_id']}").text
    if "The photograph is not a picture" not in told:
        raise Wrong


def client(address: str, k: int, kind: str, until: float, tally: Tally) -> None:
    """One visitor, who asks, looks at the result, and asks again."""
    tasks: dict[str, Callable[[httpx.Client, int], None]] = {
        "methods": methods,
        "page": page,
        "rubbish": rubbish,
    }
    # A job of Gatys ends with the minute; other answers are waited for.
    end = until if kind == "gatys" else float("inf")
    work = tasks.get(kind) or (lambda http, k: stylize(http, k, kind, end))
    dice = random.Random(k)
    headers = {"X-Forwarded-For": f"10.0.0.{k + 1}"}
    # The server closes a connection on which nothing comes for five seconds.
    kept = httpx.Limits(keepalive_expiry=2)
    with httpx.Client(base_url=address, headers=headers, timeout=PATIENCE, limits=kept) as http:
        time.sleep(dice.random() * 2)
        while time.monotonic() < until:
            began = time.monotonic()
            try:
                work(http, k)
                what = "answered"
            except Ended:
                what = "left"
            except Refused:
                what = "refused"
            except Wrong:
                what = "wrong"
            except Exception as fault:
                what = "lost"
                print(f"{kind}: {fault!r}"[:300], file=sys.stderr)
            tally.add(kind, what, time.monotonic() - began)
            if kind != "gatys":
                time.sleep(dice.random() * THINKS)


def memory(pid: int) -> float:
    """Resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024


def main(clients: int = 50, seconds: float = 60.0) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port)],
            cwd=ROOT,
            env=os.environ | {"GRADIO_TEMP_DIR": folder, "STYLESWAP_PROXIES": "127.0.0.1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            run(server.pid, f"http://127.0.0.1:{port}/gradio_api/", clients, seconds)
        finally:
            server.terminate()
            server.wait()


def run(pid: int, address: str, clients: int, seconds: float) -> None:
    with httpx.Client(base_url=address, timeout=PATIENCE) as http:
        while True:
            try:
                http.get("app_id").raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.2)
        for _ in range(2):  # each network is in memory, and has had a picture of this size
            for method in ("johnson", "adain", "swap"):
                stylize(http, 0, method)
    global STEPS
    long, STEPS = STEPS, 2
    with httpx.Client(base_url=address, timeout=PATIENCE) as http:
        stylize(http, 0, "gatys")
    STEPS = long
    time.sleep(5)
    before = most = memory(pid)
    tally, until = Tally(), time.monotonic() + seconds
    kinds = [kind for kind, share in SHARES.items() for _ in range(round(share * clients / 50))]
    kinds += ["johnson"] * (clients - len(kinds))
    threads = [
        threading.Thread(target=client, args=(address, k, kind, until, tally))
        for k, kind in enumerate(kinds)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.5)
        most = max(most, memory(pid))
    print(tally.table())
    time.sleep(40)  # the server gives memory back while it rests
    print(f"memory: {before:.0f} MB before, {most:.0f} MB at most, {memory(pid):.0f} MB afterwards")


if __name__ == "__main__":
    typer.run(main)
