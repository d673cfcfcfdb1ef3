"""OpenVINO on the CPU: bfloat16 where the processor multiplies it natively, else float32.

A network is compiled for each shape that it meets; the newest shapes stay compiled.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from styleswap.nets.transformer import MARGIN, MULTIPLE, Layer, Residual, TransformerNetwork

SHAPES = 4  # that stay compiled: each holds its own memory for what lies between the layers


@functools.cache
def _core() -> Any:
    import openvino

    return openvino.Core()


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


def model_of(net: TransformerNetwork, shape: tuple[int, ...]) -> Any:
    """`net` as OpenVINO's model of pictures (B, 3, H, W) of one shape; it gives (B, H, W, 3).

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
        y = ov.pad(y, border, border, "reflect")
        return ov.convolution(y, constant(kernel), [stride, stride], [0, 0], [0, 0], [1, 1])

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
    y = ov.multiply(ov.subtract(y, np.float32(0.5)), np.float32(4))  # TransformerNetwork.scaled
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
    """A network as OpenVINO runs it; not to be called from two threads at once."""

    def __init__(self, net: TransformerNetwork) -> None:
        self.net = net
        self.compiled: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> Tensor:
        """As `styleswap.runtimes.Runtime`."""
        request = self._request(tuple(x.shape))
        found = request.infer([x.contiguous().numpy()], share_inputs=True)
        return torch.from_numpy(found[0]).permute(0, 3, 1, 2)

    def _request(self, shape: tuple[int, ...]) -> Any:
        """An inference request for pictures of `shape`."""
        if shape not in self.compiled:
            core = _core()
            model = model_of(self.net, shape)
            native = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
            hints = {
                "INFERENCE_PRECISION_HINT": "bf16" if native else "f32",
                "PERFORMANCE_HINT": "LATENCY",
            }
            compiled = core.compile_model(model, "CPU", hints)
            self.compiled[shape] = compiled.create_infer_request()
            if len(self.compiled) > SHAPES:
                self.compiled.popitem(last=False)
        self.compiled.move_to_end(shape)
        return self.compiled[shape]
