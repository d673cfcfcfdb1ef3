"""Whitening and colouring transforms (Li et al., NIPS 2017).

The levels go from coarse to fine: what one has made is the next one's content (section 3.3).

Departures: `small` in place of VGG-19, from relu4_1 on, and see `styleswap.training.inverse`. The
content's share is each level's own: the paper blends all by 0.6 (eq. 3), but the fine levels change
no shapes, and at full strength they give the style its due. What hardly varies in the content is
not whitened wholly: it would come back as blotches.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import cast

from styleswap import ops
from styleswap.methods.base import Job, Step
from styleswap.methods.features import Features
from styleswap.specs import WctParams

# The share of the transformed features, level by level.
LEVELS = {"relu4_1": 0.7, "relu3_1": 0.8, "relu2_1": 1.0, "relu1_1": 1.0}


def run(job: Job) -> Iterator[Step]:
    """Repaint the picture; yields after each level."""
    levels = list(LEVELS.items())[-cast(WctParams, job.params).levels :]
    transform = functools.partial(ops.whiten_and_colour, ridge=ops.RIDGE)
    y = job.content
    for i, (layer, share) in enumerate(levels):
        features = Features(job, layer)
        y = features.picture(features.transferred(y, transform, share))
        yield Step(i + 1, len(levels), features.finished(y))
