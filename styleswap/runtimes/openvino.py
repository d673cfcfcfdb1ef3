"""OpenVINO on the CPU: bfloat16 where the processor multiplies it natively, else float32.

A network is converted once, at its first picture, and compiled for each shape it meets (60 ms); the
newest shapes stay compiled.
"""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from styleswap.nets.transformer import TransformerNetwork, padded

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


class _Painted(nn.Module):
    """`TransformerNetwork.paint` as what the converter takes, a module's forward."""

    def __init__(self, net: TransformerNetwork) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net.paint(x)


class OpenVinoRuntime:
    """A network as OpenVINO runs it; not to be called from two threads at once."""

    def __init__(self, net: TransformerNetwork) -> None:
        self.net = net
        self.model: Any = None
        self.compiled: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> Tensor:
        """As `styleswap.runtimes.Runtime`."""
        height, width = x.shape[2:]
        ready = padded(x).contiguous()
        found = self._request(tuple(ready.shape)).infer([ready.numpy()], share_inputs=True)
        return torch.from_numpy(found[0])[..., :height, :width]

    def _request(self, shape: tuple[int, ...]) -> Any:
        """An inference request for pictures of `shape`."""
        if shape not in self.compiled:
            core = _core()
            model = self._model().clone()
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

    def _model(self) -> Any:
        """The network as OpenVINO's model of any shape."""
        if self.model is None:
            import openvino

            with warnings.catch_warnings():
                # torch's checks of shapes are not part of the network.
                warnings.simplefilter("ignore", torch.jit.TracerWarning)
                self.model = openvino.convert_model(
                    _Painted(self.net), example_input=torch.rand(1, 3, 64, 64)
                )
        return self.model
