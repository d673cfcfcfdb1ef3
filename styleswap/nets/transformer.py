"""The transformer network: a photograph in, the same in one style out, in one pass.

Johnson, Alahi & Fei-Fei, Perceptual Losses for Real-Time Style Transfer, ECCV 2016, with the
architecture of its supplementary material, and the instance normalisation of Ulyanov, Vedaldi &
Lempitsky (arXiv 1607.08022).

Departures from the papers:
- Widths of 16, 32, 64 channels by default (the paper's are 32, 64, 128): a third of the time, and
  what is lost hardly shows.
- Reflection padding in every layer, none at the picture's border only: residual blocks keep their
  size. Four reflected pixels more around the picture are painted and cut off: what layers reflect
  shows as lines along the edge.
- Nearest-neighbour upsampling and a convolution in place of a transposed one, which leaves
  checkerboards (Odena, Dumoulin & Olah, Distill 2016).
- The last layer is a logistic function: the result is in [0, 1] by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCKS = 5
WIDTHS = (16, 32)
MARGIN = 4
# Two layers of stride 2: sides are padded to a multiple of this.
MULTIPLE = 4


class Layer(nn.Module):
    """Reflection padding, a convolution and instance normalisation."""

    def __init__(self, into: int, out: int, side: int, stride: int = 1, norm: bool = True) -> None:
        super().__init__()
        # Normalisation takes away whatever a bias would add.
        self.conv = nn.Conv2d(into, out, side, stride, bias=not norm)
        self.norm = nn.InstanceNorm2d(out, affine=True) if norm else nn.Identity()
        self.pad = side // 2

    def forward(self, x: Tensor) -> Tensor:
        """(B, into, H, W) -> (B, out, ceil(H / stride), ceil(W / stride))."""
        found: Tensor = self.norm(self.convolved(x))
        return found

    def convolved(self, x: Tensor) -> Tensor:
        """As `forward`, not normalised."""
        # Autocast would pad in float32, and convert twice.
        with torch.autocast(x.device.type, enabled=False):
            x = F.pad(x, (self.pad,) * 4, "reflect")
        found: Tensor = self.conv(x)
        return found


class Residual(nn.Module):
    """Two layers around which the input goes unchanged, with no rectifier after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Layer(channels, channels, 3)
        self.second = Layer(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        found: Tensor = x + self.second(F.relu(self.first(x)))
        return found


class TransformerNetwork(nn.Module):
    """One trained style.

    Args:
        width: channels of the first layer; the deeper ones have twice and four times as many.
    """

    def __init__(self, width: int = WIDTHS[0]) -> None:
        super().__init__()
        self.width = width
        self.first = Layer(3, width, 9)
        self.down1 = Layer(width, 2 * width, 3, stride=2)
        self.down2 = Layer(2 * width, 4 * width, 3, stride=2)
        self.blocks = nn.Sequential(*(Residual(4 * width) for _ in range(BLOCKS)))
        self.up1 = Layer(4 * width, 2 * width, 3)
        self.up2 = Layer(2 * width, width, 3)
        self.last = Layer(width, 3, 9, norm=False)

    @classmethod
    def from_weights(cls, weights: Mapping[str, Tensor]) -> TransformerNetwork:
        """The network of a file: its width is read from the weights."""
        net = cls(len(weights["first.conv.weight"]))
        net.load_state_dict(dict(weights))
        return net

    def forward(self, x: Tensor) -> Tensor:
        """Repaint (B, 3, H, W) in [0, 1]; the result has the same shape and range.

        It is `cut` out of what is painted of `padded`.
        """
        return cut(self.paint(padded(x)), x)

    def paint(self, x: Tensor) -> Tensor:
        """As `forward`, of sides that are multiples of 4: what `styleswap.runtimes` run."""
        y = F.relu(self.first(self.scaled(x)))
        y = F.relu(self.down1(y))
        y = F.relu(self.down2(y))
        y = self.blocks(y)
        y = F.relu(self.up1(F.interpolate(y, scale_factor=2, mode="nearest")))
        y = F.relu(self.up2(F.interpolate(y, scale_factor=2, mode="nearest")))
        return torch.sigmoid(self.last(y).float())

    @staticmethod
    def scaled(x: Tensor) -> Tensor:
        """What the first layer takes: pixels vary by some 0.25 around mid-grey."""
        return (x - 0.5) * 4


def padded(x: Tensor) -> Tensor:
    """(B, 3, H, W) with `MARGIN` reflected pixels around, and multiples of 4 as sides.

    What these lack is the border, repeated on the right and below.
    """
    x = F.pad(x, (MARGIN,) * 4, "reflect")
    down, across = -x.shape[2] % MULTIPLE, -x.shape[3] % MULTIPLE
    return F.pad(x, (0, across, 0, down), "replicate") if down or across else x


def cut(y: Tensor, x: Tensor) -> Tensor:
    """Of what was painted of ``padded(x)`` the part that is x's."""
    height, width = x.shape[2:]
    return y[..., MARGIN : MARGIN + height, MARGIN : MARGIN + width]


def new_transformer(generator: torch.Generator, width: int) -> TransformerNetwork:
    """A network with random weights (He et al. 2015) that begins near the photograph's mid-grey."""
    net = TransformerNetwork(width)
    with torch.no_grad():
        for name, p in net.named_parameters():
            if p.ndim == 4:
                std = (2.0 / p[0].numel()) ** 0.5
                p.copy_(torch.randn(p.shape, generator=generator) * std)
            elif name.endswith("bias"):
                p.zero_()
        net.last.conv.weight.mul_(0.2)
    return net
