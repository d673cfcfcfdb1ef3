"""The perceptual losses over named layers, each relative to its target's own energy.

Relative losses are dimensionless: 1 is as far from the target as nothing at all is. That is what
lets one set of weights serve every style, and a loss be read as a distance.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Perceptual(Protocol):
    """What the losses need of a network: `styleswap.nets.perceptual.PerceptualNetwork`'s face."""

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]: ...

    def content_map(self, layer: str, features: Tensor) -> Tensor: ...

    def style_matrix(self, layer: str, features: Tensor) -> Tensor: ...


def relative_errors(x: Tensor, target: Tensor) -> Tensor:
    """``||x - t||^2 / ||t||^2`` of each sample.

    Args:
        x, target: (B, ...) of shapes that broadcast; computed in float32.

    Returns:
        (B,), 0 where equal. The energy has an epsilon: an all-zero target gives a finite loss.
    """
    x, target = x.flatten(1).float(), target.flatten(1).float()
    return (x - target).square().sum(1) / (target.square().sum(1) + 1e-8)


def relative_error(x: Tensor, target: Tensor) -> Tensor:
    """The mean of `relative_errors` over the batch: a scalar."""
    return relative_errors(x, target).mean()


class PerceptualLoss(nn.Module):
    """Content and style losses of Gatys et al. 2016 (eq. 1, 4, 5), relative to their targets.

    Args:
        net: the perceptual network.
        content: weights by layer of the feature distance (eq. 1).
        style: weights by layer of the Gram distance (eq. 4 and 5).
    """

    def __init__(
        self, net: Perceptual, content: Mapping[str, float], style: Mapping[str, float]
    ) -> None:
        super().__init__()
        self.net = net
        self.content_weights = dict(content)
        self.style_weights = dict(style)
        self.content: dict[str, Tensor] = {}
        self.style: dict[str, Tensor] = {}

    @torch.no_grad()
    def set_content(self, x: Tensor) -> None:
        """Take (B, 3, H, W) in [0, 1] as the content."""
        found = self.net.features(x, self.content_weights)
        self.content = {layer: self.net.content_map(layer, f) for layer, f in found.items()}

    @torch.no_grad()
    def set_style(self, pictures: Iterable[tuple[Tensor, float]]) -> None:
        """Take a weighted mean of the Gram matrices of pictures (1, 3, H, W) as the style."""
        self.style = {}
        pictures = list(pictures)
        total = sum(weight for _, weight in pictures)
        for x, weight in pictures:
            for layer, f in self.net.features(x, self.style_weights).items():
                g = self.net.style_matrix(layer, f) * (weight / total)
                self.style[layer] = self.style[layer] + g if layer in self.style else g

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Weighted content and style loss of (B, 3, H, W): two scalars."""
        layers = list(dict.fromkeys([*self.content_weights, *self.style_weights]))
        found = self.net.features(x, layers)
        content = x.new_zeros(())
        for layer, weight in self.content_weights.items():
            f = self.net.content_map(layer, found[layer])
            content = content + weight * relative_error(f, self.content[layer])
        style = x.new_zeros(())
        for layer, weight in self.style_weights.items():
            g = self.net.style_matrix(layer, found[layer])
            style = style + weight * relative_error(g, self.style[layer])
        return content, style


def colour_quantiles(x: Tensor) -> Tensor:
    """How the colours of pictures are distributed: their sorted positions along each of `_axes`.

    Args:
        x: (B, 3, H, W) in [0, 1], taken as one set of colours; every third pixel counts both ways.

    Returns:
        (9, 1024), quantiles at equal steps.
    """
    pixels = x[..., ::3, ::3].float().transpose(0, 1).flatten(1)
    ordered = (_axes(x.device) @ pixels).sort(1).values
    return F.interpolate(ordered[None], 1024, mode="linear")[0]


def colour_distance(x: Tensor, quantiles: Tensor) -> Tensor:
    """Mean square of what separates the colours of pictures (B, 3, H, W) from those whose
    `colour_quantiles` are given: the sliced Wasserstein distance (Rabin et al. 2011), a scalar.

    Gram matrices hardly notice a colour that a hundredth of the painting has; this does.
    """
    return (colour_quantiles(x) - quantiles).square().mean()


@functools.cache  # while a CUDA graph is recorded, nothing may be copied to the device
def _axes(device: torch.device) -> Tensor:
    """Red, green and blue, and what mixes two of them by sum or difference, of length 1: (9, 3)."""
    one = torch.eye(3)
    axes = torch.cat([one, one + one.roll(1, 0), one - one.roll(1, 0)])
    return F.normalize(axes, dim=1).to(device)
