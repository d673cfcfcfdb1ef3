"""Adaptive instance normalisation (Huang & Belongie, ICCV 2017).

Departures: `small` in place of VGG-19, and see `styleswap.training.inverse`. What the channels have
in common is not matched by normalising each, and colours show it most: the picture is given the
style's mean and covariance of colours in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch

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
        styles = features.style_pictures(job)
        told = features.means(features.of_styles(job, styles, LAYER), ops.statistics)
        net.set_style(*told, p.strength)
        y = repaint(job.content)
    y = torch.lerp(y, ops.colours_like(y, *features.colours(styles)), p.strength)
    yield Step(1, 1, ops.with_colours_of(y, job.content) if p.keep_colours else y)
