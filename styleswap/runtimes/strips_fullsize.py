"""As `styleswap.runtimes.strips`, for `styleswap.nets.fullsize`, and goes with that.

Instance normalisation needs the mean and the variance of a whole layer before its first pixel can
be normalised. So the two layers of the picture's full size are computed twice, strip by strip: once
for their statistics, once for what follows from them. Layers of half the size are kept whole, in
the type of the network's products; the rest is small. What comes out is what one piece would give.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleswap.nets.fullsize import FullSizeNetwork
from styleswap.nets.transformer import Layer, TransformerNetwork, cut, padded
from styleswap.runtimes.strips import PIXELS, rows_of


class FullSizeStripsRuntime:
    """A network that is run strip by strip, in torch.

    Args:
        half: multiply in bfloat16.
    """

    def __init__(self, net: FullSizeNetwork, half: bool) -> None:
        self.net = net.to(memory_format=torch.channels_last)
        self.half = half

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> Tensor:
        """As `styleswap.runtimes.Runtime`."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.half):
            made = [self._paint(one) for one in padded(x).split(1)]
        return cut(torch.cat(made), x)

    def _paint(self, x: Tensor) -> Tensor:
        net = self.net
        height = x.shape[2]
        rows = max(8, PIXELS // x.shape[3] // 4 * 4)
        strips = [(top, min(top + rows, height)) for top in range(0, height, rows)]
        halves = [(top // 2, bottom // 2) for top, bottom in strips]

        def first(top: int, bottom: int) -> Tensor:
            """Rows of the first convolution, not normalised."""
            return _convolve(net.first, TransformerNetwork.scaled(rows_of(x, top - 4, bottom + 4)))

        norm1 = _Norm(net.first, (first(*strip) for strip in strips))

        def down1(top: int, bottom: int) -> Tensor:
            begin, end = 2 * top - 1, 2 * bottom
            y = norm1(first(max(begin, 0), end))
            return _convolve(net.down1, F.pad(y, (0, 0, max(-begin, 0), 0), "reflect"))

        y = torch.cat([down1(*half) for half in halves], 2)
        y = F.relu(net.down2(_Norm(net.down1, [y])(y)))
        y = net.blocks(y)
        low = net.up1.convolved(F.interpolate(y, scale_factor=2, mode="nearest"))
        low = _Norm(net.up1, [low])(low)

        def up2(top: int, bottom: int) -> Tensor:
            """Rows of the last convolution but one, not normalised."""
            begin, end = (top - 1) // 2, bottom // 2 + 1
            kept = low[:, :, max(begin, 0) : end]
            y = F.interpolate(kept, scale_factor=2, mode="nearest")
            offset = 2 * max(begin, 0)
            return _convolve(net.up2, rows_of(y, top - 1 - offset, bottom + 1 - offset))

        norm2 = _Norm(net.up2, (up2(*strip) for strip in strips))

        def last(top: int, bottom: int) -> Tensor:
            begin, end = max(top - 4, 0), min(bottom + 4, height)
            y = rows_of(norm2(up2(begin, end)), top - 4 - begin, bottom + 4 - begin)
            return torch.sigmoid(_convolve(net.last, y).float())

        return torch.cat([last(*strip) for strip in strips], 2)


class _Norm:
    """Instance normalisation by the statistics of all `parts` of a layer, and the rectifier."""

    def __init__(self, layer: Layer, parts: Iterable[Tensor]) -> None:
        assert isinstance(layer.norm, nn.InstanceNorm2d)
        count, mean, squares = 0, torch.zeros(()), torch.zeros(())
        for variance, own, n in _moments(parts):
            # Chan, Golub & LeVeque 1979: the sums of two parts into those of both.
            apart, total = own - mean, count + n
            squares = squares + variance * n + apart.square() * (count * n / total)
            mean, count = mean + apart * (n / total), total
        scale = layer.norm.weight / (squares / count + layer.norm.eps).sqrt()
        self.scale = scale[:, None, None]
        self.shift = (layer.norm.bias - mean * scale)[:, None, None]

    def __call__(self, x: Tensor) -> Tensor:
        """Normalised and rectified, in place."""
        return x.mul_(self.scale.to(x.dtype)).add_(self.shift.to(x.dtype)).relu_()


def _moments(parts: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor, int]]:
    """Variance and mean of each channel, and the number of pixels, of each part (1, C, h, w)."""
    for part in parts:
        variance, mean = torch.var_mean(part.float(), (0, 2, 3), correction=0)
        yield variance, mean, part.shape[2] * part.shape[3]


def _convolve(layer: Layer, x: Tensor) -> Tensor:
    """The layer's convolution, of rows that bring their own surroundings."""
    found: Tensor = layer.conv(F.pad(x, (layer.pad, layer.pad, 0, 0), "reflect"))
    return found
