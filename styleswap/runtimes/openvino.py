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

from styleswap.nets.transformer import Layer, Residual, TransformerNetwork, cut, padded

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


def model_of(net: TransformerNetwork) -> Any:
    """`TransformerNetwork.paint` as OpenVINO's model, of pictures of any shape.

    Written down layer by layer: OpenVINO's converter makes the same of a trace of the network, but
    takes two seconds for each style.
    """
    import openvino
    from openvino import opset13 as ov

    def constant(x: Tensor, *shape: int) -> Any:
        return ov.constant(x.detach().float().cpu().reshape(shape or x.shape).numpy())

    def layer(part: Layer, y: Any, *, relu: bool = True) -> Any:
        border, stride = [0, 0, part.pad, part.pad], list(part.conv.stride)
        y = ov.pad(y, border, border, "reflect")
        y = ov.convolution(y, constant(part.conv.weight), stride, [0, 0], [0, 0], [1, 1])
        if isinstance(part.norm, nn.InstanceNorm2d):
            y = ov.mvn(y, [2, 3], True, part.norm.eps, "inside_sqrt")
            y = ov.multiply(y, constant(part.norm.weight, 1, -1, 1, 1))
            y = ov.add(y, constant(part.norm.bias, 1, -1, 1, 1))
        elif part.conv.bias is not None:
            y = ov.add(y, constant(part.conv.bias, 1, -1, 1, 1))
        return ov.relu(y) if relu else y

    def doubled(y: Any) -> Any:
        scales = np.array([2.0, 2.0], np.float32)
        return ov.interpolate(
            y,
            scales,
            "nearest",
            "scales",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
            axes=np.array([2, 3]),
        )

    x = ov.parameter([-1, 3, -1, -1], np.float32)
    y = ov.multiply(ov.subtract(x, np.float32(0.5)), np.float32(4))  # TransformerNetwork.scaled
    y = layer(net.down2, layer(net.down1, layer(net.first, y)))
    for block in net.blocks:
        assert isinstance(block, Residual)
        y = ov.add(y, layer(block.second, layer(block.first, y), relu=False))
    y = layer(net.up2, doubled(layer(net.up1, doubled(y))))
    y = ov.sigmoid(layer(net.last, y, relu=False))
    return openvino.Model([y], [x])


class OpenVinoRuntime:
    """A network as OpenVINO runs it; not to be called from two threads at once."""

    def __init__(self, net: TransformerNetwork) -> None:
        self.net = net
        self.compiled: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> Tensor:
        """As `styleswap.runtimes.Runtime`."""
        ready = padded(x).contiguous()
        found = self._request(tuple(ready.shape)).infer([ready.numpy()], share_inputs=True)
        return cut(torch.from_numpy(found[0]), x)

    def _request(self, shape: tuple[int, ...]) -> Any:
        """An inference request for pictures of `shape`."""
        if shape not in self.compiled:
            core = _core()
            model = model_of(self.net)
            model.reshape(list(shape))
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
