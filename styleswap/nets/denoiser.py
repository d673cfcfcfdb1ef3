"""The network of zero-shot Noise2Noise (Mansour & Heckel, CVPR 2023, section 3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS = 48
LEAK = 0.2
# How far, in pixels, what a pixel becomes depends on its neighbours.
REACH = 2


class Denoiser(nn.Module):
    """Two 3 x 3 convolutions of 48 channels, a 1 x 1: 22,275 weights. It predicts the noise."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.second = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.last = nn.Conv2d(CHANNELS, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The noise in (B, 3, H, W), any range; the result has the same shape, float32."""
        y = F.leaky_relu(self.first(x), LEAK)
        y = F.leaky_relu(self.second(y), LEAK)
        found: Tensor = self.last(y)
        return found.float()


def new_denoiser(generator: torch.Generator) -> Denoiser:
    """A network with random weights, as torch's convolutions have them by default (He et al. 2015):
    uniform within the inverse root of what a channel sums over."""
    net = Denoiser()
    with torch.no_grad():
        for conv in net.children():
            assert isinstance(conv, nn.Conv2d) and conv.bias is not None
            most = conv.weight[0].numel() ** -0.5
            for part in (conv.weight, conv.bias):
                part.copy_(torch.rand(part.shape, generator=generator).mul(2).sub(1).mul(most))
    return net
