"""How soon do we reach what plain optimisation reaches?

The baseline is what most write: Adam at a constant rate of 0.03, 1,500 steps on the pixels of the
content, 256 px, against VGG-19. Its final loss is content + style weight * style, measured in the
teacher. Ours is `styleswap.methods.gatys` against the same network: we stop its clock when the
picture first has that loss.

    python benchmarks/gatys.py --teacher DIR      (or --teacher vgg19)

With a folder whose files stand in for parts of VGG-19, the losses are measured in these, while the
time of a step of both is that of a network of VGG-19's full size (random weights cost the same).
"""

from __future__ import annotations

import argparse

import torch
import torchvision
from common import PHOTOS, STYLES, machine, median_seconds, pairs, plain_adam

from styleswap.engine import bf16_is_fast
from styleswap.losses import PerceptualLoss
from styleswap.methods import gatys
from styleswap.methods.base import Job, Style
from styleswap.nets import perceptual
from styleswap.nets.perceptual import PerceptualNetwork
from styleswap.specs import STYLE_LAYERS, GatysParams
from styleswap.training.teacher import load_teacher

SIDE = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--teacher", required=True, help="vgg19, or a folder of teacher files")
    parser.add_argument("--plain-steps", type=int, default=1500)
    parser.add_argument("--plain-loss", type=float, help="skip the plain run: its recorded loss")
    parser.add_argument("--steps", type=int, default=430, help="steps of ours")
    parser.add_argument("--pooling", choices=["max", "average"], default="average")
    args = parser.parse_args()
    print(machine())
    teacher = load_teacher(args.teacher)
    teacher.set_pooling(args.pooling)
    ((name, content, style),) = pairs(1, SIDE, PHOTOS, [s for s in STYLES if s.stem == "swirls"])
    weight = gatys.STYLE_WEIGHT
    objective = PerceptualLoss(teacher, {"conv4_2": 1.0}, dict.fromkeys(STYLE_LAYERS, 1.0))
    objective.set_content(content)
    objective.set_style([(style, 1.0)])

    @torch.no_grad()
    def loss(x: torch.Tensor) -> float:
        near, far = objective(x.clamp(0, 1))
        return float(near + weight * far)

    target = args.plain_loss
    if target is None:
        target = loss(plain_adam(objective, content, args.plain_steps, 0.03, weight))
    print(f"{name}, style weight {weight:g}: untouched {loss(content):.4f}")
    print(f"plain Adam, {args.plain_steps} steps: loss {target:.4f}", flush=True)

    # The cost of a step at each scale, in a network of VGG-19's size.
    full = vgg19_sized(args.pooling)
    half = bf16_is_fast(torch.device("cpu"))
    plain_step = step_seconds(full, SIDE)
    plain_seconds = args.plain_steps * plain_step
    params = GatysParams(size=SIDE, steps=args.steps, pooling=args.pooling, tv=0.0)
    cost = {
        h: step_seconds(full.to(memory_format=torch.channels_last), h, half)
        for h, _, _ in gatys.plan_scales(SIDE, SIDE, args.steps)
    }
    job = Job(
        content,
        (Style(style, None, 1.0),),
        params,
        torch.device("cpu"),
        half,
        lambda name, pooling: teacher,  # type: ignore[arg-type, return-value]
    )
    seconds, reached = 0.0, None
    for step in gatys.run(job):
        seconds += cost[step.image.shape[2]]
        if step.image.shape[2] < SIDE:
            continue
        now = loss(step.image)
        if step.i % 20 == 0:
            print(f"ours, step {step.i}: loss {now:.4f}, {seconds:.1f} s", flush=True)
        if now <= target:
            reached = step.i
            break
    print(f"plain: {1000 * plain_step:.0f} ms a step, {plain_seconds:.0f} s in all")
    if reached is None:
        print(f"ours: not reached in {args.steps} steps, loss {loss(step.image):.4f}")
    else:
        print(f"ours: reached at step {reached}, {seconds:.1f} s")
        print(f"{plain_seconds / seconds:.1f} times as fast")


def vgg19_sized(pooling: perceptual.Pooling) -> PerceptualNetwork:
    """VGG-19's layers up to relu5_1 with random weights."""
    features = torchvision.models.vgg19().features.state_dict()
    named = {f"features.{k}": v for k, v in features.items()}
    net = perceptual.from_torchvision(named, pooling)
    return net.eval().requires_grad_(False)


def step_seconds(net: PerceptualNetwork, side: int, half: bool = False) -> float:
    """Median time of 50 steps of optimisation, in float32 or under bfloat16 autocast."""
    objective = PerceptualLoss(net, {"conv4_2": 1.0}, dict.fromkeys(STYLE_LAYERS, 1.0))
    x = torch.rand(1, 3, side, side)
    objective.set_content(x)
    objective.set_style([(x, 1.0)])
    y = torch.rand_like(x).requires_grad_(True)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            content, style = objective(y)
        torch.autograd.grad(content + style, y)

    return median_seconds(step, 50)


if __name__ == "__main__":
    main()
