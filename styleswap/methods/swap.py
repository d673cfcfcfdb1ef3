"""Style swap (Chen & Schmidt 2016, Fast Patch-based Style Transfer of Arbitrary Style).

The swapped features become a picture by an inverse network (section 3.3) or, where refining steps
are asked for, by optimisation of its pixels from there on (section 3.2, eq. 4).

Departures: `small` in place of VGG-19; optimisation starts at the inverse network's picture, and by
Adam; and see `styleswap.training.inverse`. Whitened features are compared, and the swapped ones
coloured again (Sheng et al. 2018, Avatar-Net, section 3.2; see `ops.style_swap`). relu4_1 is
swapped first, in part, and what it makes of the picture is swapped in relu3_1: larger pieces of the
style come where the photograph is flat. In the end the picture takes the styles' mean and
covariance of colours.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor

from styleswap import ops
from styleswap.losses import relative_error
from styleswap.methods.base import Job, Step
from styleswap.methods.features import Features, colours, fast
from styleswap.nets.inverse import cut, padded
from styleswap.specs import SwapParams

# The share of the swapped features, layer by layer; the last layer's are refined.
LEVELS = {"relu4_1": 0.4, "relu3_1": 1.0}
LAYER = "relu3_1"
RATE = 0.02
TV_WEIGHT = 1.0


def run(job: Job) -> Iterator[Step]:
    """Repaint the picture; yields after each level, then after each step of refining."""
    p = cast(SwapParams, job.params)
    steps = len(LEVELS) + p.refine
    y = job.content
    for i, (layer, share) in enumerate(LEVELS.items()):
        features = Features(job, layer)
        target = features.transferred(y, functools.partial(swapped, p.patch, job.half), share)
        y = features.picture(target)
        coloured = ops.colours_like(y, *colours(features.pictures))
        yield Step(i + 1, steps, features.finished(torch.lerp(y, coloured, p.strength)))
    y = torch.lerp(y, coloured, p.strength)
    for i, (better, losses) in enumerate(refined(features, y, target, p.refine)):
        yield Step(len(LEVELS) + i + 1, steps, features.finished(better), losses)


def swapped(patch: int, half: bool, content: Tensor, style: Tensor) -> Tensor:
    """`ops.style_swap`, by smaller patches where the features have no room for such."""
    return ops.style_swap(content, style, min(patch, *content.shape[2:], *style.shape[2:]), half)


def refined(
    features: Features, y: Tensor, target: Tensor, steps: int
) -> Iterator[tuple[Tensor, dict[str, float]]]:
    """Optimise the pixels of `y` until its features are `target`; gives each step's picture."""
    height, width = y.shape[2:]
    goal = features.net.content_map(LAYER, target.clone())
    x = padded(y, features.inverse.factor).clone().contiguous().requires_grad_(True)
    optimizer = torch.optim.Adam([x], lr=RATE)
    for k in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * (1 - 0.9 * k / steps)
        optimizer.zero_grad()
        with fast(features.job):
            seen = x.contiguous(memory_format=torch.channels_last)
            found = features.net.features(seen, [LAYER])[LAYER]
        near = relative_error(features.net.content_map(LAYER, found), goal)
        loss = near + TV_WEIGHT * ops.total_variation(x)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            x.clamp_(0, 1)
            made = cut(x, height, width).clone()
        yield made, {"total": loss.item(), "content": near.item()}
