"""How true is `small`, and how fast?

For each of several pairs that it was not trained on, optimise the content's pixels for the style
(250 steps of Adam) once against `small` and once against the teacher, and measure both results in
the teacher: sum_l ||G_l(x) - G_l(s)||^2 / ||G_l(s)||^2. Then time one step of each kind.

    python benchmarks/perceptual.py --teacher DIR      (or --teacher vgg19)
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path

import torch
import torchvision
from common import PHOTOS, STYLES, machine, pairs, plain_adam, seconds_in_turn

from styleswap import metrics
from styleswap.losses import PerceptualLoss
from styleswap.nets import perceptual
from styleswap.nets.perceptual import PerceptualNetwork
from styleswap.runtimes import bf16_is_fast
from styleswap.specs import STYLE_LAYERS
from styleswap.training.data import find_pictures
from styleswap.training.teacher import load_teacher


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--teacher", required=True, help="vgg19, or a folder of teacher files")
    parser.add_argument("--content", help="folder of content pictures (default: Gradio's)")
    parser.add_argument("--style", help="folder of style pictures (default: examples/style)")
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--style-weight", type=float, default=10.0, help="against content 1")
    parser.add_argument("--pooling", choices=["max", "average"], default="average")
    parser.add_argument("--only-speed", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(0)
    print(machine())
    if not args.only_speed:
        quality(args)
    speed()


def quality(args: argparse.Namespace) -> None:
    small = perceptual.load("small", args.pooling)
    teacher = load_teacher(args.teacher)
    teacher.set_pooling(args.pooling)
    contents = every(args.content) if args.content else PHOTOS
    styles = every(args.style) if args.style else STYLES
    how = f"style weight {args.style_weight}, {args.pooling} pooling"
    print(f"{args.steps} steps of Adam, 256 px, {how}")
    print(f"{'true style distance':28s} untouched   teacher     small     by layer (small)")
    rows = []
    for name, content, style in pairs(args.pairs, 256, contents, styles):
        found = [metrics.style_distance(teacher, content, style)]
        for net in (teacher, small):
            objective = PerceptualLoss(net, {"conv4_2": 1.0}, dict.fromkeys(STYLE_LAYERS, 1.0))
            objective.set_content(content)
            objective.set_style([(style, 1.0)])
            x = plain_adam(objective, content, args.steps, args.rate, args.style_weight)
            found.append(metrics.style_distance(teacher, x, style))
        rows.append([sum(d.values()) for d in found])
        layers = " ".join(f"{v:.4f}" for v in found[-1].values())
        print(
            f"{name:28s} " + " ".join(f"{v:9.4f}" for v in rows[-1]) + f"     {layers}", flush=True
        )
    means = [statistics.mean(column) for column in zip(*rows, strict=True)]
    print(f"{'mean':28s} " + " ".join(f"{v:9.4f}" for v in means))
    print(f"small / teacher: {means[2] / means[1]:.2f} times")


def every(folder: str) -> list[Path]:
    """All pictures of a folder."""
    fresh, held = find_pictures(Path(folder))
    return sorted(fresh + held)


def speed() -> None:
    """One optimisation step (five Gram matrices, conv4_2, gradient to the pixels), 256 px.

    Steps of both networks take turns, so that a slow moment of the machine meets both.
    """
    vgg = torchvision.models.vgg19().features  # random weights: the time does not depend on them
    tensors = {f"features.{k}": v for k, v in vgg.state_dict().items()}
    nets = {
        "torchvision vgg19": perceptual.from_torchvision(tensors, "average", "zeros"),
        "small": perceptual.load("small"),
    }
    x = torch.rand(1, 3, 256, 256).contiguous(memory_format=torch.channels_last)
    for half in (False, True)[: 1 + bf16_is_fast(x.device)]:
        steps = {name: stepper(net, x, half) for name, net in nets.items()}
        took = seconds_in_turn(list(steps.values()), 25)
        kind = "bfloat16" if half else "float32"
        for name, seconds in zip(steps, took, strict=True):
            print(f"one step, {kind}, {name:18s} {1000 * seconds:7.1f} ms")
        print(f"small is {took[0] / took[1]:.1f} times as fast")


def stepper(net: PerceptualNetwork, x: torch.Tensor, half: bool) -> Callable[[], object]:
    """One step against `net`, held in memory as the engine holds it, ready to be timed."""
    net.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    objective = PerceptualLoss(net, {"conv4_2": 1.0}, dict.fromkeys(STYLE_LAYERS, 1.0))
    objective.set_content(x)
    objective.set_style([(x, 1.0)])
    y = torch.rand_like(x).requires_grad_(True)

    def step() -> object:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            content, style = objective(y)
        return torch.autograd.grad(content + style, y)

    return step


if __name__ == "__main__":
    main()
