"""OpenVINO on the CPU: bfloat16 where the processor multiplies it natively, else float32.

Most of the layers in int8, where that is asked for.

A network is compiled for each shape that it meets.
"""

from __future__ import annotations

import functools
import math
import platform
from collections.abc import Sequence
from typing import Any, cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from styleswap.media import Pixels
from styleswap.nets.adain import AdainNetwork
from styleswap.nets.transformer import MARGIN, Layer, Residual, TransformerNetwork
from styleswap.runtimes.kept import Kept

# How far what is normalised reaches, and the least that a channel counts of the widest one.
DEVIATIONS, LEAST = 6.0, 0.1
FINE = 3  # layers behind the first that are not multiplied in int8
# Where it has been measured how fast convolutions are whose weights are inputs.
SHARES = platform.machine().lower() in ("x86_64", "amd64")
REQUESTS: Kept[Any] = Kept()
Network = TransformerNetwork | AdainNetwork


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


@torch.inference_mode()
def ranges_of(net: TransformerNetwork) -> dict[Layer, tuple[Tensor, Tensor]]:
    """The least and the largest number that each channel of the layers which are multiplied in int8
    may be given: of all but the first, which is given bytes, and the `FINE` next, whose rounding
    all the others would carry on.

    What lies before them has been normalised: its shift and scale are its mean and deviation,
    whatever the picture, and it reaches `DEVIATIONS` far.
    """

    def rectified(part: Layer) -> tuple[Tensor, Tensor]:
        shift, scale = _affine(part)
        high = _wider((shift + DEVIATIONS * scale).clamp_min(0))
        return torch.zeros_like(high), high

    # Moments of a normal distribution behind a rectifier.
    shift, scale = _affine(net.first)
    z = shift / scale
    density, share = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi), torch.special.ndtr(z)
    mean = shift * share + scale * density
    variance = shift * mean + scale.square() * share - mean.square()
    found = {}
    for block in net.blocks:
        assert isinstance(block, Residual)
        reach = _wider(DEVIATIONS * variance.clamp_min(0).sqrt())
        found[block.first] = (mean - reach, mean + reach)
        found[block.second] = rectified(block.first)
        shift, scale = _affine(block.second)
        mean, variance = mean + shift, variance + scale.square()
    reach = _wider(mean.abs() + DEVIATIONS * variance.sqrt())
    found[net.up] = (-reach, reach)
    found[net.last] = rectified(net.up)
    return dict(list(found.items())[FINE:])


def _wider(reach: Tensor) -> Tensor:
    """What is too wide of a channel: its steps and those of its weights each get half of it."""
    return (reach * reach.max()).sqrt().clamp_min(LEAST * reach.max())


def _affine(part: Layer) -> tuple[Tensor, Tensor]:
    """The mean and the deviation of what a layer gives, of each channel."""
    assert isinstance(part.norm, nn.InstanceNorm2d)
    return part.norm.bias, part.norm.weight.abs().clamp_min(1e-6)


def picture(blocks: Any, height: int, width: int) -> Any:
    """What `graph.transformer` gives, (B, h, w, 2 x 2 x 3), as (B, H, W, 3) without the margin."""
    # Two pixels of a row are copied as one thing; OpenVINO would pass over all of them four times.
    edge, pair = MARGIN // 2, f"V{6 * blocks.itemsize}"
    pairs = blocks[:, edge : edge + -(-height // 2), edge : edge + -(-width // 2)].view(pair)
    batch, down, across, _ = pairs.shape
    made = np.empty((batch, down, 2, across), pair)
    made[:] = pairs.transpose(0, 1, 3, 2)
    return made.view(blocks.dtype).reshape(batch, 2 * down, 2 * across, 3)[:, :height, :width]


class OpenVinoRuntime:
    """A network as OpenVINO runs it; not to be called from two threads at once.

    Args:
        int8: multiply most layers in int8. Photographs come out as with float32 within 2/255 on
            average.
        shared: what is compiled serves all transformer networks that share it, whose weights are
            its inputs: a new one can paint at once. A frame takes a twentieth longer.
    """

    def __init__(self, net: Network, int8: bool = False, shared: bool = False) -> None:
        self.net = net
        self.ranges = ranges_of(net) if int8 and isinstance(net, TransformerNetwork) else {}
        self._owner: object = self
        self._weights: list[Any] = []
        if shared and SHARES and not isinstance(net, AdainNetwork):
            self._owner = (type(net), net.width, int8)
            self._weights = self._written()
        # What a picture takes of memory in one piece: 70 bytes a pixel in bfloat16, else 100.
        self.whole_pixels: float = 17_000_000 if "BF16" in abilities() else 12_000_000

    def __call__(self, x: Tensor) -> Tensor:
        """As `styleswap.runtimes.Runtime`."""
        # Nothing of torch, whose threads would still spin for work when OpenVINO's begin.
        request, pixels = self._request(tuple(x.shape)), x.numpy()
        given = request.get_input_tensor(0).data
        if self.ranges:
            for planes, into in zip(pixels, given, strict=True):
                cv2.convertScaleAbs(cv2.merge([*planes]), into, 255)
        else:
            # Around 0 before it becomes bfloat16, which is finer there: pale skies would get steps.
            np.subtract(pixels, np.float32(0.5), out=given)
        found = self._infer(request, *x.shape[2:])
        if self.ranges:
            found = np.divide(found, 255, dtype=np.float32)
        return torch.from_numpy(found).permute(0, 3, 1, 2)

    def frames(self, frames: Sequence[Pixels]) -> list[Pixels]:
        """As `styleswap.runtimes.Runtime`, one by one: a batch takes as long."""
        return [self._frame(frame) for frame in frames]

    def _frame(self, frame: Pixels) -> Pixels:
        height, width, _ = frame.shape
        request = self._request((1, 3, height, width))
        x = request.get_input_tensor(0).data
        if self.ranges:
            x[0] = frame
            return cast(Pixels, self._infer(request, height, width)[0])
        np.divide(frame.transpose(2, 0, 1), np.float32(255), out=x[0])
        x -= np.float32(0.5)
        # It rounds, and leaves nothing outside.
        return cast(Pixels, cv2.convertScaleAbs(self._infer(request, height, width)[0], alpha=255))

    def _infer(self, request: Any, height: int, width: int) -> Any:
        """(B, H, W, 3) of what the request has been given; bytes, where that is what it takes."""
        if not isinstance(self.net, TransformerNetwork):
            return request.infer()[0]
        return picture(request.infer(share_outputs=True)[0], height, width)

    def make_ready(self, width: int, height: int) -> None:
        """As `styleswap.runtimes.Runtime`; takes as long as some frames, which go on meanwhile."""
        self._compiled((1, 3, height, width))

    def is_ready(self, width: int, height: int) -> bool:
        """As `styleswap.runtimes.Runtime`."""
        return REQUESTS.has(self._owner, (1, 3, height, width))

    def _request(self, shape: tuple[int, ...]) -> Any:
        """What infers pictures of `shape`, told the style that was set last."""
        request = self._compiled(shape)
        if isinstance(self.net, AdainNetwork):
            for i, told in enumerate((self.net.deviation, self.net.mean, self.net.own)):
                request.get_input_tensor(1 + i).data[:] = told.numpy()
        for i, weight in enumerate(self._weights):
            request.set_input_tensor(1 + i, weight)
        return request

    def _written(self) -> list[Any]:
        """The weights as what is compiled takes them."""
        import openvino

        from styleswap.runtimes import graph

        inputs = graph.Inputs()
        self._graph((1, 3, 32, 32), inputs)
        return [openvino.Tensor(value, shared_memory=True) for value in inputs.values]

    def _graph(self, shape: tuple[int, ...], inputs: Any) -> Any:
        """The network written down for pictures of `shape`."""
        from styleswap.runtimes import graph

        if isinstance(self.net, AdainNetwork):
            return graph.any_style(self.net, shape)
        return graph.transformer(self.net, shape, self.ranges, inputs)

    def _compiled(self, shape: tuple[int, ...]) -> Any:
        return REQUESTS.get(self._owner, shape, lambda: self._compile(shape))

    def _compile(self, shape: tuple[int, ...]) -> Any:
        """An inference request for pictures of `shape`."""
        from styleswap.runtimes import graph

        hints = {
            "INFERENCE_PRECISION_HINT": "bf16" if "BF16" in abilities() else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        model = self._graph(shape, graph.Inputs() if self._weights else None)
        return _core().compile_model(model, "CPU", hints).create_infer_request()
