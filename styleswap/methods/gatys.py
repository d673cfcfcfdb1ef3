"""Image style transfer by optimisation (Gatys, Ecker & Bethge, CVPR 2016).

Departures from the paper, each for a better or an earlier picture:
- Losses are relative to their targets' energy (`styleswap.losses`).
- The content is held at a distance, so that one strength means the same for every pair: at one
  weight for all, paintings of strong contrasts bury the photograph and pale ones hardly show. With
  D the content's loss, E the style's and s the strength, the loss is

      T * held(D / T) + STYLE_WEIGHT * s * E,    T = CONTENT * sqrt(s) * sum of the layers' weights.

  T is the distance aimed at: twice the strength lets the picture go 1.4 times as far. `held` has
  slope 1 at T and a steep one beyond, where the content weighs up to `REACH` times as much, and as
  much less before. (D grows with the fourth root of the style's weight, so weights alone have to
  differ by far more.) It is one smooth loss from the first step to the last: a weight that changed
  on the way would cost L-BFGS the curvature that it has gathered.
- Scales: the optimisation starts small and doubles, so that large shapes are settled where a step
  is cheap.
- The start is the content picture, not noise (both can be chosen).
- The losses see the picture clamped to [0, 1], as a file will hold it, while the gradient passes
  straight through the clamp and a penalty draws back what has left. Clamping only at the end costs
  saturated styles most of what was optimised.
- Total variation is part of the loss, with a small weight.
- L-BFGS sees the picture's frequencies weighed, low ones more: they are the stiff ones.
- A margin: the picture is optimised with a few pixels more around it, which are cut off. At the
  edge of what the convolutions see pixels count otherwise than inside, and take on strong colours.
- A draft: against VGG-19, the coarse scales and the first steps of the finest go against its
  imitation `small`, where a step costs a fifth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from styleswap import ops
from styleswap.losses import PerceptualLoss
from styleswap.methods.base import Job, Step
from styleswap.nets.perceptual import Pooling
from styleswap.specs import GatysParams, parse_layers
from styleswap.tensors import at_side, cover, resize

# The weights of the losses at strength 1 and smoothness 1.
STYLE_WEIGHT = 2.0
TV_WEIGHT = 1.0
RANGE_WEIGHT = 300.0
# The content's loss that is aimed at, at strength 1 and for weights of its layers that add up to 1.
CONTENT = 0.1
# Its weight rises and falls with this power of it, up to so many times either way.
GRIP = 12
REACH = 10.0
# A scale has at least this many pixels on its shorter side: relu5_1 is 16 times smaller.
SMALLEST_SIDE = 96
# Of the steps, each scale gets this share of what the next finer one gets.
COARSER_STEPS = 0.4
# The margin, in pixels of each scale.
MARGIN = 4
# Of the steps of the finest scale, this share belongs to the draft.
DRAFT_STEPS = 0.4
ADAM_RATE = 0.04
# L-BFGS remembers as many steps as fit into so many bytes, at most 50 (more take longer to go
# through than they save) and at least 10.
HISTORY_BYTES = 500e6
# It optimises z in x = P z, P weighing the frequency f (cycles a pixel) by (f + SOFT) ^ -POWER.
POWER = 0.3
SOFT = 0.05


def plan_scales(height: int, width: int, steps: int) -> list[tuple[int, int, int]]:
    """``[(height, width, steps), ...]`` from coarse to fine, every scale half of the next.

    The steps add up to `steps`; the last scale is (height, width) and gets at least one.
    """
    shapes = [(height, width)]
    while min(shapes[0]) >= 2 * SMALLEST_SIDE and len(shapes) < steps:
        h, w = shapes[0]
        shapes.insert(0, ((h + 1) // 2, (w + 1) // 2))
    shares = [COARSER_STEPS**k for k in reversed(range(len(shapes)))]
    counts = [max(1, int(steps * share / sum(shares))) for share in shares[:-1]]
    counts.append(steps - sum(counts))
    return [(*shape, n) for shape, n in zip(shapes, counts, strict=True)]


def history(x: Tensor) -> int:
    """How many steps L-BFGS remembers: two tensors of x's size for each."""
    return int(min(50, max(10, HISTORY_BYTES / (8 * x.numel()))))


def weigh_frequencies(x: Tensor, power: float) -> Tensor:
    """Multiply each frequency f of (B, 3, H, W), in cycles a pixel, by ``(f + SOFT) ^ power``.

    The power -p undoes p.
    """
    down = torch.fft.fftfreq(x.shape[2], device=x.device)[:, None]
    across = torch.fft.rfftfreq(x.shape[3], device=x.device)
    weights = (torch.hypot(down, across) + SOFT) ** power
    weighed: Tensor = torch.fft.irfft2(torch.fft.rfft2(x) * weights, x.shape[2:])
    return weighed


def run(job: Job) -> Iterator[Step]:
    """Optimise the picture's pixels; yields after each step."""
    p = cast(GatysParams, job.params)
    pooling = cast(Pooling, p.pooling)
    draft = job.perceptual("small", pooling)
    net = job.perceptual(p.network, pooling)
    layers = (
        parse_layers("content_layers", p.content_layers),
        parse_layers("style_layers", p.style_layers),
    )
    goal = CONTENT * sum(layers[0].values()) * math.sqrt(p.style_strength)
    content = job.content
    styles = [(cast(Tensor, s.picture), s.weight) for s in job.styles]
    if p.keep_colours:
        styles = [(ops.match_luma(x, content), weight) for x, weight in styles]
        content = ops.luma(content).expand(-1, 3, -1, -1)
    height, width = content.shape[2:]
    *coarse, (_, _, steps) = plan_scales(height, width, p.steps)
    drafted = 0 if draft is net else int(DRAFT_STEPS * steps)
    stages = [(draft, *scale) for scale in coarse]
    stages += [(draft, height, width, drafted)] * (drafted > 0)
    stages += [(net, height, width, steps - drafted)]

    def measure(objective: PerceptualLoss, x: Tensor) -> tuple[Tensor, dict[str, float]]:
        seen = x + (x.clamp(0, 1) - x).detach()
        with torch.autocast(job.device.type, torch.bfloat16, enabled=job.half):
            near, far = objective(seen.contiguous(memory_format=torch.channels_last))
        smooth = ops.total_variation(seen)
        outside = (x - seen.detach()).square().mean()
        total = goal * held(near / goal) + STYLE_WEIGHT * p.style_strength * far
        total = total + TV_WEIGHT * p.tv * smooth + RANGE_WEIGHT * outside
        losses = {"total": total, "content": near, "style": far}
        return total, {name: loss.item() for name, loss in losses.items()}

    def finished(x: Tensor) -> Tensor:
        x = x.clamp(0, 1)
        return ops.with_colours_of(x, resize(job.content, *x.shape[2:])) if p.keep_colours else x

    x = start(p, content, styles, *stages[0][1:3])
    # Adam scales each pixel's step itself, which does in its way what the weights do.
    power = POWER if p.optimizer == "lbfgs" else 0.0

    def pixels(z: Tensor) -> Tensor:
        return weigh_frequencies(z, -power) if power else z

    i = 0
    for network, height, width, steps in stages:
        x = with_margin(resize(x.clamp(0, 1), height, width))
        objective = PerceptualLoss(network, *layers)
        side = max(height, width) * p.style_scale
        with torch.autocast(job.device.type, torch.bfloat16, enabled=job.half):
            objective.set_content(with_margin(resize(content, height, width)))
            objective.set_style((at_side(picture, side), weight) for picture, weight in styles)
        z = weigh_frequencies(x, power) if power else x.clone()
        z = z.contiguous().requires_grad_(True)
        if p.optimizer == "lbfgs":
            optimizer: torch.optim.Optimizer = torch.optim.LBFGS(
                [z], max_iter=1, history_size=history(z), tolerance_grad=0, tolerance_change=0
            )
        else:
            optimizer = torch.optim.Adam([z], lr=ADAM_RATE, betas=(0.9, 0.99))
        for k in range(steps):
            if p.optimizer == "adam":  # down to a twentieth: a constant rate leaves noise
                optimizer.param_groups[0]["lr"] = ADAM_RATE * (1 - 0.95 * k / steps)
            losses: dict[str, float] = {}

            def closure() -> float:
                nonlocal losses
                optimizer.zero_grad()  # noqa: B023 (called within this iteration)
                total, losses = measure(objective, pixels(z))  # noqa: B023
                total.backward()
                return losses["total"]

            optimizer.step(closure)
            x = pixels(z.detach())[..., MARGIN : MARGIN + height, MARGIN : MARGIN + width]
            i += 1
            if i < p.steps:
                yield Step(i, p.steps, finished(x), losses)
    with torch.no_grad(), torch.autocast(job.device.type, torch.bfloat16, enabled=job.half):
        objective.set_content(content)
    with torch.no_grad():
        _, losses = measure(objective, x.clamp(0, 1))
    yield Step(p.steps, p.steps, finished(x), losses)


def held(u: Tensor) -> Tensor:
    """The integral from 0 to `u` of the content's weight, ``u ^ GRIP`` within [1 / REACH, REACH].

    Args:
        u: the content's loss over the one aimed at, a scalar.
    """
    low, high = REACH ** (-1 / GRIP), REACH ** (1 / GRIP)
    v = u.clamp(low, high)
    within: Tensor = (v ** (GRIP + 1) + GRIP * low ** (GRIP + 1)) / (GRIP + 1)
    return within + v**GRIP * (u - v)


def with_margin(x: Tensor) -> Tensor:
    """(B, 3, H, W) with `MARGIN` pixels repeated on every side."""
    return F.pad(x, (MARGIN,) * 4, "replicate")


def start(
    p: GatysParams, content: Tensor, styles: list[tuple[Tensor, float]], height: int, width: int
) -> Tensor:
    """The picture that the optimisation begins with, (1, 3, height, width) in [0, 1]."""
    if p.start == "content":
        return resize(content, height, width)
    heaviest = max(styles, key=lambda pair: pair[1])[0]
    if p.start == "style":
        return cover(heaviest, height, width)
    generator = torch.Generator().manual_seed(p.seed)
    noise = torch.rand((1, 3, height, width), generator=generator).to(content)
    return 0.5 * heaviest.mean((2, 3), keepdim=True) + 0.5 * noise
