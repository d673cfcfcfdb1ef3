"""One pass through a network trained for one style (Johnson, Alahi & Fei-Fei, ECCV 2016), or
through the mean of several.

How the network departs from the paper stands in `styleswap.nets.transformer`, its training in
`styleswap.training.style`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from styleswap.methods import onepass
from styleswap.methods.base import Job, PaintFrames, Repaint, Step


def run(job: Job) -> Iterator[Step]:
    """Repaint the picture; yields once."""
    yield from onepass.run(job, _repaint(job))


def painter(job: Job) -> tuple[PaintFrames, Repaint]:
    """See `styleswap.methods.base`."""
    return onepass.painter(job, _repaint(job))


def _repaint(job: Job) -> Repaint:
    names = [(cast(str, style.name), style.weight) for style in job.styles]
    if len(names) == 1:
        return job.trained(names[0][0])
    return job.written(onepass.mean([(job.weights(name), weight) for name, weight in names]))
