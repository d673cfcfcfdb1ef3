"""The transformer network: a photograph in, the same in one style out, in one pass.

Johnson, Alahi & Fei-Fei, Perceptual Losses for Real-Time Style Transfer, ECCV 2016, with the
architecture of its supplementary material, and the instance normalisation of Ulyanov, Vedaldi &
Lempitsky (arXiv 1607.08022).

Departures from the papers:
- One convolution of 12 x 12 and stride 4 in place of one of 9 x 9 at the picture's full size and
  two of stride 2; and a last one at half the size, which gives blocks of 2 x 2 pixels (Shi et al.,
  CVPR 2016). No layer is as large as the picture: what those cost is memory, not arithmetic
  (benchmarks/shapes.py).
- Half as many channels as the paper's in the residual blocks, 64, with 48 inside of each, and 32
  behind them.
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

from styleswap import ops
from styleswap.errors import StyleSwapError

BLOCKS = 5
WIDTH = 64
MARGIN = 4
# Positions of the residual blocks are so many pixels apart: sides are padded to a multiple of it.
MULTIPLE = 4


class Layer(nn.Module):
    """Reflection padding, a convolution and instance normalisation."""

    def __init__(self, into: int, out: int, side: int, stride: int = 1, norm: bool = True) -> None:
        super().__init__()
        # Normalisation takes away whatever a bias would add.
        self.conv = nn.Conv2d(into, out, side, stride, bias=not norm)
        self.norm = nn.InstanceNorm2d(out, affine=True) if norm else nn.Identity()
        self.pad = (side - stride + 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        """(B, into, H, W) -> (B, out, ceil(H / stride), ceil(W / stride))."""
        found: Tensor = self.norm(self.convolved(x))
        return found

    def convolved(self, x: Tensor) -> Tensor:
        """As `forward`, not normalised."""
        found: Tensor = self.conv(ops.with_border(x, self.pad, "reflect"))
        return found


class Residual(nn.Module):
    """Two layers around which the input goes unchanged, with no rectifier after the sum."""

    def __init__(self, channels: int, inside: int) -> None:
        super().__init__()
        self.first = Layer(channels, inside, 3)
        self.second = Layer(inside, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        found: Tensor = x + self.second(F.relu(self.first(x)))
        return found


class TransformerNetwork(nn.Module):
    """One style: a trained one, or one that `styleswap.nets.meta` wrote.

    Args:
        width: channels of the residual blocks; the layer behind them has half as many.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.width = width
        self.first = Layer(3, width, 3 * MULTIPLE, stride=MULTIPLE)
        self.blocks = nn.Sequential(*(Residual(width, width * 3 // 4) for _ in range(BLOCKS)))
        self.up = Layer(width, width // 2, 3)
        self.last = Layer(width // 2, 12, 5, norm=False)

    @classmethod
    def from_weights(cls, weights: Mapping[str, Tensor]) -> TransformerNetwork:
        """The network of a file: its width is read from the weights.

        Raises:
            StyleSwapError: they are of some other network.
        """
        try:
            net = cls(len(weights["first.conv.weight"]))
            net.load_state_dict(dict(weights))
        except (KeyError, RuntimeError):
            raise StyleSwapError(
                "The weights are not of a transformer network of today's shape; train the style"
                " anew, from `meta`."
            ) from None
        return net

    def forward(self, x: Tensor) -> Tensor:
        """Repaint (B, 3, H, W) in [0, 1]; the result has the same shape and range.

        It is `cut` out of what is painted of `padded`.
        """
        return cut(self.paint(padded(x)), x)

    def paint(self, x: Tensor) -> Tensor:
        """As `forward`, of sides that are multiples of 4: what `styleswap.runtimes` run."""
        y = self.blocks(F.relu(self.first(self.scaled(x))))
        y = F.relu(self.up(F.interpolate(y, scale_factor=2, mode="nearest")))
        return torch.sigmoid(F.pixel_shuffle(self.last(y).float(), 2))

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


def new_transformer(generator: torch.Generator, width: int = WIDTH) -> TransformerNetwork:
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
