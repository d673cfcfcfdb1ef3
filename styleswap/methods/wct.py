"""Whitening and colouring transforms (Li et al., NIPS 2017).

The levels go from coarse to fine: what one has made is the next one's content (section 3.3).

Departures: `small` in place of VGG-19, from relu4_1 on, and see `styleswap.training.inverse`. The
content's share is each level's own: the paper blends all by 0.6 (eq. 3), but the fine levels change
no shapes, and at full strength they give the style its due.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from styleswap import ops
from styleswap.methods.base import Job, Step
from styleswap.methods.features import Features
from styleswap.specs import WctParams

# The share of the transformed features, level by level.
LEVELS = {"relu4_1": 0.6, "relu3_1": 0.7, "relu2_1": 1.0, "relu1_1": 1.0}


def run(job: Job) -> Iterator[Step]:
    """Repaint the picture; yields after each level."""
    levels = list(LEVELS.items())[-cast(WctParams, job.params).levels :]
    y = job.content
    for i, (layer, share) in enumerate(levels):
        features = Features(job, layer)
        y = features.picture(features.transferred(y, ops.whiten_and_colour, share))
        yield Step(i + 1, len(levels), features.finished(y))
