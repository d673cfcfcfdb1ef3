"""What the methods share that paint with a transformer network of the style's own, in one pass:
`johnson` and `meta`.

Several styles are mixed in weight space: the network is the mean of theirs, as in Wang et al., Deep
Network Interpolation (CVPR 2019, eq. 2), and takes no longer than one of them. Strength blends the
result with the photograph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch

from styleswap import ops
from styleswap.errors import StyleSwapError
from styleswap.media import Pixels
from styleswap.methods import frames as of_frames
from styleswap.methods.base import Job, PaintFrames, Repaint, Step, Weights
from styleswap.specs import JohnsonParams, MetaParams


def mean(networks: Sequence[tuple[Weights, float]]) -> Weights:
    """The network between several of one architecture, by how much each counts.

    Args:
        networks: their state dicts, each with a weight above 0.

    Returns:
        A state dict, float32; that of a single network as it is.

    Raises:
        StyleSwapError: they are not of one architecture.
    """
    (first, _), *others = networks
    if not others:
        return first
    for other, _ in others:
        if {k: w.shape for k, w in first.items()} != {k: w.shape for k, w in other.items()}:
            raise StyleSwapError(
                "These styles' networks are of different shapes and cannot be mixed; choose others."
            )
    total = sum(weight for _, weight in networks)
    found = {name: torch.zeros_like(w) for name, w in first.items()}
    for network, weight in networks:
        for name, w in network.items():
            found[name].add_(w, alpha=weight / total)
    return found


def run(job: Job, repaint: Repaint) -> Iterator[Step]:
    """Repaint the picture; yields once."""
    p = cast(JohnsonParams | MetaParams, job.params)
    x = job.content
    y = repaint(x)
    if p.strength < 1:
        y = torch.lerp(x, y, p.strength)
    yield Step(1, 1, ops.with_colours_of(y, x) if p.keep_colours else y)


def painter(job: Job, repaint: Repaint) -> tuple[PaintFrames, Repaint]:
    """See `styleswap.methods.base`."""
    p = cast(JohnsonParams | MetaParams, job.params)

    def finished(x: Pixels, y: Pixels) -> Pixels:
        y = of_frames.mixed(x, y, p.strength)
        return of_frames.with_colours_of(y, x) if p.keep_colours else y

    def paint(frames: Sequence[Pixels]) -> list[Pixels]:
        return [finished(x, y) for x, y in zip(frames, repaint.frames(frames), strict=True)]

    return paint, repaint
