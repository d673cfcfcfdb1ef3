"""How fast is style swap?

`ops.style_swap` against its usual form (patches as kernels of a convolution, a one-hot of the best,
a transposed convolution), on the same features of a photograph and a style, relu3_1 of `small`:
seconds, the memory that each adds, and how many patches agree. Then ours alone at 1024 px, which
the usual form cannot hold.

    python benchmarks/swap.py
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import torch
import torch.nn.functional as F
from common import PHOTOS, STYLES, machine, square
from torch import Tensor

from styleswap import ops
from styleswap.nets import perceptual
from styleswap.runtimes.bench import peak_rss_mb

PATCH = 3
LAYER = "relu3_1"
# The features, and the style's: what is put together, and where its patches came from.
Swap = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--style", default="swirls", help="one of examples/style")
    args = parser.parse_args()
    print(machine())
    style = next(str(file) for file in STYLES if file.stem == args.style)
    found = {}
    for name, swap, side in (("usual", usual, 512), ("ours", ours, 512), ("ours", ours, 1024)):
        seconds, added, whole, places = apart(swap, style, side)
        print(
            f"{name:6}{side:5} px: {seconds:7.2f} s, {added:6.0f} MB added, {whole:6.0f} MB in all",
            flush=True,
        )
        if side == 512:
            found[name] = seconds, places
    agree = (found["usual"][1] == found["ours"][1]).float().mean().item()
    ratio = found["usual"][0] / found["ours"][0]
    print(f"{ratio:.1f} times as fast; {100 * agree:.2f} % of the patches agree")


def usual(content: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
    kernels = F.unfold(style, PATCH)[0].T.reshape(-1, style.shape[1], PATCH, PATCH)
    norms = kernels.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    scores = F.conv2d(content, kernels / (norms + 1e-8))
    best = scores.argmax(1, keepdim=True)
    chosen = torch.zeros_like(scores).scatter_(1, best, 1.0)
    del scores
    total = F.conv_transpose2d(chosen, kernels)
    total /= F.conv_transpose2d(chosen, torch.ones_like(kernels[:, :1]))
    across = style.shape[3] - PATCH + 1
    return total, best[0, 0] // across * style.shape[3] + best[0, 0] % across


def ours(content: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
    places = ops.best_matches(content, style, PATCH)
    return ops.put_together(places, style, content.shape[2:], PATCH), places


@torch.inference_mode()
def measured(there: Connection, swap: Swap, style: str, side: int) -> None:
    """Send seconds, megabytes added and in all, and the places."""
    net = perceptual.load("small")
    content, painted = (
        net.features(square(file, side), [LAYER])[LAYER].contiguous() for file in (PHOTOS[0], style)
    )
    before = peak_rss_mb()
    began = time.perf_counter()
    _, places = swap(content, painted)
    seconds = time.perf_counter() - began
    there.send((seconds, peak_rss_mb() - before, peak_rss_mb(), places.numpy()))


def apart(swap: Swap, style: str, side: int) -> tuple[float, float, float, Tensor]:
    """What `measured` sends from a process of its own, whose memory is then its."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    child = spawn.Process(target=measured, args=(there, swap, style, side))
    child.start()
    seconds, added, whole, places = here.recv()
    child.join()
    return seconds, added, whole, torch.from_numpy(places)


if __name__ == "__main__":
    main()
