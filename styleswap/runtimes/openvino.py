"""OpenVINO on the CPU: bfloat16 where the processor multiplies it natively, else float32.

Most of the layers in int8, where that is asked for.

A network is compiled for each shape that it meets.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleswap.nets.transformer import (
    MARGIN,
    MULTIPLE,
    Layer,
    Residual,
    TransformerNetwork,
    padded,
)
from styleswap.runtimes.kept import Kept

CLOUDS = 256  # pixels a side
ROOM = 1.3
REQUESTS: Kept[Any] = Kept()


@functools.cache
def _core() -> Any:
    import openvino

    return openvino.Core()


@functools.cache
def abilities() -> list[str]:
    """The types that the processor multiplies natively, as OpenVINO calls them."""
    return list(_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


@functools.cache
def works() -> bool:
    """Whether there is a CPU that OpenVINO knows."""
    try:
        return "CPU" in _core().available_devices
    except (ImportError, RuntimeError):
        return False


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


def clouds(side: int) -> Tensor:
    """(1, 3, side, side) in [0, 1] whose frequencies f are as strong as a photograph's, 1 / f."""
    noise = torch.randn((1, 3, side, side), generator=torch.Generator().manual_seed(0))
    frequency = torch.hypot(torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side))
    x = torch.fft.irfft2(torch.fft.rfft2(noise) / (frequency + 1 / side), (side, side))
    x = (x - x.mean((2, 3), keepdim=True)) / x.std()
    # Light and dark vary more than colours do.
    made: Tensor = 0.5 + 0.15 * x + 0.375 * x.mean(1, keepdim=True)
    return made.clamp(0, 1)


@torch.inference_mode()
def ranges_of(net: TransformerNetwork) -> dict[Layer, tuple[float, float]]:
    """The least and the largest number that the layers which are multiplied in int8 may be given.

    These are the layers of the residual blocks but for the first, whose rounding all the others
    would carry on, and the last. What lies before them has been normalised, so that one picture
    tells what others will give: `clouds`, and some room.
    """
    found = {}

    def see(part: Layer, y: Tensor) -> Tensor:
        high = ROOM * y.abs().max().item()
        found[part] = (-high if y.min() < 0 else 0.0, high)
        return y

    y = net.scaled(padded(clouds(CLOUDS)))
    for part in (net.first, net.down1, net.down2):
        y = F.relu(part(y))
    y = net.blocks[0](y)
    for block in net.blocks[1:]:
        assert isinstance(block, Residual)
        inside = F.relu(block.first(see(block.first, y)))
        y = y + block.second(see(block.second, inside))
    for part in (net.up1, net.up2):
        y = F.relu(part(F.interpolate(y, scale_factor=2, mode="nearest")))
    see(net.last, y)
    return found


def model_of(
    net: TransformerNetwork,
    shape: tuple[int, ...],
    ranges: Mapping[Layer, tuple[float, float]],
) -> Any:
    """`net` as OpenVINO's model of pictures (B, 3, H, W) of one shape, less 0.5; it gives
    (B, H, W, 3).

    The layers in `ranges` are multiplied in int8.

    Written down layer by layer: OpenVINO's converter takes two seconds for each style, and leaves
    the layers as they are.
    """
    import openvino
    from openvino import opset13 as ov

    def constant(x: Tensor) -> Any:
        return ov.constant(x.detach().float().cpu().numpy())

    def channels(x: Tensor) -> Any:
        return constant(x[None, :, None, None])

    def convolve(part: Layer, y: Any, kernel: Tensor, stride: int) -> Any:
        border = [0, 0, part.pad, part.pad]
        y, weights = ov.pad(y, border, border, "reflect"), constant(kernel)
        if part in ranges:
            low, high = (np.float32(end) for end in ranges[part])
            y = ov.fake_quantize(y, low, high, low, high, 256)
            most = kernel.detach().abs().amax((1, 2, 3), keepdim=True).numpy()
            weights = ov.fake_quantize(weights, -most, most, -most, most, 255)
        return ov.convolution(y, weights, [stride, stride], [0, 0], [0, 0], [1, 1])

    def normalise(part: Layer, y: Any) -> Any:
        assert isinstance(part.norm, nn.InstanceNorm2d)
        y = ov.mvn(y, [2, 3], True, part.norm.eps, "inside_sqrt")
        return ov.add(ov.multiply(y, channels(part.norm.weight)), channels(part.norm.bias))

    def layer(part: Layer, y: Any) -> Any:
        return normalise(part, convolve(part, y, part.conv.weight, part.conv.stride[0]))

    def doubled(part: Layer, y: Any) -> Any:
        # What is reflected after doubling is the border repeated before it.
        y = ov.pad(y, [0, 0, 1, 1], [0, 0, 1, 1], "edge")
        kernel = constant(after_doubling(part.conv.weight))
        # The padding 1, and 2 of the border's doubled pixels.
        y = ov.convolution_backprop_data(y, kernel, [2, 2], pads_begin=[3, 3], pads_end=[3, 3])
        return ov.relu(normalise(part, y))

    height, width = shape[2:]
    x = ov.parameter(list(shape), np.float32)
    # `padded`: here and not in torch, whose threads would still be waiting for work when OpenVINO's
    # begin, and cost a quarter of a frame.
    y = ov.pad(x, [0, 0, MARGIN, MARGIN], [0, 0, MARGIN, MARGIN], "reflect")
    missing = [0, 0, -height % MULTIPLE, -width % MULTIPLE]
    y = ov.pad(y, [0, 0, 0, 0], missing, "edge")
    y = ov.multiply(y, np.float32(4))  # and with what was subtracted, TransformerNetwork.scaled
    for part in (net.first, net.down1, net.down2):
        y = ov.relu(layer(part, y))
    for block in net.blocks:
        assert isinstance(block, Residual)
        y = ov.add(y, layer(block.second, ov.relu(layer(block.first, y))))
    y = doubled(net.up2, doubled(net.up1, y))
    assert net.last.conv.bias is not None
    y = convolve(net.last, y, by_blocks(net.last.conv.weight), 2)
    y = ov.add(y, channels(net.last.conv.bias.repeat_interleave(4)))
    y = ov.depth_to_space(ov.sigmoid(y), "depth_first", 2)
    # Channels last is how OpenVINO has them in the end: to turn them would cost a copy.
    y = ov.transpose(y, np.array([0, 2, 3, 1]))
    start, stop = [MARGIN, MARGIN], [MARGIN + height, MARGIN + width]  # `cut`
    y = ov.slice(y, start, stop, [1, 1], [1, 2])
    return openvino.Model([y], [x])


class OpenVinoRuntime:
    """A network as OpenVINO runs it; not to be called from two threads at once.

    Args:
        int8: multiply the residual blocks but for the first, and the last layer, in int8.
            Photographs come out as with float32 within 2/255 on average.
    """

    def __init__(self, net: TransformerNetwork, int8: bool = False) -> None:
        self.net = net
        self.ranges = ranges_of(net) if int8 else {}
        # What a picture takes of memory in one piece: 70 bytes a pixel in bfloat16, else 140.
        self.whole_pixels: float = 17_000_000 if "BF16" in abilities() else 9_000_000

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> Tensor:
        """As `styleswap.runtimes.Runtime`."""
        shape = tuple(x.shape)
        request = REQUESTS.get(self, shape, lambda: self._compile(shape))
        # Around 0 before it becomes bfloat16, which is finer there: pale skies would get steps.
        np.subtract(x.numpy(), np.float32(0.5), out=request.get_input_tensor(0).data)
        found = request.infer()
        return torch.from_numpy(found[0]).permute(0, 3, 1, 2)

    def _compile(self, shape: tuple[int, ...]) -> Any:
        """An inference request for pictures of `shape`."""
        hints = {
            "INFERENCE_PRECISION_HINT": "bf16" if "BF16" in abilities() else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        model = model_of(self.net, shape, self.ranges)
        return _core().compile_model(model, "CPU", hints).create_infer_request()
