"""How soon do we reach what plain optimisation reaches, and does one strength fit every pair?

    python benchmarks/gatys.py --teacher DIR      (or --teacher vgg19)

The baseline is what most write: Adam at a constant rate of 0.03, 1,500 steps on the pixels of the
content, 256 px, against VGG-19. Its final loss is content + style weight * style, measured in the
teacher. Ours is `styleswap.methods.gatys` against the same network: we stop its clock when the
picture first has that loss. What it drafts against `small` is in its time. Neither has a margin
around the picture, which would cost both alike: both are measured on the pixels that they optimise.
Ours minimises the same loss here: its content counts at one weight.

With a folder whose files stand in for parts of VGG-19, the losses are measured in these, while both
are timed against a network of VGG-19's full size (random weights cost the same): ours over its
whole course, plain Adam over 50 steps, since all of its steps are alike.

    python benchmarks/gatys.py --paintings DIR --photos DIR [--turn N]

At the default settings, against `small`, at 256 and at 512 px: how far is each result from its
photograph (content), and how far from its painting (style), as a share of the untouched
photograph's distance? Each painting is paired with the photograph at its place in the sorted
folder, or N places further. What counts is how far the contents are from their median.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torchvision
from common import PHOTOS, STYLES, machine, pairs, plain_adam

from styleswap import media, metrics, tensors
from styleswap.engine import Engine, Request, StyleChoice
from styleswap.losses import PerceptualLoss
from styleswap.methods import gatys
from styleswap.methods.base import Job, Step, Style
from styleswap.nets import perceptual
from styleswap.nets.perceptual import PerceptualNetwork
from styleswap.runtimes import bf16_is_fast
from styleswap.specs import STYLE_LAYERS, GatysParams
from styleswap.training.teacher import load_teacher

SIDE = 256
WEIGHT = 5.0  # of the style's losses against the content's
SIZES = (256, 512)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--teacher", help="vgg19, or a folder of teacher files")
    what.add_argument("--paintings", type=Path, help="measure what is left of each photograph")
    parser.add_argument("--photos", type=Path, help="as many as there are paintings")
    parser.add_argument("--turn", type=int, default=0, help="pair painting i with photo i + N")
    parser.add_argument("--plain-steps", type=int, default=1500)
    parser.add_argument("--plain-loss", type=float, help="skip the plain run: its recorded loss")
    parser.add_argument("--steps", type=int, default=560, help="steps of ours")
    parser.add_argument("--pooling", choices=["max", "average"], default="average")
    args = parser.parse_args()
    print(machine())
    if args.paintings:
        photos = sorted(args.photos.iterdir())
        distances(sorted(args.paintings.iterdir()), photos[args.turn :] + photos[: args.turn])
    else:
        race(args)


def distances(paintings: list[Path], photos: list[Path]) -> None:
    """The table of every pair and size."""
    engine, net = Engine(), perceptual.load("small")
    contents, styles = [], []
    for painting, photo in zip(paintings, photos, strict=True):
        line = ""
        for size in SIZES:
            picture, content = media.open_picture(painting), media.open_picture(photo)
            params = GatysParams(size=size, network="small")
            *_, last = engine.run(Request("gatys", content, [StyleChoice(picture=picture)], params))
            plain, style = tensors.from_pil(media.fit(content, size)), tensors.from_pil(picture)
            found = metrics.figures(net, last.image, plain, style)
            contents.append(found["content"])
            styles.append(found["style"] / metrics.figures(net, plain, plain, style)["style"])
            line += f" {contents[-1]:.3f} | {styles[-1]:.4f} |"
        print(f"| {painting.stem} / {photo.stem} |{line}", flush=True)
    middle = statistics.median(contents)
    print(f"content: median {middle:.3f}, {min(contents) / middle:.2f} to", end=" ")
    print(f"{max(contents) / middle:.2f} times that")
    print(f"style: mean {statistics.fmean(styles):.4f}, largest {max(styles):.4f}")


def race(args: argparse.Namespace) -> None:
    """The clocks of plain Adam and of ours."""
    teacher = load_teacher(args.teacher)
    teacher.set_pooling(args.pooling)
    small = perceptual.load("small", args.pooling).to(memory_format=torch.channels_last)
    ((name, content, style),) = pairs(1, SIDE, PHOTOS, [s for s in STYLES if s.stem == "swirls"])
    objective = PerceptualLoss(teacher, {"conv4_2": 1.0}, dict.fromkeys(STYLE_LAYERS, 1.0))
    objective.set_content(content)
    objective.set_style([(style, 1.0)])

    @torch.no_grad()
    def loss(x: torch.Tensor) -> float:
        near, far = objective(x.clamp(0, 1))
        return float(near + WEIGHT * far)

    target = args.plain_loss
    if target is None:
        target = loss(plain_adam(objective, content, args.plain_steps, 0.03, WEIGHT))
    print(f"{name}, style weight {WEIGHT:g}: untouched {loss(content):.4f}")
    print(f"plain Adam, {args.plain_steps} steps: loss {target:.4f}", flush=True)

    gatys.MARGIN = 0
    gatys.REACH = 1.0
    params = GatysParams(
        size=SIDE,
        steps=args.steps,
        pooling=args.pooling,
        style_strength=WEIGHT / gatys.STYLE_WEIGHT,
        tv=0.0,
    )

    def ours(net: object) -> Iterator[Step]:
        device = torch.device("cpu")
        styles = (Style(style, None, 1.0),)
        network = lambda name, pooling: small if name == "small" else net  # noqa: E731
        trained: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {}  # none is asked for
        half = bf16_is_fast(device)
        return gatys.run(Job(content, styles, params, device, half, network, trained.__getitem__))

    # Both clocks run on a network of VGG-19's full size.
    full = vgg19_sized(args.pooling)
    twin = PerceptualLoss(full, objective.content_weights, objective.style_weights)
    twin.set_content(content)
    twin.set_style([(style, 1.0)])
    plain_seconds = seconds_of_plain(twin, content) * args.plain_steps
    print(f"plain: {1000 * plain_seconds / args.plain_steps:.0f} ms a step", flush=True)
    full = full.to(memory_format=torch.channels_last)  # as the engine holds it
    began = time.perf_counter()
    clock = [time.perf_counter() - began for _ in ours(full)]

    reached = None
    for step in ours(teacher):
        if step.image.shape[2] < SIDE:
            continue
        now = loss(step.image)
        if step.i % 20 == 0:
            print(f"ours, step {step.i}: loss {now:.4f}, {clock[step.i - 1]:.1f} s", flush=True)
        if now <= target:
            reached = step.i
            break
    print(f"plain: {plain_seconds:.0f} s in all")
    if reached is None:
        print(f"ours: not reached in {args.steps} steps, loss {loss(step.image):.4f}")
    else:
        print(f"ours: reached at step {reached}, {clock[reached - 1]:.1f} s")
        print(f"{plain_seconds / clock[reached - 1]:.1f} times as fast")


def seconds_of_plain(objective: PerceptualLoss, content: torch.Tensor) -> float:
    """The median time of a step of plain Adam, of 50."""
    ends = [time.perf_counter()]
    plain_adam(
        objective, content, 50, 0.03, WEIGHT, lambda i, x, loss: ends.append(time.perf_counter())
    )
    return statistics.median(b - a for a, b in itertools.pairwise(ends))


def vgg19_sized(pooling: perceptual.Pooling) -> PerceptualNetwork:
    """VGG-19's layers up to relu5_1 with random weights."""
    features = torchvision.models.vgg19().features.state_dict()
    named = {f"features.{k}": v for k, v in features.items()}
    net = perceptual.from_torchvision(named, pooling)
    return net.eval().requires_grad_(False)


if __name__ == "__main__":
    main()
