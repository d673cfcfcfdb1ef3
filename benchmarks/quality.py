"""How true are the trained styles, and how much of the photograph do they leave?

Over held-out photographs at 512 px, in the teacher's layers, average pooling:

- style: sum_l ||G_l(y) - G_l(s)||^2 / ||G_l(s)||^2 over relu1_1 ... relu5_1, divided by that of the
  untouched photograph; the painting has the size that the network was trained with;
- content: ||conv4_2(y) - conv4_2(c)||^2 / ||conv4_2(c)||^2.

    python benchmarks/quality.py --teacher DIR --photos DIR      (or --teacher vgg19)

With `--gatys N` the optimisation of Gatys et al., at its defaults and of the same size, is measured
on the first N photographs of each style: what a picture of its own reaches.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
from collections.abc import Callable
from pathlib import Path

from common import Grams, distance, machine, seen

from styleswap import media, tensors, weights
from styleswap.engine import Engine, Request, StyleChoice
from styleswap.losses import relative_error
from styleswap.specs import GatysParams, JohnsonParams
from styleswap.training.data import find_pictures
from styleswap.training.settings import StyleSettings
from styleswap.training.style import open_painting
from styleswap.training.teacher import load_teacher

SIDE = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--teacher", required=True, help="vgg19, or a folder of teacher files")
    parser.add_argument("--photos", type=Path, required=True, help="the folder trained on")
    parser.add_argument("--count", type=int, default=16, help="held-out photographs a style")
    parser.add_argument("--gatys", type=int, default=0, help="of these, by optimisation too")
    parser.add_argument("--styles", nargs="*", help="only these")
    args = parser.parse_args()
    print(machine())
    teacher = load_teacher(args.teacher)
    teacher.set_pooling("average")
    held = find_pictures(args.photos)[1]
    photos = [media.fit(media.open_picture(f), SIDE) for f in held[:: len(held) // args.count]]
    photos = photos[: args.count]
    engine = Engine()
    known = [seen(teacher, tensors.from_pil(photo)) for photo in photos]
    print(f"{len(photos)} held-out photographs at {SIDE} px")
    print(f"{'style':24}{'style':>9}{'content':>9}{'':6}{'Gatys: style':>13}{'content':>9}")
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
        ) -> tuple[float, float]:
            """Means of style over plain, and of content, over the first photographs."""
            rows = []
            for i in range(count):
                *_, last = engine.run(make(i))
                style, content = seen(teacher, last.image)
                plain, wanted = known[i]
                apart = relative_error(content, wanted).item()
                rows.append((distance(style, target), distance(plain, target), apart))
            style, plain, content = (statistics.fmean(column) for column in zip(*rows, strict=True))
            return style / plain, content

        ours = distances(
            lambda i, style=johnson: Request(
                "johnson", photos[i], [style], JohnsonParams(size=SIDE)
            ),
            len(photos),
        )
        line = f"{entry.name:24}{ours[0]:9.4f}{ours[1]:9.3f}"
        if args.gatys:
            params = GatysParams(size=SIDE, network="small", style_scale=max(picture.size) / SIDE)
            theirs = distances(
                lambda i, style=optimised, p=params: Request("gatys", photos[i], [style], p),
                args.gatys,
            )
            line += f"{theirs[0]:19.4f}{theirs[1]:9.3f}"
        print(line, flush=True)
        found.append(ours)
    style, content = (statistics.fmean(column) for column in zip(*found, strict=True))
    print(f"{'mean':24}{style:9.4f}{content:9.3f}")
    print(f"{'largest':24}{max(f[0] for f in found):9.4f}{max(f[1] for f in found):9.3f}")


if __name__ == "__main__":
    main()
