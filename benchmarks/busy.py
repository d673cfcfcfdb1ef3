"""How long does Gatys take on a machine that has other work?

    python benchmarks/busy.py [--size 256] [--steps 150] [--rounds 1]

Alone, beside one busy loop, and two at once; in turn with torch's threads waiting as we have them,
and as libgomp has them. Each picture is made in a process of its own, with networks that are loaded
and have worked. Beside other work half of the machine is fair: twice what we take alone.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
from pathlib import Path

import typer
from common import machine

ROOT = Path(__file__).resolve().parent.parent
# Who else computes: busy loops, and pictures beside the one.
CASES = {"alone": (0, 1), "beside a busy loop": (1, 1), "two at once": (0, 2)}
# What a process imports first: us, or torch, which then knows nothing of our setting.
WAITING = {"ours": "", "libgomp's": "import torch\n"}
LOOP = [sys.executable, "-c", "while True: pass"]
PICTURE = """
import sys, time
from styleswap import media, specs
from styleswap.engine import Engine
from styleswap.request import Request, StyleChoice

def work(steps):
    began = time.perf_counter()
    params = specs.GatysParams(size=int(sys.argv[1]), steps=steps, network="small")
    for _ in engine.run(Request("gatys", content, [StyleChoice(picture=style)], params)):
        pass
    return time.perf_counter() - began

engine = Engine("cpu")
content = media.open_picture("examples/content/owl.jpg")
style = media.open_picture("examples/style/waves.jpg")
work(4)
print("ready", flush=True)
sys.stdin.readline()
print(work(int(sys.argv[2])))
"""


def seconds(first: str, loops: int, pictures: int, size: int, steps: int) -> float:
    """How long a picture takes where so many begin together; their mean.

    Args:
        first: what their processes import first.
        loops: processes that do nothing but compute meanwhile.
    """
    command = [sys.executable, "-c", first + PICTURE, str(size), str(steps)]
    with contextlib.ExitStack() as stack:

        def begun(command: list[str]) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        makers = [begun(command) for _ in range(pictures)]
        for maker in makers:
            maker.stdout.readline()
        for _ in range(loops):
            begun(LOOP)
        return statistics.fmean(raced(makers))


def raced(makers: list[subprocess.Popen[str]]) -> list[float]:
    """How long each takes, told to begin."""
    for maker in makers:
        maker.stdin.write("\n")
        maker.stdin.flush()
    return [float(maker.stdout.readline()) for maker in makers]


def main(size: int = 256, steps: int = 150, rounds: int = 1) -> None:
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for case, (loops, pictures) in CASES.items():
            for waiting, first in WAITING.items():
                took = seconds(first, loops, pictures, size, steps)
                found.setdefault((waiting, case), []).append(took)
    print(machine())
    print(f"| threads wait | {' | '.join(CASES)} | share of what is fair |\n{'|---' * 5}|")
    for waiting in WAITING:
        alone, *others = (statistics.median(found[waiting, case]) for case in CASES)
        times = " | ".join(f"{took:.1f} s" for took in (alone, *others))
        shares = ", ".join(f"{took / (2 * alone):.2f}" for took in others)
        print(f"| {waiting} | {times} | {shares} |")
    ours, theirs = (statistics.median(found[waiting, "alone"]) for waiting in WAITING)
    print(f"alone: {ours / theirs:.2f} times what libgomp's take")


if __name__ == "__main__":
    typer.run(main)
