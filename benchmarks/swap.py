"""How fast are the methods that take any style?

- The swap of patches alone against its usual form (patches as kernels of a convolution, a one-hot
  of the best, a transposed convolution), on the same whitened features of a photograph and a style:
  seconds, the memory that each adds, and how many patches agree.
- A whole picture, warm, by each method: a photograph and a style in, a picture out.
- A frame of 640 x 480 by AdaIN with one style, as a webcam needs it.
- Style swap at 1024 px, which the usual form cannot hold: seconds and memory in all.

    python benchmarks/swap.py
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import torch
import torch.nn.functional as F
from common import PHOTOS, STYLES, machine, seconds_in_turn, square
from torch import Tensor

from styleswap import media, ops, runtimes
from styleswap.engine import Engine, Request, StyleChoice
from styleswap.nets import adain, perceptual
from styleswap.nets.adain import AdainNetwork
from styleswap.runtimes.bench import peak_rss_mb
from styleswap.specs import METHODS

PATCH = 3
Form = Callable[[Tensor, Tensor, int], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--style", default="swirls")
    args = parser.parse_args()
    print(machine())
    style = next(str(file) for file in STYLES if file.stem == args.style)
    alone(style)
    for method in ("adain", "wct", "swap"):
        seconds, _ = whole(method, style, 512, 9)
        print(f"{method:8} 512 px: {seconds:6.3f} s a picture", flush=True)
    print(f"adain, one style, 640 x 480: {frame(style):.1f} ms a frame", flush=True)
    seconds, memory = apart(whole, "swap", style, 1024, 1)
    print(f"{'swap':8}1024 px: {seconds:6.3f} s a picture, {memory:5.0f} MB in all")


def alone(style: str) -> None:
    """Each form in a process of its own, whose memory is then its."""
    print("the swap alone, 512 x 512 px, relu3_1")
    forms = {"usual form": usual, "float32": ours, "bfloat16": in_bfloat16}
    slowest = 0.0
    for name, form in forms.items():
        seconds, added = apart(swapped, form, style)
        slowest = slowest or seconds
        ratio = slowest / seconds
        print(f"{name:12}{seconds:8.2f} s, {ratio:5.1f} times, {added:6.0f} MB added", flush=True)
    alike = agreement(usual_places, ops.best_matches, style)
    print(f"patches as by the usual form: float32 {alike:.2f} %")
    found = [agreement(ops.best_matches, in_bfloat16_places, file) for file in STYLES]
    print(
        f"patches as by float32: bfloat16, {len(found)} styles, {statistics.fmean(found):.2f} %,"
        f" at least {min(found):.2f} %"
    )


@torch.inference_mode()
def agreement(one: Form, other: Form, style: str | Path) -> float:
    """How many of a hundred patches come from the same place by both forms."""
    pair = features(style)
    return 100 * (one(*pair, PATCH) == other(*pair, PATCH)).float().mean().item()


def usual(content: Tensor, style: Tensor, patch: int) -> Tensor:
    """Patches as kernels of a convolution, a one-hot of the best, a transposed convolution."""
    kernels = F.unfold(style, patch)[0].T.reshape(-1, style.shape[1], patch, patch)
    best = _best(content, kernels)
    chosen = torch.zeros(1, len(kernels), *best.shape[2:]).scatter_(1, best, 1.0)
    total = F.conv_transpose2d(chosen, kernels)
    total /= F.conv_transpose2d(chosen, torch.ones_like(kernels[:, :1]))
    return total


def _best(content: Tensor, kernels: Tensor) -> Tensor:
    norms = kernels.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return F.conv2d(content, kernels / (norms + 1e-8)).argmax(1, keepdim=True)


def usual_places(content: Tensor, style: Tensor, patch: int) -> Tensor:
    """As `ops.best_matches`, by the usual form."""
    kernels = F.unfold(style, patch)[0].T.reshape(-1, style.shape[1], patch, patch)
    best, across = _best(content, kernels)[0, 0], style.shape[3] - patch + 1
    return best // across * style.shape[3] + best % across


def ours(content: Tensor, style: Tensor, patch: int, half: bool = False) -> Tensor:
    places = ops.best_matches(content, style, patch, half)
    return ops.put_together(places, style, content.shape[2:], patch)


def in_bfloat16(content: Tensor, style: Tensor, patch: int) -> Tensor:
    return ours(content, style, patch, half=True)


def in_bfloat16_places(content: Tensor, style: Tensor, patch: int) -> Tensor:
    return ops.best_matches(content, style, patch, half=True)


@torch.inference_mode()
def features(style: str | Path) -> tuple[Tensor, Tensor]:
    """relu3_1 of a photograph and of a style, whitened."""
    net = perceptual.load("small")
    photo, painting = (
        net.features(square(file, 512), ["relu3_1"])["relu3_1"] for file in (PHOTOS[0], style)
    )
    return ops.whitened(photo, ops.RIDGE), ops.whitened(painting, ops.RIDGE)


@torch.inference_mode()
def swapped(form: Form, style: str) -> tuple[float, float]:
    """Seconds of a swap, the least of three, and the memory that it added."""
    content, theirs = features(style)
    before = peak_rss_mb()
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        form(content, theirs, PATCH)
        seconds.append(time.perf_counter() - began)
    return min(seconds), peak_rss_mb() - before


def whole(method: str, style: str, size: int, rounds: int) -> tuple[float, float]:
    """Median seconds of a picture of `size` px a side after a first, and the process's memory."""
    engine = Engine("cpu")
    photo = media.fit(media.open_picture(PHOTOS[0]), size).resize((size, size))
    request = Request(
        method,
        photo,
        [StyleChoice(media.open_picture(style))],
        METHODS[method].params(size=size),
    )
    seconds = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        *_, last = engine.run(request)
        last.result()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:]), peak_rss_mb()


@torch.inference_mode()
def frame(style: str) -> float:
    """Median milliseconds of a frame."""
    small = perceptual.load("small")
    net = AdainNetwork(small, adain.load())
    features = adain.taken(small.features(square(style, 480), adain.LAYERS))
    net.set_style(*adain.statistics(features), strength=1.0)
    run = runtimes.prepare(net, torch.device("cpu"))
    x = torch.rand(1, 3, 480, 640)
    (seconds,) = seconds_in_turn([lambda: run(x)], 20)
    return 1000 * seconds


def apart(work: Callable[..., tuple], *args: object) -> tuple:
    """What `work` gives, done in a new process."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    child = spawn.Process(target=send, args=(there, work, *args))
    child.start()
    found = here.recv()
    child.join()
    return found


def send(there: Connection, work: Callable[..., tuple], *args: object) -> None:
    there.send(work(*args))


if __name__ == "__main__":
    main()
