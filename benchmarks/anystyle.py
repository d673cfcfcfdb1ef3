"""How good are the inverse networks, and the methods that take any style?

- What comes back of untouched features: PSNR, how far the picture's mean and deviation are off.
- Over pairs of held-out photographs and of styles that were not trained on, by each method: the
  style distance in the teacher's layers, sum_l ||G_l(y) - G_l(s)||^2 / ||G_l(s)||^2 over relu1_1
  to relu5_1, as a share of the untouched photograph's; the content distance; the mean brightness
  beyond content's and style's. Writes a sheet of all of them.

    python benchmarks/anystyle.py --teacher DIR --photos DIR [--sheet FILE]
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import torch
from common import STYLES, machine, square
from torch import Tensor

from styleswap import media, metrics, tensors
from styleswap.engine import Engine, Request, StyleChoice
from styleswap.nets import inverse, perceptual
from styleswap.specs import METHODS
from styleswap.training.data import find_pictures
from styleswap.training.teacher import Teacher, load_teacher

SIDE = 512
SMALL = 256  # of the pictures that come back
METHOD_IDS = ("adain", "wct", "swap")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--teacher", required=True, help="vgg19, or a folder of teacher files")
    parser.add_argument("--photos", type=Path, required=True, help="the folder trained on")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--sheet", type=Path, help="write all pictures to this file")
    args = parser.parse_args()
    print(machine())
    held = find_pictures(args.photos)[1]
    back(held[:32], STYLES[:8])
    teacher = load_teacher(args.teacher)
    teacher.set_pooling("average")
    photos = held[:: len(held) // args.pairs][: args.pairs]
    stylised(teacher, photos, args.sheet)


@torch.inference_mode()
def back(photos: list[Path], styles: list[Path]) -> None:
    """The first table."""
    net = perceptual.load("small")
    print(f"{len(photos)} held-out photographs and {len(styles)} styles at {SMALL} px")
    print(f"{'layer':10}{'PSNR':>8}{'styles':>8}{'brightness off':>22}{'contrast off':>20}")
    for layer in inverse.LAYERS:
        invert = inverse.load(layer)
        rows = []
        for file in (*photos, *styles):
            x = square(file, SMALL)
            y = invert(net.features(x, [layer])[layer]).clamp(0, 1)
            error = (y - x).square().mean()
            rows.append(
                (
                    -10 * error.log10().item(),
                    abs(y.mean() - x.mean()).item(),
                    abs(y.std() / x.std() - 1).item(),
                )
            )
        psnr, bright, contrast = zip(*rows, strict=True)
        ours, theirs = psnr[: len(photos)], psnr[len(photos) :]
        print(
            f"{layer:10}{statistics.fmean(ours):8.1f}{statistics.fmean(theirs):8.1f}"
            f"{statistics.fmean(bright):14.4f}, most {max(bright):.4f}"
            f"{100 * statistics.fmean(contrast):8.1f} %, most {100 * max(contrast):.1f} %",
            flush=True,
        )


def stylised(teacher: Teacher, photos: list[Path], sheet: Path | None) -> None:
    """The second table."""
    engine = Engine()
    rows: list[list[Tensor]] = []
    print(
        f"{'pair':28}"
        + "".join(f"{m + ': style':>14}{'content':>9}{'bright':>8}" for m in METHOD_IDS)
    )
    means: dict[str, list[tuple[float, float]]] = {method: [] for method in METHOD_IDS}
    for i, file in enumerate(photos):
        source = STYLES[i % len(STYLES)]
        photo, style = media.fit(media.open_picture(file), SIDE), media.open_picture(source)
        x = tensors.from_pil(photo)
        painted = tensors.at_side(tensors.from_pil(style), SIDE)
        plain = distance(teacher, x, painted)
        row = [x, painted]
        ends = sorted((x.mean().item(), painted.mean().item()))
        line = f"{f'{file.stem} / {source.stem}':28}"
        for method in METHOD_IDS:
            request = Request(
                method, photo, [StyleChoice(style)], METHODS[method].params(size=SIDE)
            )
            *_, last = engine.run(request)
            y = last.image
            row.append(y)
            share = distance(teacher, y, painted) / plain
            content = metrics.content_distance(teacher, y, x)
            means[method].append((share, content))
            bright = y.mean().item()
            off = max(ends[0] - bright, bright - ends[1], 0.0)
            line += f"{share:14.3f}{content:9.2f}{off:8.3f}"
        print(line, flush=True)
        rows.append(row)
    line = f"{'mean':28}"
    for found in means.values():
        share, content = (statistics.fmean(column) for column in zip(*found, strict=True))
        line += f"{share:14.3f}{content:9.2f}{'':8}"
    print(line)
    print("bright: how far the result is darker or brighter than both content and style")
    if sheet:
        cells = [torch.cat([tensors.cover(x, 256, 256) for x in row]) for row in rows]
        media.save_picture(tensors.contact_sheet(cells), sheet)


def distance(teacher: Teacher, x: Tensor, style: Tensor) -> float:
    return sum(metrics.style_distance(teacher, x, style).values())


if __name__ == "__main__":
    main()
