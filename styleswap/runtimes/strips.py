"""A few rows at a time: pictures whose layers would not fit into memory.

Instance normalisation needs the mean and the variance of a whole layer before its first pixel can
be normalised: what a layer gives is kept whole, and changed in place. What it takes, its input with
borders, doubled or in another type, is made for one strip after another. What comes out is what one
piece would give.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleswap.nets.transformer import (
    MULTIPLE,
    Layer,
    Residual,
    TransformerNetwork,
    cut,
    padded,
)

PIXELS = 2**17  # of a strip, at the picture's full size: what stays in the processor's caches

Rows = Callable[[int, int], Tensor]  # of (1, C, H, W), from one up to another


class StripsRuntime:
    """A network that is run strip by strip, in torch.

    Args:
        half: multiply in bfloat16.
    """

    def __init__(self, net: TransformerNetwork, half: bool) -> None:
        self.net = net.to(memory_format=torch.channels_last)
        self.half = half

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> Tensor:
        """As `styleswap.runtimes.Runtime`."""
        made = padded(x)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.half):
            for one in made.split(1):
                self._paint_over(one)
        return cut(made, x)

    def _paint_over(self, x: Tensor) -> None:
        """Repaint (1, 3, H, W) in place; sides are multiples of 4."""
        net = self.net
        height, width = x.shape[2:]
        size = max(2 * MULTIPLE, PIXELS // width // MULTIPLE * MULTIPLE)
        strips = [(top, min(top + size, height)) for top in range(0, height, size)]

        def layer(part: Layer, step: int, given: Rows) -> Tensor:
            """What a layer gives, `step` pixels apart, of rows that are `given`."""
            made = torch.empty(
                (1, part.conv.out_channels, height // step, width // step),
                dtype=torch.bfloat16 if self.half else torch.float32,
                device=x.device,
                memory_format=torch.channels_last,
            )
            for top, bottom in strips:
                rows = slice(top // step, bottom // step)
                made[:, :, rows] = _convolve(part, rows, given)
            _normalise(part, made)
            return made

        def scaled(start: int, stop: int) -> Tensor:
            return net.scaled(rows_of(x, start, stop))

        y = layer(net.first, MULTIPLE, scaled).relu_()
        for block in net.blocks:
            assert isinstance(block, Residual)
            inside = layer(block.first, MULTIPLE, functools.partial(rows_of, y)).relu_()
            y += layer(block.second, MULTIPLE, functools.partial(rows_of, inside))

        def doubled(start: int, stop: int) -> Tensor:
            begin = max(start // 2, 0)
            kept = F.interpolate(y[:, :, begin : -(-stop // 2)], scale_factor=2, mode="nearest")
            return rows_of(kept, start - 2 * begin, stop - 2 * begin)

        low = layer(net.up, 2, doubled).relu_()
        for top, bottom in strips:
            blocks = _convolve(
                net.last, slice(top // 2, bottom // 2), functools.partial(rows_of, low)
            )
            x[:, :, top:bottom] = torch.sigmoid(F.pixel_shuffle(blocks.float(), 2))


def _convolve(layer: Layer, rows: slice, given: Rows) -> Tensor:
    """Some rows of what the layer's convolution gives."""
    stride, pad = layer.conv.stride[0], layer.pad
    x = given(stride * rows.start - pad, stride * rows.stop + pad)
    found: Tensor = layer.conv(F.pad(x, (pad, pad, 0, 0), "reflect"))
    return found


def rows_of(x: Tensor, start: int, stop: int) -> Tensor:
    """The rows from `start` up to `stop` of (1, C, H, W), reflected where they lie outside."""
    height = x.shape[2]
    inside = x[:, :, max(start, 0) : min(stop, height)]
    above, below = max(-start, 0), max(stop - height, 0)
    return F.pad(inside, (0, 0, above, below), "reflect") if above or below else inside


def _normalise(layer: Layer, x: Tensor) -> None:
    """Normalise (1, C, H, W) in place."""
    assert isinstance(layer.norm, nn.InstanceNorm2d)
    parts, count = x.split(max(1, PIXELS // 4 // x.shape[3]), 2), x[0, 0].numel()
    mean = sum(part.float().sum((0, 2, 3)).double() for part in parts) / count
    squares = ((part - mean.float()[:, None, None]).square_().sum((0, 2, 3)) for part in parts)
    variance = sum(square.double() for square in squares) / count
    scale = layer.norm.weight / (variance + layer.norm.eps).sqrt()
    shift = layer.norm.bias - mean * scale
    x.mul_(scale[:, None, None].to(x.dtype)).add_(shift[:, None, None].to(x.dtype))
