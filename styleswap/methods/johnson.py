"""One pass through a network trained for one style (Johnson, Alahi & Fei-Fei, ECCV 2016).

How the network departs from the paper stands in `styleswap.nets.transformer`, its training in
`styleswap.training.style`. Strength blends the result with the photograph.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch

from styleswap import ops
from styleswap.methods.base import Job, Step
from styleswap.specs import JohnsonParams


def run(job: Job) -> Iterator[Step]:
    """Repaint the picture; yields once."""
    p = cast(JohnsonParams, job.params)
    repaint = job.trained(cast(str, job.styles[0].name))
    y = repaint(job.content)
    y = torch.lerp(job.content, y, p.strength)
    if p.keep_colours:
        y = ops.with_colours_of(y, job.content)
    yield Step(1, 1, y)
