"""How far a result is from its style and from its content: what comparisons and benchmarks show."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from styleswap.losses import Perceptual, relative_error
from styleswap.specs import STYLE_LAYERS


@torch.no_grad()
def style_distance(
    net: Perceptual, x: Tensor, style: Tensor, layers: Iterable[str] = STYLE_LAYERS
) -> dict[str, float]:
    """``||G_l(x) - G_l(s)||^2 / ||G_l(s)||^2`` by layer, with Gram matrices per position.

    Args:
        net: the perceptual network to measure with.
        x, style: (1, 3, H, W) in [0, 1]; their sizes may differ.

    Returns:
        A distance for each of `layers`: 0 for the style itself, near 1 for a flat picture.
    """
    wanted = list(layers)
    mine, theirs = net.features(x, wanted), net.features(style, wanted)
    return {
        n: float(relative_error(net.style_matrix(n, mine[n]), net.style_matrix(n, theirs[n])))
        for n in wanted
    }


@torch.no_grad()
def content_distance(net: Perceptual, x: Tensor, content: Tensor, layer: str = "conv4_2") -> float:
    """``||F(x) - F(c)||^2 / ||F(c)||^2`` at one layer, for two pictures of one size."""
    mine, theirs = net.features(x, [layer]), net.features(content, [layer])
    near, wanted = (net.content_map(layer, f[layer]) for f in (mine, theirs))
    return float(relative_error(near, wanted))
