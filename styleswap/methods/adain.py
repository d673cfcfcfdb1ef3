"""Adaptive instance normalisation (Huang & Belongie, ICCV 2017).

Departures: `small` in place of VGG-19, and see `styleswap.training.inverse`. What the channels have
in common is not matched by normalising each, and colours show it most: the picture is given the
style's mean and covariance of colours in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Tensor

from styleswap import ops
from styleswap.methods import features
from styleswap.methods.base import Job, Step
from styleswap.nets.adain import LAYER
from styleswap.specs import AdainParams


def run(job: Job) -> Iterator[Step]:
    """Repaint the picture; yields once."""
    p = cast(AdainParams, job.params)
    net, repaint = job.adain()
    # The mean of several styles' transfers is the transfer of their mean statistics.
    with torch.inference_mode():
        net.set_style(*means(features.of_styles(job, LAYER), ops.statistics), p.strength)
        y = repaint(job.content)
        pictures = [(cast(Tensor, style.picture), style.weight) for style in job.styles]
        colours = means(pictures, ops.colour_statistics)
    y = torch.lerp(y, ops.colours_like(y, *colours), p.strength)
    yield Step(1, 1, ops.with_colours_of(y, job.content) if p.keep_colours else y)


def means(
    styles: list[tuple[Tensor, float]], statistics: Callable[[Tensor], tuple[Tensor, Tensor]]
) -> tuple[Tensor, Tensor]:
    """The mean of two statistics of several styles, by their weights."""
    total = sum(weight for _, weight in styles)
    found = [(statistics(x), weight / total) for x, weight in styles]
    one, other = (torch.stack([share * pair[i] for pair, share in found]).sum(0) for i in (0, 1))
    return one, other
