"""Adaptive instance normalisation (Huang & Belongie, ICCV 2017).

Departures: `small` in place of VGG-19, and see `styleswap.training.inverse`.
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
    total = sum(style.weight for style in job.styles)
    with torch.inference_mode():
        told = [(ops.statistics(f), weight / total) for f, weight in features.of_styles(job, LAYER)]
        mean, deviation = (
            torch.stack([share * found[i] for found, share in told]).sum(0) for i in (0, 1)
        )
        net.set_style(mean, deviation, p.strength)
    y = repaint(job.content)
    yield Step(1, 1, ops.with_colours_of(y, job.content) if p.keep_colours else y)
