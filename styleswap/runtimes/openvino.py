"""OpenVINO on the CPU: bfloat16 where the processor multiplies it natively, else float32.

Most of the layers in int8, where that is asked for.

A network is compiled for each shape that it meets.
"""

from __future__ import annotations

import functools
import platform
from collections.abc import Sequence
from typing import Any, cast

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from styleswap.media import Pixels
from styleswap.nets.adain import AdainNetwork
from styleswap.nets.transformer import MARGIN, Layer, Residual, TransformerNetwork, padded
from styleswap.runtimes.kept import Kept

CLOUDS = 256  # pixels a side
ROOM = 2.0
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
def ranges_of(net: TransformerNetwork) -> dict[Layer, tuple[Tensor, Tensor]]:
    """The least and the largest number, (C,), that layers multiplied in int8 may be given.

    These are all but the first, which is given bytes, and the next, whose rounding all the others
    would carry on. What lies before them has been normalised, so that one picture tells what others
    will give: `clouds`, and some room.
    """
    found = {}

    def see(part: Layer, y: Tensor) -> Tensor:
        low, high = y.amin((0, 2, 3)), y.amax((0, 2, 3))
        if part is net.up:
            high = torch.maximum(high, -low)
            low = -high
        middle, span = (low + high) / 2, high - low
        # Of what is rounded more coarsely, a channel's values or the weights that they meet, each
        # gets its half (Xiao et al., SmoothQuant, ICML 2023).
        span = ROOM * (span * span.max()).sqrt().clamp_min(0.1 * span.max())
        if not y.min() < 0:
            middle = span / 2
        found[part] = (middle - span / 2, middle + span / 2)
        return y

    y = F.relu(net.first(net.scaled(padded(clouds(CLOUDS)))))
    for block in net.blocks:
        assert isinstance(block, Residual)
        inside = F.relu(block.first(y if block is net.blocks[0] else see(block.first, y)))
        y = y + block.second(see(block.second, inside))
    y = F.interpolate(see(net.up, y), scale_factor=2, mode="nearest")
    see(net.last, F.relu(net.up(y)))
    return found


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
        int8: multiply all layers in int8, but for the one after the residual blocks. Photographs
            come out as with float32 within 2/255 on average.
        shared: what is compiled serves all transformer networks that share it, whose weights are
            its inputs: a new one can paint at once. A frame takes a twentieth longer.
    """

    def __init__(self, net: Network, int8: bool = False, shared: bool = False) -> None:
        self.net = net
        self.ranges = ranges_of(net) if int8 and isinstance(net, TransformerNetwork) else {}
        self._owner: object = self
        self._weights: list[Any] = []
        if shared and SHARES and isinstance(net, TransformerNetwork):
            self._owner = (TransformerNetwork, net.width, int8)
            self._weights = self._written()
        # What a picture takes of memory in one piece: 70 bytes a pixel in bfloat16, else 140.
        self.whole_pixels: float = 17_000_000 if "BF16" in abilities() else 9_000_000

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
        if isinstance(self.net, AdainNetwork):
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
        graph.transformer(cast(TransformerNetwork, self.net), (1, 3, 32, 32), self.ranges, inputs)
        return [openvino.Tensor(value, shared_memory=True) for value in inputs.values]

    def _compiled(self, shape: tuple[int, ...]) -> Any:
        return REQUESTS.get(self._owner, shape, lambda: self._compile(shape))

    def _compile(self, shape: tuple[int, ...]) -> Any:
        """An inference request for pictures of `shape`."""
        from styleswap.runtimes import graph

        hints = {
            "INFERENCE_PRECISION_HINT": "bf16" if "BF16" in abilities() else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        if isinstance(self.net, AdainNetwork):
            model = graph.any_style(self.net, shape)
        else:
            inputs = graph.Inputs() if self._weights else None
            model = graph.transformer(self.net, shape, self.ranges, inputs)
        return _core().compile_model(model, "CPU", hints).create_infer_request()
