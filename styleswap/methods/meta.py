"""A network that looks at a painting once and writes one that paints in its style:
Shen, Yan & Zeng, Meta Networks for Neural Style Transfer (CVPR 2018).

How the network departs from the paper stands in `styleswap.nets.meta`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from torch import Tensor

from styleswap.methods import onepass
from styleswap.methods.base import Job, PaintFrames, Repaint, Step
from styleswap.specs import MetaParams
from styleswap.tensors import at_side

# A painting is looked at no larger: it would take gigabytes.
LONGEST = 2048


def run(job: Job) -> Iterator[Step]:
    """Repaint the picture; yields once."""
    yield from onepass.run(job, _repaint(job))


def painter(job: Job) -> tuple[PaintFrames, Repaint]:
    """See `styleswap.methods.base`."""
    return onepass.painter(job, _repaint(job))


def _repaint(job: Job) -> Repaint:
    p = cast(MetaParams, job.params)
    # As large as its brush strokes shall be in the result.
    side = min(LONGEST, max(job.content.shape[2:]) * p.style_scale)
    pictures = [(at_side(cast(Tensor, s.picture), side), s.weight) for s in job.styles]
    return job.written(onepass.mean([(job.write(x), weight) for x, weight in pictures]))
