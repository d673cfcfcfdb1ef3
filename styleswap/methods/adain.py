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
    yield Step(1, 1, painter(job)(job.content))


def painter(job: Job) -> Callable[[Tensor], Tensor]:
    """What repaints pictures (1, 3, H, W) of the content's size, such as the frames of a film."""
    p = cast(AdainParams, job.params)
    net, repaint = job.adain()
    # The mean of several styles' transfers is the transfer of their mean statistics.
    with torch.inference_mode():
        styles = features.style_pictures(job)
        told = features.means(features.of_styles(job, styles, LAYER), ops.statistics)
        colours = features.colours(styles)

    def paint(x: Tensor) -> Tensor:
        with torch.inference_mode():
            net.set_style(*told, p.strength)  # another job may have had the network
            y = repaint(x)
            y = torch.lerp(y, ops.colours_like(y, *colours), p.strength)
            return ops.with_colours_of(y, x) if p.keep_colours else y

    return paint
