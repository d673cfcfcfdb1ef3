"""Style swap (Chen & Schmidt 2016, Fast Patch-based Style Transfer of Arbitrary Style).

The swapped features become a picture by an inverse network (section 3.3) or, where refining steps
are asked for, by optimisation of its pixels from there on (section 3.2, eq. 4).

Departures: `small` in place of VGG-19; optimisation starts at the inverse network's picture, and by
Adam; and see `styleswap.training.inverse`. Averaging patches that overlap takes contrast away, so
that results of style swap look faded: `swapped` gives it back, and the picture's colours are drawn
half way to those of the styles.
"""

from __future__ import annotations

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

LAYER = "relu3_1"
RATE = 0.02
TV_WEIGHT = 1.0
RIDGE = 0.01
# Not all the way: the content may have nothing like some of the style's colours.
COLOURS = 0.5


def run(job: Job) -> Iterator[Step]:
    """Repaint the picture; yields the inverse network's, then after each step of refining."""
    p = cast(SwapParams, job.params)
    features = Features(job, LAYER)
    target = features.transferred(
        job.content, lambda content, style: swapped(content, style, p.patch, job.half)
    )
    y = features.picture(target)
    y = torch.lerp(y, ops.colours_like(y, *colours(features.pictures)), COLOURS * p.strength)
    steps = p.refine
    yield Step(1, steps + 1, features.finished(y))
    for i, (better, losses) in enumerate(refined(features, y, target, steps)):
        yield Step(i + 2, steps + 1, features.finished(better), losses)


def swapped(content: Tensor, style: Tensor, patch: int = 3, half: bool = False) -> Tensor:
    """Each patch of the content's features by the style's patch that is most like it, as they look
    when both are whitened; overlapping patches are averaged, and what that takes away is given back
    by whitening and colouring.

    Args:
        content, style, patch, half: as `ops.style_swap` takes them.

    Returns:
        (1, C, H, W), with the mean and the covariance of the style's features.
    """
    ours, theirs = (ops.whitened(x, RIDGE) for x in (content, style))
    places = ops.best_matches(ours, theirs, patch, half)
    found = ops.put_together(places, style, content.shape[2:], patch)
    return ops.whiten_and_colour(found, style)


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
