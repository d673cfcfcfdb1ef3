"""The transformer network that the shipped trained styles still have.

Johnson, Alahi & Fei-Fei 2016 at half the paper's widths, with layers of the picture's full size,
which `styleswap.nets.transformer` has no more. It goes once these styles have been trained anew.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleswap.nets.transformer import BLOCKS, Layer, Residual, TransformerNetwork, cut, padded

WIDTH = 16


class FullSizeNetwork(nn.Module):
    """One trained style.

    Args:
        width: channels of the first layer; the deeper ones have twice and four times as many.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.width = width
        self.first = Layer(3, width, 9)
        self.down1 = Layer(width, 2 * width, 3, stride=2)
        self.down2 = Layer(2 * width, 4 * width, 3, stride=2)
        self.blocks = nn.Sequential(*(Residual(4 * width, 4 * width) for _ in range(BLOCKS)))
        self.up1 = Layer(4 * width, 2 * width, 3)
        self.up2 = Layer(2 * width, width, 3)
        self.last = Layer(width, 3, 9, norm=False)

    def forward(self, x: Tensor) -> Tensor:
        """As `TransformerNetwork.forward`."""
        y = TransformerNetwork.scaled(padded(x))
        for part in (self.first, self.down1, self.down2):
            y = F.relu(part(y))
        y = self.blocks(y)
        for part in (self.up1, self.up2):
            y = F.relu(part(F.interpolate(y, scale_factor=2, mode="nearest")))
        return cut(torch.sigmoid(self.last(y).float()), x)


def is_full_size(weights: Mapping[str, Tensor]) -> bool:
    """Whether a style's weights are of a `FullSizeNetwork`."""
    return "down1.conv.weight" in weights


def from_weights(weights: Mapping[str, Tensor]) -> TransformerNetwork | FullSizeNetwork:
    """The network of a style, whichever of the two its weights are of."""
    if not is_full_size(weights):
        return TransformerNetwork.from_weights(weights)
    net = FullSizeNetwork(len(weights["first.conv.weight"]))
    net.load_state_dict(dict(weights))
    return net
