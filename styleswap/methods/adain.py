"""Adaptive instance normalisation (Huang & Belongie, ICCV 2017).

Departures: `small` in place of VGG-19; a decoder that is told more of the style than the paper's,
see `styleswap.nets.adain` and `styleswap.training.inverse`. What the channels have in common is not
matched by normalising each, and colours show it most: the picture is given the style's mean and
covariance of colours in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor

from styleswap import ops
from styleswap.media import Pixels
from styleswap.methods import features
from styleswap.methods import frames as of_frames
from styleswap.methods.base import Job, PaintFrames, Repaint, Step
from styleswap.nets import adain
from styleswap.specs import AdainParams


def run(job: Job) -> Iterator[Step]:
    """Repaint the picture; yields once."""
    p = cast(AdainParams, job.params)
    set_style, repaint, colours = _styled(job)
    with torch.inference_mode():
        set_style()
        y = repaint(job.content)
        y = torch.lerp(y, ops.colours_like(y, *colours), p.strength)
        y = ops.with_colours_of(y, job.content) if p.keep_colours else y
    yield Step(1, 1, y)


def painter(job: Job) -> tuple[PaintFrames, Repaint]:
    """See `styleswap.methods.base`."""
    p = cast(AdainParams, job.params)
    set_style, repaint, colours = _styled(job)

    def finished(x: Pixels, y: Pixels) -> Pixels:
        y = of_frames.mixed(y, of_frames.colours_like(y, *colours), p.strength)
        return of_frames.with_colours_of(y, x) if p.keep_colours else y

    def paint(frames: Sequence[Pixels]) -> list[Pixels]:
        set_style()  # another job may have had the network
        return [finished(x, y) for x, y in zip(frames, repaint.frames(frames), strict=True)]

    return paint, repaint


def _styled(job: Job) -> tuple[Callable[[], None], Repaint, tuple[Tensor, Tensor]]:
    """What tells the network the job's styles, what runs it, and the styles' colours."""
    p = cast(AdainParams, job.params)
    net, repaint = job.adain()
    # The mean of several styles' transfers is the transfer of their mean statistics.
    with torch.inference_mode():
        styles = features.style_pictures(job)
        found = [(features.of_picture(job, x, adain.LAYERS), weight) for x, weight in styles]
        told = features.means(found, lambda x: adain.statistics(adain.taken(x)))
        colours = features.colours(styles)

    @torch.inference_mode()
    def set_style() -> None:
        net.set_style(*told, p.strength)

    return set_style, repaint, colours
