"""The networks written down for OpenVINO, operation by operation.

OpenVINO's converter takes two seconds for each network, and leaves the layers as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from openvino import opset13 as ov
from torch import Tensor, nn

from styleswap import ops
from styleswap.nets import adain, inverse
from styleswap.nets.adain import AdainNetwork
from styleswap.nets.transformer import MARGIN, MULTIPLE, Layer, Residual, TransformerNetwork


def by_blocks(kernel: Tensor) -> Tensor:
    """A convolution's kernel as one of stride 2 that makes blocks of 2 x 2 pixels.

    A processor multiplies 16 channels at a time. The last layer has 3, but 12 in blocks, at less
    than a third of the work.

    Args:
        kernel: (C_out, C_in, k, k).

    Returns:
        (4 C_out, C_in, k + 1, k + 1); `torch.pixel_shuffle` by 2 of what it gives is what `kernel`
        gives.
    """
    out, into, side, _ = kernel.shape
    made = kernel.new_zeros(out, 2, 2, into, side + 1, side + 1)
    for down in (0, 1):
        for across in (0, 1):
            made[:, down, across, :, down : down + side, across : across + side] = kernel
    return made.flatten(0, 2)


def after_doubling(kernel: Tensor) -> Tensor:
    """A 3 x 3 kernel for pixels doubled by their nearest as the kernel of a transposed convolution.

    Of nine pixels that a convolution sees after doubling four differ: their weights are summed
    beforehand, and the doubled picture is never made.

    Args:
        kernel: (C_out, C_in, 3, 3).

    Returns:
        (C_in, C_out, 4, 4), for stride 2 and padding 1.
    """
    sums = kernel.new_tensor([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]])
    return torch.einsum("ka,oiab,lb->iokl", sums, kernel, sums)


# Writes a weight down.
Weight = Callable[[Tensor], Any]


def constant(x: Tensor) -> Any:
    return ov.constant(_array(x))


class Inputs:
    """Weights as inputs, which may change once the graph is compiled.

    Attributes:
        nodes, values: of each, in the order in which the graph takes them.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.values: list[NDArray[np.float32]] = []

    def __call__(self, x: Tensor) -> Any:
        self.values.append(_array(x))
        self.nodes.append(ov.parameter(list(x.shape), np.float32))
        return self.nodes[-1]


def _array(x: Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = x.detach().float().cpu().contiguous().numpy()
    return found


def channels(x: Tensor, weight: Weight = constant) -> Any:
    """(C,) as what is multiplied with or added to (B, C, H, W)."""
    return weight(x[None, :, None, None])


def convolution(y: Any, kernel: Any, stride: int, pad: int, mode: str) -> Any:
    """With `pad` pixels around, which are those inside ``reflect``-ed or the ``edge`` repeated."""
    border = [0, 0, pad, pad]
    return ov.convolution(
        ov.pad(y, border, border, mode), kernel, [stride, stride], [0, 0], [0, 0], [1, 1]
    )


def after_upsampling(y: Any, kernel: Tensor, weight: Weight = constant) -> Any:
    """A 3 x 3 convolution, the border reflected, of what is twice as large by its nearest."""
    # What is reflected after doubling is the border repeated before it.
    y = ov.pad(y, [0, 0, 1, 1], [0, 0, 1, 1], "edge")
    found = weight(after_doubling(kernel))
    # The padding 1, and 2 of the border's doubled pixels.
    return ov.convolution_backprop_data(y, found, [2, 2], pads_begin=[3, 3], pads_end=[3, 3])


def around(x: Any, margin: int, multiple: int, mode: str, shape: tuple[int, ...]) -> Any:
    """`x` of `shape` with a margin, and the border repeated to sides of a multiple."""
    # Here and not in torch, whose threads would still be waiting for work when OpenVINO's begin,
    # and cost a quarter of a frame.
    y = ov.pad(x, [0, 0, margin, margin], [0, 0, margin, margin], mode)
    missing = [-(side + 2 * margin) % multiple for side in shape[2:]]
    return ov.pad(y, [0, 0, 0, 0], [0, 0, *missing], "edge")


def finished(y: Any, margin: int, shape: tuple[int, ...]) -> Any:
    """(B, 3, H, W) as (B, h, w, 3), without the margin."""
    # Channels last is how OpenVINO has them in the end: to turn them would cost a copy.
    y = ov.transpose(y, np.array([0, 2, 3, 1]))
    start, stop = [margin, margin], [margin + side for side in shape[2:]]
    return ov.slice(y, start, stop, [1, 1], [1, 2])


def transformer(
    net: TransformerNetwork,
    shape: tuple[int, ...],
    ranges: Mapping[Layer, tuple[float, float]],
    inputs: Inputs | None = None,
) -> openvino.Model:
    """A style's network for pictures (B, 3, H, W) of one shape, less 0.5; it gives (B, H, W, 3).

    The layers in `ranges` are multiplied in int8.

    Args:
        inputs: takes the weights, which the graph is then given after the pictures; else they are
            written into it.
    """
    weight = constant if inputs is None else inputs

    def convolve(part: Layer, y: Any, kernel: Tensor) -> tuple[Any, Any, Any]:
        """What is given, and the kernel, as they are multiplied; and by how much less."""
        if part not in ranges:
            return y, weight(kernel), None
        # The range that is rounded to 256 steps is always the same, 0 to 1: OpenVINO multiplies in
        # int8 only if it knows that while it compiles.
        low, high = ranges[part]
        y = ov.multiply(y, weight(torch.tensor(1 / (high - low)).view(1, 1, 1, 1)))
        if low:  # -high: normalisation takes away what this adds
            assert part.conv.bias is None
            y = ov.add(y, np.float32(0.5))
        most = kernel.detach().abs().amax((1, 2, 3), keepdim=True)
        # A channel of next to nothing shall not become noise.
        most = most.clamp_min(1e-2 * most.max())
        return (
            ov.fake_quantize(y, *map(np.float32, (0, 1, 0, 1)), 256),
            ov.fake_quantize(weight(kernel / most), *map(np.float32, (-1, 1, -1, 1)), 255),
            (high - low) * most.flatten(),
        )

    def normalise(part: Layer, y: Any) -> Any:
        assert isinstance(part.norm, nn.InstanceNorm2d)
        y = ov.mvn(y, [2, 3], True, part.norm.eps, "inside_sqrt")
        scale, shift = (channels(p, weight) for p in (part.norm.weight, part.norm.bias))
        return ov.add(ov.multiply(y, scale), shift)

    def layer(part: Layer, y: Any) -> Any:
        y, kernel, _ = convolve(part, y, part.conv.weight)
        return normalise(part, convolution(y, kernel, part.conv.stride[0], part.pad, "reflect"))

    x = ov.parameter(list(shape), np.float32)
    y = around(x, MARGIN, MULTIPLE, "reflect", shape)  # `padded`
    y = ov.multiply(y, np.float32(4))  # and with what was subtracted, TransformerNetwork.scaled
    for part in (net.first, net.down1, net.down2):
        y = ov.relu(layer(part, y))
    for block in net.blocks:
        assert isinstance(block, Residual)
        y = ov.add(y, layer(block.second, ov.relu(layer(block.first, y))))
    for part in (net.up1, net.up2):
        y = ov.relu(normalise(part, after_upsampling(y, part.conv.weight, weight)))
    y, kernel, less = convolve(net.last, y, by_blocks(net.last.conv.weight))
    y = convolution(y, kernel, 2, net.last.pad, "reflect")
    if less is not None:
        y = ov.multiply(y, channels(less, weight))
    bias = cast(Tensor, net.last.conv.bias).repeat_interleave(4)
    y = ov.sigmoid(ov.add(y, channels(bias, weight)))
    y = finished(ov.depth_to_space(y, "depth_first", 2), MARGIN, shape)
    return openvino.Model([y], [x, *(inputs.nodes if inputs else [])])


def any_style(net: AdainNetwork, shape: tuple[int, ...]) -> openvino.Model:
    """AdaIN's network, likewise; it is also given what `AdainNetwork.set_style` keeps."""
    small, back = net.net, net.inverse
    x = ov.parameter(list(shape), np.float32)
    told = [ov.parameter(list(t.shape), np.float32) for t in (net.deviation, net.mean, net.own)]
    y = around(x, inverse.MARGIN, adain.MULTIPLE, "edge", shape)
    before = None
    for name in small.convs:
        if before and before[4] != name[4]:
            y = ov.avg_pool(y, [2, 2], [0, 0], [0, 0], [2, 2], True)
        conv = small.conv(name)
        if before and conv.in_channels < small.conv(before).out_channels:
            y = ov.slice(y, [0], [conv.in_channels], [1], [1])
        y = convolution(y, constant(conv.weight), 1, 1, "edge")
        bias = cast(Tensor, conv.bias)
        if not before:
            bias = bias + 0.5 * conv.weight.sum((1, 2, 3))  # what was subtracted
        y = ov.relu(ov.add(y, channels(bias)))
        before = name
        if name == adain.LAYER.replace("relu", "conv"):
            break
    own = ov.multiply(y, told[2])
    y = ov.multiply(ov.mvn(y, [2, 3], True, ops.EPSILON, "inside_sqrt"), told[0])
    y = ov.add(ov.add(y, told[1]), own)
    transferred = y
    colours = ov.convolution(y, constant(back.colours.weight), [1, 1], [0, 0], [0, 0], [1, 1])
    colours = ov.add(colours, channels(cast(Tensor, back.colours.bias)))
    for i, block in enumerate(back.blocks):
        for k, part in enumerate(cast(nn.ModuleList, block)):
            conv = cast(nn.Conv2d, part.conv)
            if i and not k:
                y = after_upsampling(y, conv.weight)
            else:
                y = convolution(y, constant(conv.weight), 1, 1, "reflect")
            y = ov.add(y, channels(cast(Tensor, conv.bias)))
            y = ov.prelu(y, np.array([inverse.LEAK], np.float32))
    y = convolution(y, constant(by_blocks(back.last.weight)), 2, 1, "reflect")
    y = ov.add(y, channels(cast(Tensor, back.last.bias).repeat_interleave(4)))
    y = ov.depth_to_space(y, "depth_first", 2)
    y = ov.add(y, enlarged(colours, back.factor))
    y = ov.clamp(ov.add(y, turned(back.tone, y, transferred)), 0.0, 1.0)
    return openvino.Model([finished(y, inverse.MARGIN, shape)], [x, *told])


def turned(tone: nn.Linear, y: Any, features: Any) -> Any:
    """How the tone that features (B, C, h, w) have changes the colours y, (B, 3, H, W)."""
    places = np.array([2, 3])
    mean = ov.reduce_mean(features, places, keep_dims=True)
    apart = ov.subtract(features, mean)
    variance = ov.reduce_mean(ov.multiply(apart, apart), places, keep_dims=True)
    told = ov.concat([mean, ov.sqrt(ov.add(variance, np.float32(ops.EPSILON)))], 1)
    kernel = constant(tone.weight[:, :, None, None] * 2 / tone.in_features)
    found = ov.add(
        ov.convolution(told, kernel, [1, 1], [0, 0], [0, 0], [1, 1]), channels(tone.bias)
    )
    parts = [ov.slice(found, [3 * k], [3 * k + 3], [1], [1]) for k in range(4)]
    # Each row of the matrix is multiplied with the channels and summed; then the shift.
    apart = ov.subtract(y, np.float32(0.5))
    rows = [
        ov.reduce_sum(ov.multiply(apart, row), np.array([1]), keep_dims=True) for row in parts[:3]
    ]
    return ov.add(ov.concat(rows, 1), parts[3])


def enlarged(y: Any, factor: int) -> Any:
    """Times `factor`, bilinear, as torch does it."""
    return ov.interpolate(
        y,
        np.array([factor, factor], np.float32),
        "linear_onnx",
        "scales",
        coordinate_transformation_mode="half_pixel",
        axes=np.array([2, 3]),
    )
