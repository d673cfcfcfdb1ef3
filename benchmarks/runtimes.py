"""Do the runtimes give what float32 torch gives, and what does a large picture cost?

- Every trained style over Gradio's photographs at 640 px: mean absolute difference of each runtime
  from the network in plain float32 torch, in 1/255.
- One picture of 3840 x 2160 in one piece and strip by strip: seconds of the first run and of the
  next, the most memory that the process took, and how far the two pictures are apart.

    python benchmarks/runtimes.py
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from common import PHOTOS, machine
from safetensors.torch import load_file, save_file
from torch import Tensor

from styleswap import media, runtimes, tensors, weights
from styleswap.nets.transformer import TransformerNetwork
from styleswap.runtimes.bench import peak_rss_mb
from styleswap.runtimes.strips import StripsRuntime

CPU = torch.device("cpu")
SIDE = 640


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--large", default="3840x2160", help="width and height")
    parser.add_argument("--style", default="starry-night", help="of the large picture")
    args = parser.parse_args()
    print(machine())
    differences()
    width, height = (int(n) for n in args.large.split("x"))
    large(width, height, args.style)


def load(style: str) -> TransformerNetwork:
    return TransformerNetwork.from_weights(weights.load_style(style)).eval().requires_grad_(False)


@torch.inference_mode()
def differences() -> None:
    """The first table."""
    names = runtimes.available(CPU)
    photos = [tensors.from_pil(media.fit(media.open_picture(p), SIDE)) for p in PHOTOS]
    print(f"{'difference, in 1/255':24}" + "".join(f"{name:>16}" for name in names))
    rows = []
    for entry in weights.styles():
        net = load(entry.name)
        wanted = [net(x) for x in photos]
        row = []
        for name in names:
            run = runtimes.prepare(net, CPU, name)
            row.append(
                statistics.fmean(apart(run(x), y) for x, y in zip(photos, wanted, strict=True))
            )
        print(f"{entry.name:24}" + "".join(f"{d:16.2f}" for d in row), flush=True)
        rows.append(row)
    largest = [max(column) for column in zip(*rows, strict=True)]
    print(f"{'largest':24}" + "".join(f"{d:16.2f}" for d in largest))


def large(width: int, height: int, style: str) -> None:
    """The second table; each way in a process of its own, whose memory is then its."""
    spawn = multiprocessing.get_context("spawn")
    print(f"{f'{width} x {height}':24}{'first':>8}{'next':>8}{'memory':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for way in ("whole", "strips"):
            child = spawn.Process(target=paint, args=(way, width, height, style, folder))
            child.start()
            child.join()
        made = [load_file(Path(folder, way))["y"] for way in ("whole", "strips")]
    print(f"apart: {apart(*made):.2f} / 255")


def paint(way: str, width: int, height: int, style: str, folder: str) -> None:
    net = load(style)
    run = runtimes.prepare(net, CPU)
    if way == "strips":
        run = StripsRuntime(net, runtimes.bf16_is_fast(CPU))
    photo = tensors.from_pil(media.open_picture(PHOTOS[0]))
    x = F.interpolate(photo, (height, width), mode="bicubic", antialias=True).clamp(0, 1)
    before = peak_rss_mb()
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        y = run(x)
        seconds.append(time.perf_counter() - began)
    memory = f"{peak_rss_mb():.0f} MB, of which {before:.0f} MB before"
    print(f"{way:24}{seconds[0]:6.1f} s{seconds[1]:6.1f} s  {memory}", flush=True)
    save_file({"y": y.contiguous()}, Path(folder, way))


def apart(a: Tensor, b: Tensor) -> float:
    """The mean absolute difference, in 1/255."""
    return 255 * (a - b).abs().mean().item()


if __name__ == "__main__":
    main()
