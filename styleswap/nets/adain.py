"""Adaptive instance normalisation as one network, for the fast runtimes.

`small` up to relu4_1, the normalisation (Huang & Belongie 2017, eq. 8 and 14), and the inverse
network. The style is a mean and a deviation for each channel: to change it costs nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from styleswap import ops
from styleswap.nets.inverse import InverseNetwork, cut, padded
from styleswap.nets.perceptual import PerceptualNetwork

LAYER = "relu4_1"
# Three poolings: sides are padded to a multiple of this.
MULTIPLE = 8


class AdainNetwork(nn.Module):
    """Any style; the one that was set last.

    Args:
        net: `small`.
        inverse: the inverse network of `LAYER`.
    """

    def __init__(self, net: PerceptualNetwork, inverse: InverseNetwork) -> None:
        super().__init__()
        self.net, self.inverse = net, inverse
        channels = net.conv(LAYER).out_channels
        self.mean: Tensor
        self.deviation: Tensor
        self.own: Tensor
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("deviation", torch.ones(1, channels, 1, 1))
        self.register_buffer("own", torch.zeros(1, 1, 1, 1))

    def set_style(self, mean: Tensor, deviation: Tensor, strength: float) -> None:
        """Take the style that `forward` gives from now on.

        Args:
            mean: of each channel of the style's features, (1, C, 1, 1).
            deviation: likewise; see `ops.statistics`.
            strength: 0 leaves the content's features as they are, 1 gives them the style's.
        """
        # In place: a recorded graph reads them where they lie.
        self.mean.copy_(strength * mean)
        self.deviation.copy_(strength * deviation)
        self.own.fill_(1 - strength)

    def forward(self, x: Tensor) -> Tensor:
        """Repaint (B, 3, H, W) in [0, 1]; the result has the same shape and range."""
        height, width = x.shape[2:]
        x = padded(x, MULTIPLE)
        f = self.net.features(x, [LAYER])[LAYER].float()
        mean, deviation = ops.statistics(f)
        t = (f - mean) / deviation * self.deviation + self.mean + self.own * f
        return cut(self.inverse(t), height, width)
