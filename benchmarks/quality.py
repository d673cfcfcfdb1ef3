"""How true are the trained styles, and how much of the photograph do they leave?

Over held-out photographs, in the teacher's layers:

- style: sum_l ||G_l(y) - G_l(s)||^2 / ||G_l(s)||^2 over relu1_1 ... relu5_1, divided by that of the
  untouched photograph; the painting has the size that the network was trained with;
- content: ||conv4_2(y) - conv4_2(c)||^2 / ||conv4_2(c)||^2;
- colours: the share of the painting's colours that the results together have as well: what the two
  histograms of chroma (a and b of CIELAB, in bins of 8) have in common;
- hatching: how strong the strongest single frequency is where the photograph is even, in 1/255: its
  amplitude in windows of 32 x 32 px of the luminance.

    python benchmarks/quality.py --teacher DIR --photos DIR      (or --teacher vgg19)

With `--gatys N` the optimisation of Gatys et al., at its defaults and of the same size, is measured
on the first N photographs of each style: what a picture of its own reaches.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from common import Grams, distance, machine, seen
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from styleswap import media, ops, tensors, weights
from styleswap.engine import Engine, Request, StyleChoice
from styleswap.losses import relative_error
from styleswap.specs import GatysParams, JohnsonParams
from styleswap.training.data import find_pictures
from styleswap.training.settings import StyleSettings
from styleswap.training.style import open_painting
from styleswap.training.teacher import load_teacher

Figures = tuple[float, float, float, float]
WINDOW = 32
EVEN = 4 / 255  # deviation of a window's luminance in which nothing is to be seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--teacher", required=True, help="vgg19, or a folder of teacher files")
    parser.add_argument("--photos", type=Path, required=True, help="the folder trained on")
    parser.add_argument("--size", type=int, default=512, help="longer side of the photographs")
    parser.add_argument("--pooling", choices=("average", "max"), default="average")
    parser.add_argument("--count", type=int, default=16, help="held-out photographs a style")
    parser.add_argument("--gatys", type=int, default=0, help="of these, by optimisation too")
    parser.add_argument("--styles", nargs="*", help="only these")
    args = parser.parse_args()
    print(machine())
    teacher = load_teacher(args.teacher)
    teacher.set_pooling(args.pooling)
    held = find_pictures(args.photos)[1]
    photos = [media.fit(media.open_picture(f), args.size) for f in held[:: len(held) // args.count]]
    photos = photos[: args.count]
    engine = Engine()
    known = [seen(teacher, tensors.from_pil(photo)) for photo in photos]
    print(f"{len(photos)} held-out photographs at {args.size} px, {args.pooling} pooling")
    names = "".join(f"{name:>9}" for name in ("style", "content", "colours", "hatching"))
    print(f"{'style':24}{names}{'   Gatys:' * bool(args.gatys)}{names * bool(args.gatys)}")
    found = []
    for entry in weights.styles():
        if args.styles and entry.name not in args.styles:
            continue
        words = shlex.split(entry.about["command"])
        side = StyleSettings.style_size
        if "--style-size" in words:
            side = int(words[words.index("--style-size") + 1])
        painting = open_painting(Path(words[3]), side)
        picture = tensors.to_pil(painting)
        target = seen(teacher, painting)[0]
        johnson = StyleChoice(name=entry.name)
        optimised = StyleChoice(picture=picture)

        def distances(
            make: Callable[[int], Request],
            count: int,
            target: Grams = target,
            picture: Image.Image = picture,
        ) -> Figures:
            """Means over the first photographs."""
            rows, colours = [], []
            for i in range(count):
                *_, last = engine.run(make(i))
                style, content = seen(teacher, last.image)
                plain, wanted = known[i]
                apart = relative_error(content, wanted).item()
                hatched = hatching(last.image, tensors.from_pil(photos[i]))
                rows.append((distance(style, target), distance(plain, target), apart, hatched))
                colours.append(chroma(last.image))
            style, plain, content, hatched = (statistics.fmean(c) for c in zip(*rows, strict=True))
            met = np.minimum(np.mean(colours, 0), chroma(tensors.from_pil(picture))).sum()
            return style / plain, content, float(met), hatched

        ours = distances(
            lambda i, style=johnson: Request(
                "johnson", photos[i], [style], JohnsonParams(size=args.size)
            ),
            len(photos),
        )
        line = f"{entry.name:24}{told(ours)}"
        if args.gatys:
            params = GatysParams(
                size=args.size, network="small", style_scale=max(picture.size) / args.size
            )
            theirs = distances(
                lambda i, style=optimised, p=params: Request("gatys", photos[i], [style], p),
                args.gatys,
            )
            line += f"{'':9}{told(theirs)}"
        print(line, flush=True)
        found.append(ours)
    columns = list(zip(*found, strict=True))
    print(f"{'mean':24}{told([statistics.fmean(c) for c in columns])}")
    print(f"{'largest':24}{told([max(c) for c in columns])}")
    print(f"{'least':24}{told([min(c) for c in columns])}")


def told(f: Sequence[float]) -> str:
    return f"{f[0]:9.4f}{f[1]:9.3f}{f[2]:9.3f}{f[3]:9.2f}"


def chroma(x: Tensor) -> NDArray[np.float64]:
    """The shares of colours of (1, 3, H, W) in each bin of a and b."""
    pixels = x[0].permute(1, 2, 0).numpy()
    lab = cv2.cvtColor(np.ascontiguousarray(pixels, np.float32), cv2.COLOR_RGB2Lab)
    bins = np.arange(-128, 129, 8)
    counts, _, _ = np.histogram2d(lab[..., 1].ravel(), lab[..., 2].ravel(), (bins, bins))
    found: NDArray[np.float64] = counts / counts.sum()
    return found


def hatching(made: Tensor, photo: Tensor) -> float:
    """The mean amplitude of the strongest frequency, in 1/255; 0 where nothing is even."""
    there, here = (
        ops.luma(x).unfold(2, WINDOW, WINDOW // 2).unfold(3, WINDOW, WINDOW // 2).flatten(0, 3)
        for x in (photo, made)
    )
    windows = here[there.std((1, 2)) < EVEN]
    if not len(windows):
        return 0.0
    taper = torch.hann_window(WINDOW, periodic=False)
    taper = taper[:, None] * taper
    # The slow changes of a painting's tones are no hatching: of four periods a window or more.
    spectrum = torch.fft.rfft2((windows - windows.mean((1, 2), keepdim=True)) * taper).abs()
    down, across = torch.fft.fftfreq(WINDOW), torch.fft.rfftfreq(WINDOW)
    fine = (down[:, None].square() + across.square()).sqrt() >= 4 / WINDOW
    strongest = spectrum[:, fine].amax(1)
    return (2 * strongest / taper.sum()).mean().item() * 255


if __name__ == "__main__":
    main()
