"""One pass through a network trained for one style (Johnson, Alahi & Fei-Fei, ECCV 2016).

How the network departs from the paper stands in `styleswap.nets.transformer`, its training in
`styleswap.training.style`. Strength blends the result with the photograph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch

from styleswap import ops
from styleswap.media import Pixels
from styleswap.methods import frames as of_frames
from styleswap.methods.base import Job, PaintFrames, Repaint, Step
from styleswap.specs import JohnsonParams


def run(job: Job) -> Iterator[Step]:
    """Repaint the picture; yields once."""
    p = cast(JohnsonParams, job.params)
    x = job.content
    y = _repaint(job)(x)
    if p.strength < 1:
        y = torch.lerp(x, y, p.strength)
    yield Step(1, 1, ops.with_colours_of(y, x) if p.keep_colours else y)


def painter(job: Job) -> tuple[PaintFrames, Repaint]:
    """See `styleswap.methods.base`."""
    p = cast(JohnsonParams, job.params)
    repaint = _repaint(job)

    def finished(x: Pixels, y: Pixels) -> Pixels:
        y = of_frames.mixed(x, y, p.strength)
        return of_frames.with_colours_of(y, x) if p.keep_colours else y

    def paint(frames: Sequence[Pixels]) -> list[Pixels]:
        return [finished(x, y) for x, y in zip(frames, repaint.frames(frames), strict=True)]

    return paint, repaint


def _repaint(job: Job) -> Repaint:
    return job.trained(cast(str, job.styles[0].name))
