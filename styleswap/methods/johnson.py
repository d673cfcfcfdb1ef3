"""One pass through a network trained for one style (Johnson, Alahi & Fei-Fei, ECCV 2016).

How the network departs from the paper stands in `styleswap.nets.transformer`, its training in
`styleswap.training.style`. Strength blends the result with the photograph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Tensor

from styleswap import ops
from styleswap.methods.base import Job, Step
from styleswap.specs import JohnsonParams


def run(job: Job) -> Iterator[Step]:
    """Repaint the picture; yields once."""
    yield Step(1, 1, painter(job)(job.content))


def painter(job: Job) -> Callable[[Tensor], Tensor]:
    """What repaints pictures (B, 3, H, W), such as the frames of a film."""
    p = cast(JohnsonParams, job.params)
    repaint = job.trained(cast(str, job.styles[0].name))

    def paint(x: Tensor) -> Tensor:
        y = torch.lerp(x, repaint(x), p.strength) if p.strength < 1 else repaint(x)
        return ops.with_colours_of(y, x) if p.keep_colours else y

    return paint
