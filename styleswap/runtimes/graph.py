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


def colours_last(x: Tensor) -> Tensor:
    """(3 x 2 x 2, ...), of blocks as `torch.pixel_shuffle` has them, as (2 x 2 x 3, ...)."""
    found: Tensor = x.unflatten(0, (3, 4)).transpose(0, 1).flatten(0, 1)
    return found


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


def after_upsampling(y: Any, kernel: Any) -> Any:
    """A 3 x 3 convolution, the border reflected, of what is twice as large by its nearest.

    `kernel` is what `after_doubling` gave.
    """
    # What is reflected after doubling is the border repeated before it.
    y = ov.pad(y, [0, 0, 1, 1], [0, 0, 1, 1], "edge")
    # The padding 1, and 2 of the border's doubled pixels.
    return ov.convolution_backprop_data(y, kernel, [2, 2], pads_begin=[3, 3], pads_end=[3, 3])


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


def last_layer(y: Any, conv: nn.Conv2d, kernel: Any, pad: int) -> Any:
    """The convolution to a picture, by blocks; `kernel` is what `by_blocks` gave."""
    assert conv.bias is not None
    y = convolution(y, kernel, 2, pad, "reflect")
    return ov.add(y, channels(conv.bias.repeat_interleave(4)))


def normalised(part: Layer, weight: Weight, y: Any) -> Any:
    """What a layer's convolution gave, after its instance normalisation."""
    assert isinstance(part.norm, nn.InstanceNorm2d)
    y = ov.mvn(y, [2, 3], True, part.norm.eps, "inside_sqrt")
    scale, shift = (channels(p, weight) for p in (part.norm.weight, part.norm.bias))
    return ov.add(ov.multiply(y, scale), shift)


def transformer(
    net: TransformerNetwork,
    shape: tuple[int, ...],
    ranges: Mapping[Layer, tuple[Tensor, Tensor]],
    inputs: Inputs | None = None,
) -> openvino.Model:
    """A style's network for pictures (B, 3, H, W) of one shape, less 0.5.

    It gives blocks of 2 x 2 pixels, (B, h, w, 2 x 2 x 3).

    Where there are `ranges`, their layers and the first are multiplied in int8, and what goes in
    and comes out are bytes, which the first layer takes as they are, (B, H, W, 3).

    Args:
        inputs: takes the weights, which the graph is then given after the pictures; else they are
            written into it.
    """
    weight = constant if inputs is None else inputs

    def in_bytes(kernel: Tensor, out: int) -> tuple[Any, Tensor]:
        """A kernel that is multiplied in int8, and by how much it is smaller, (C_out,).

        `out` is its axis of channels that come out.
        """
        others = [axis for axis in range(4) if axis != out]
        most = kernel.detach().abs().amax(others, keepdim=True)
        # A channel of next to nothing shall not become noise.
        most = most.clamp_min(1e-2 * most.max())
        return (
            ov.fake_quantize(weight(kernel / most), *map(np.float32, (-1, 1, -1, 1)), 255),
            most.flatten(),
        )

    def rounded(part: Layer, y: Any) -> Any:
        """What an int8 layer is given, each channel in [0, 1], or in [-1, 1] before `net.up`."""
        # Channels are brought to 0 ... 1, which is rounded to 256 steps, and the kernel makes up
        # for it (Xiao et al., SmoothQuant, ICML 2023, eq. 3). OpenVINO multiplies in int8 only if
        # it knows the range while it compiles.
        low, high = ranges[part]
        if part is net.up:
            # Its transposed convolution is one of signed bytes: -128 to 127.
            y = ov.multiply(y, channels(1 / high, weight))
            ends = (-128 / 127, 1)
        else:
            y = ov.multiply(y, channels(1 / (high - low), weight))
            if part.conv.bias is None:  # what this adds, normalisation takes away
                y = ov.add(y, channels(-low / (high - low), weight))
            ends = (0, 1)
        return ov.fake_quantize(y, *map(np.float32, (*ends, *ends)), 256)

    def convolved(part: Layer, y: Any, kernel: Tensor) -> tuple[Any, Tensor | None]:
        """A layer of stride 1, and by how much it is too small, each channel, if at all."""
        if part not in ranges:
            return convolution(y, weight(kernel), 1, part.pad, "reflect"), None
        low, high = ranges[part]
        found, most = in_bytes(kernel * (high - low)[:, None, None], 0)
        return convolution(rounded(part, y), found, 1, part.pad, "reflect"), most

    def layer(part: Layer, y: Any) -> Any:
        # Normalisation takes away by how much a channel is too small.
        return normalised(part, weight, convolved(part, y, part.conv.weight)[0])

    def doubled(part: Layer, y: Any) -> Any:
        kernel = after_doubling(part.conv.weight)
        if part not in ranges:
            return after_upsampling(y, weight(kernel))
        found, _ = in_bytes(kernel * ranges[part][1][:, None, None, None], 1)
        y = after_upsampling(rounded(part, y), found)
        # Something must follow at once, else OpenVINO gives float32.
        return ov.clamp(y, -1e9, 1e9)

    if ranges:
        batch, colours, height, width = shape
        x = ov.parameter([batch, height, width, colours], np.uint8)
        y = ov.transpose(x, np.array([0, 3, 1, 2]))
        scale, first = 4 / 255, in_bytes(net.first.conv.weight, 0)[0]
    else:
        x = y = ov.parameter(list(shape), np.float32)
        scale, first = 4.0, weight(net.first.conv.weight)
    y = around(y, MARGIN, MULTIPLE, "reflect", shape)  # `padded`
    border = [0, 0, net.first.pad, net.first.pad]
    y = ov.pad(y, border, border, "reflect")
    # TransformerNetwork.scaled, but for what it subtracts, which normalisation takes away.
    y = ov.multiply(ov.convert(y, np.float32), np.float32(scale))
    y = ov.convolution(y, first, [MULTIPLE, MULTIPLE], [0, 0], [0, 0], [1, 1])
    y = ov.relu(normalised(net.first, weight, y))
    for block in net.blocks:
        assert isinstance(block, Residual)
        y = ov.add(y, layer(block.second, ov.relu(layer(block.first, y))))
    y = ov.relu(normalised(net.up, weight, doubled(net.up, y)))
    y, less = convolved(net.last, y, colours_last(net.last.conv.weight))
    if less is not None:
        y = ov.multiply(y, channels(less, weight))
    y = ov.sigmoid(ov.add(y, channels(colours_last(cast(Tensor, net.last.conv.bias)), weight)))
    if ranges:
        # Rounded: the last convolution writes bytes.
        ends = (np.float32(0), np.float32(1), np.float32(0), np.float32(255))
        y = ov.convert(ov.fake_quantize(y, *ends, 256), np.uint8)
    # Channels last is how OpenVINO has them in the end: to turn them would cost a copy.
    y = ov.transpose(y, np.array([0, 2, 3, 1]))
    return openvino.Model([y], [x, *(inputs.nodes if inputs else [])])


def any_style(net: AdainNetwork, shape: tuple[int, ...]) -> openvino.Model:
    """AdaIN's network, likewise; it is also given what `AdainNetwork.set_style` keeps."""
    small, decoder = net.net, net.decoder
    x = ov.parameter(list(shape), np.float32)
    deviation, mean, own = kept = [
        ov.parameter(list(t.shape), np.float32) for t in (net.deviation, net.mean, net.own)
    ]
    y = around(x, inverse.MARGIN, adain.MULTIPLE, "edge", shape)
    features = []
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
        wanted = adain.LAYERS.get(name.replace("conv", "relu"))
        if wanted:
            taken = wanted < conv.out_channels
            features.append(ov.slice(y, [0], [wanted], [1], [1]) if taken else y)
        if len(features) == len(adain.LAYERS):
            break
    known = [statistics(f) for f in features]
    means, deviations = (ov.concat([pair[i] for pair in known], 1) for i in (0, 1))
    mean = ov.add(mean, ov.multiply(own, means))
    deviation = ov.add(deviation, ov.multiply(own, deviations))
    told = ov.concat([mean, deviation], 1)
    told = ov.divide(ov.subtract(told, channels(decoder.usual)), channels(decoder.spread))
    told = leaky(linear(decoder.told, told), adain.LEAK)

    def renormalised(f: Any, layer: str) -> Any:
        ends = np.cumsum([0, *adain.LAYERS.values()])
        at = list(adain.LAYERS).index(layer)
        new, scale = (
            ov.slice(part, [ends[at]], [ends[at + 1]], [1], [1]) for part in (mean, deviation)
        )
        f = ov.mvn(f, [2, 3], True, ops.EPSILON, "inside_sqrt")
        return ov.add(ov.multiply(f, scale), new)

    def layer(part: inverse.Layer, y: Any, doubled: bool = False) -> Any:
        kernel = part.conv.weight
        y = (
            after_upsampling(y, constant(after_doubling(kernel)))
            if doubled
            else convolution(y, constant(kernel), 1, 1, "reflect")
        )
        y = ov.mvn(y, [2, 3], True, inverse.NORM_EPSILON, "inside_sqrt")
        scale, shift = (linear(cast(nn.Linear, p), told) for p in (part.scale, part.shift))
        return leaky(ov.add(ov.multiply(y, scale), shift), inverse.LEAK)

    shallow = renormalised(features[-2], adain.SHALLOW)
    y = layer(decoder.deep, renormalised(features[-1], adain.DEEP))
    y = layer(decoder.join, ov.concat([enlarged(y, 2), shallow], 1))
    blocks = cast(list[inverse.Layer], list(decoder.blocks))
    for first, second in zip(blocks[::2], blocks[1::2], strict=True):
        y = ov.add(y, layer(second, layer(first, y)))
    for part in (decoder.middle, decoder.fine):
        y = layer(part, y, doubled=True)
    y = last_layer(y, decoder.last, constant(by_blocks(decoder.last.weight)), 1)
    y = ov.depth_to_space(y, "depth_first", 2)
    kernel = constant(decoder.colours.weight)
    colours = ov.convolution(shallow, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
    colours = ov.add(colours, channels(cast(Tensor, decoder.colours.bias)))
    y = ov.clamp(ov.add(y, enlarged(colours, 4)), 0.0, 1.0)
    return openvino.Model([finished(y, inverse.MARGIN, shape)], [x, *kept])


def statistics(y: Any) -> tuple[Any, Any]:
    """`styleswap.ops.statistics` of (B, C, H, W)."""
    places = np.array([2, 3])
    mean = ov.reduce_mean(y, places, keep_dims=True)
    apart = ov.subtract(y, mean)
    variance = ov.reduce_mean(ov.multiply(apart, apart), places, keep_dims=True)
    return mean, ov.sqrt(ov.add(variance, np.float32(ops.EPSILON)))


def linear(part: nn.Linear, y: Any) -> Any:
    """A linear map of (B, C, 1, 1)."""
    kernel = constant(part.weight[:, :, None, None])
    return ov.add(ov.convolution(y, kernel, [1, 1], [0, 0], [0, 0], [1, 1]), channels(part.bias))


def leaky(y: Any, leak: float) -> Any:
    return ov.prelu(y, np.array([leak], np.float32))


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
