"""How fast are the methods that take any style?

- Style swap alone against its usual form (patches as kernels of a convolution, a one-hot of the
  best, a transposed convolution), on the same features of a photograph and a style: seconds, the
  memory that each adds, and how many patches agree.
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

import torch
import torch.nn.functional as F
from common import PHOTOS, STYLES, machine, seconds_in_turn, square
from torch import Tensor

from styleswap import media, ops, runtimes
from styleswap.engine import Engine, Request, StyleChoice
from styleswap.nets import adain, inverse, perceptual
from styleswap.nets.adain import AdainNetwork
from styleswap.runtimes.bench import peak_rss_mb
from styleswap.specs import METHODS

PATCH = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--style", default="swirls")
    args = parser.parse_args()
    print(machine())
    style = next(str(file) for file in STYLES if file.stem == args.style)
    alone(style)
    for method in ("adain", "wct", "swap"):
        seconds, memory = apart(whole, method, style, 512, 5)
        print(f"{method:8} 512 px: {seconds:6.2f} s a picture, {memory:5.0f} MB in all", flush=True)
    ms, _ = apart(frame, style)
    print(f"adain, one style, 640 x 480: {ms:.1f} ms a frame", flush=True)
    seconds, memory = apart(whole, "swap", style, 1024, 1)
    print(f"{'swap':8}1024 px: {seconds:6.2f} s a picture, {memory:5.0f} MB in all")


def alone(style: str) -> None:
    """Both forms, each in a process of its own, whose memory is then its."""
    print("style swap alone, 512 x 512 px, relu3_1")
    seconds, memory, places = zip(
        *(apart(swapped, form, style) for form in (usual_places, ops.best_matches)), strict=True
    )
    for name, took, added in zip(("usual form", "ours"), seconds, memory, strict=True):
        print(f"{name:12}{took:8.2f} s, {added:6.0f} MB added", flush=True)
    agree = (places[0] == places[1]).float().mean().item()
    print(f"{seconds[0] / seconds[1]:.1f} times as fast; {100 * agree:.2f} % of the patches agree")


def usual_places(content: Tensor, style: Tensor, patch: int) -> Tensor:
    """As `ops.best_matches`, by way of the usual form, which is carried out to its end."""
    kernels = F.unfold(style, patch)[0].T.reshape(-1, style.shape[1], patch, patch)
    norms = kernels.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    scores = F.conv2d(content, kernels / (norms + 1e-8))
    best = scores.argmax(1, keepdim=True)
    chosen = torch.zeros_like(scores).scatter_(1, best, 1.0)
    del scores
    total = F.conv_transpose2d(chosen, kernels)
    total /= F.conv_transpose2d(chosen, torch.ones_like(kernels[:, :1]))
    across = style.shape[3] - patch + 1
    return best[0, 0] // across * style.shape[3] + best[0, 0] % across


Form = Callable[[Tensor, Tensor, int], Tensor]


@torch.inference_mode()
def swapped(form: Form, style: str) -> tuple[float, float, Tensor]:
    """Seconds of a swap, the memory that it added, and the places."""
    net = perceptual.load("small")
    ours, theirs = (
        net.features(square(file, 512), ["relu3_1"])["relu3_1"].contiguous()
        for file in (PHOTOS[0], style)
    )
    before = peak_rss_mb()
    began = time.perf_counter()
    if form is ops.best_matches:
        ops.style_swap(ours, theirs, PATCH)
        seconds = time.perf_counter() - began
        places = ops.best_matches(ours, theirs, PATCH)
    else:
        places = form(ours, theirs, PATCH)
        seconds = time.perf_counter() - began
    return seconds, peak_rss_mb() - before, places


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
def frame(style: str) -> tuple[float, float]:
    """Median milliseconds of a frame, and the process's memory."""
    small = perceptual.load("small")
    net = AdainNetwork(small, inverse.load(adain.LAYER))
    features = small.features(square(style, 480), [adain.LAYER])[adain.LAYER]
    net.set_style(*ops.statistics(features), strength=1.0)
    run = runtimes.prepare(net, torch.device("cpu"))
    x = torch.rand(1, 3, 480, 640)
    (seconds,) = seconds_in_turn([lambda: run(x)], 20)
    return 1000 * seconds, peak_rss_mb()


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
