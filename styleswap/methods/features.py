"""What the methods share that transfer a style's features to the content's and invert the result:
`swap` and `wct`, and `adain` as far as its own network does not.

They look through `small`, whose inverse networks are shipped. Each style's features are transferred
by themselves and the results averaged by the styles' weights (Huang & Belongie 2017, eq. 15);
strength draws them towards the content's own (eq. 14).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar, cast

import torch
from torch import Tensor

from styleswap import ops
from styleswap.methods.base import Job
from styleswap.nets.inverse import cut, padded
from styleswap.specs import AnyStyleParams
from styleswap.tensors import at_side

T = TypeVar("T")
Transfer = Callable[[Tensor, Tensor], Tensor]
Weighted = tuple[Tensor, float]  # of a style, and its weight


def fast(job: Job) -> torch.autocast:
    """Runs what is done within in bfloat16, where the device is fast at it."""
    return torch.autocast(job.device.type, torch.bfloat16, enabled=job.half)


def of_picture(job: Job, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
    """Features of (1, 3, H, W) in [0, 1] by layer, float32."""
    net = job.perceptual("small", "average")
    with torch.inference_mode(), fast(job):
        x = x.contiguous(memory_format=torch.channels_last)
        return {layer: f.float() for layer, f in net.features(x, layers).items()}


def style_pictures(job: Job) -> list[Weighted]:
    """The styles, at the size that their brush strokes shall have."""
    p = cast(AnyStyleParams, job.params)
    side = max(job.content.shape[2:]) * p.style_scale
    return [(at_side(cast(Tensor, s.picture), side), s.weight) for s in job.styles]


def of_styles(job: Job, pictures: list[Weighted], layer: str) -> list[Weighted]:
    """The features of each style."""
    return [(of_picture(job, x, [layer])[layer], weight) for x, weight in pictures]


def means(
    styles: Sequence[tuple[T, float]], statistics: Callable[[T], tuple[Tensor, Tensor]]
) -> tuple[Tensor, Tensor]:
    """The mean of two statistics of several styles, by their weights."""
    total = sum(weight for _, weight in styles)
    found = [(statistics(x), weight / total) for x, weight in styles]
    one, other = (torch.stack([share * pair[i] for pair, share in found]).sum(0) for i in (0, 1))
    return one, other


def colours(pictures: list[Weighted]) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the styles' colours, see `ops.colour_statistics`."""
    return means(pictures, ops.colour_statistics)


class Features:
    """The features of one layer of `small` for a job: there, and back to a picture."""

    def __init__(self, job: Job, layer: str) -> None:
        self.job, self.layer = job, layer
        self.params = cast(AnyStyleParams, job.params)
        self.net = job.perceptual("small", "average")
        self.inverse = job.inverse(layer)
        self.pictures = style_pictures(job)
        self.styles = of_styles(job, self.pictures, layer)

    def transferred(self, x: Tensor, transfer: Transfer, share: float) -> Tensor:
        """The features of a picture (1, 3, H, W), `padded`, drawn by `share` of the strength to
        what they are with the styles transferred."""
        x = padded(x, self.inverse.factor)
        own = of_picture(self.job, x, [self.layer])[self.layer]
        total = sum(weight for _, weight in self.styles)
        with torch.inference_mode():
            mixed = sum(
                (transfer(own, style) * (weight / total) for style, weight in self.styles),
                torch.zeros_like(own),
            )
            return torch.lerp(own, mixed, share * self.params.strength)

    def picture(self, features: Tensor) -> Tensor:
        """The picture of what `transferred` gave, of the content's size, in [0, 1]."""
        height, width = self.job.content.shape[2:]
        with torch.inference_mode(), fast(self.job):
            y = self.inverse(features.contiguous(memory_format=torch.channels_last))
        return cut(y, height, width).contiguous()

    def finished(self, y: Tensor) -> Tensor:
        """The result, in the content's own colours where that is asked for."""
        return ops.with_colours_of(y, self.job.content) if self.params.keep_colours else y
