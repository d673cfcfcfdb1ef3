"""How a feed-forward network is run: one interface, the fastest that this machine has.

Every runtime gives of photographs what float32 torch gives within a mean absolute difference of
2/255; ``openvino-int8``, which is for where speed counts more, comes nearest to that.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from styleswap import tensors
from styleswap.errors import StyleSwapError
from styleswap.media import Pixels
from styleswap.methods.base import Repaint
from styleswap.nets.adain import AdainNetwork
from styleswap.nets.transformer import TransformerNetwork
from styleswap.runtimes import cuda, openvino, torch_cpu
from styleswap.runtimes.strips import StripsRuntime


class Runtime(Repaint, Protocol):
    """A network in one piece."""

    whole_pixels: float  # of a batch whose layers it may hold in memory at once


RUNTIMES: dict[str, Callable[..., Runtime]] = {
    "cuda": cuda.CudaRuntime,
    "openvino": openvino.OpenVinoRuntime,
    "openvino-int8": functools.partial(openvino.OpenVinoRuntime, int8=True),
    "torch": torch_cpu.TorchRuntime,
}


def available(device: torch.device) -> list[str]:
    """The runtimes that work on `device`; the first is what ``auto`` takes."""
    if device.type == "cuda":
        return ["cuda", "torch"]
    if not openvino.works():
        return ["torch"]
    return ["openvino", *["openvino-int8"] * ("INT8" in openvino.abilities()), "torch"]


def for_films(device: torch.device) -> str:
    """The runtime for frames that pass by, of which nobody compares the last shade."""
    return "openvino-int8" if "openvino-int8" in available(device) else "auto"


def prepare(
    net: TransformerNetwork | AdainNetwork,
    device: torch.device,
    name: str = "auto",
    shared: bool = False,
) -> Repaint:
    """`net` on `device` by the runtime called `name`; ``auto`` is the fastest that is exact.

    Args:
        shared: nothing is compiled for this network where another of its kind has painted frames of
            the same size; of OpenVINO's a frame takes a twentieth longer.

    Raises:
        StyleSwapError: a runtime that does not work here.
    """
    names = available(device)
    if name not in ("auto", *names):
        raise StyleSwapError(
            f"The runtime {name} does not work on this machine; choose auto or {', '.join(names)}."
        )
    net = net.eval().requires_grad_(False).to(device)
    name = names[0] if name == "auto" else name
    # The others compile nothing ahead.
    options = {"shared": True} if shared and name.startswith("openvino") else {}
    whole = RUNTIMES[name](net, **options)
    if isinstance(net, AdainNetwork):
        return whole
    return ByStrips(whole, StripsRuntime(net, bf16_is_fast(device)), device)


class ByStrips:
    """A `styleswap.methods.base.Repaint` of any size: what is too large for one piece, by strips.

    Args:
        whole: what runs the network in one piece.
        strips: the same network strip by strip, which needs no compiling.
        device: where the network is.
    """

    def __init__(
        self, whole: Runtime, strips: Callable[[Tensor], Tensor], device: torch.device
    ) -> None:
        self.whole, self.strips, self.device = whole, strips, device

    def __call__(self, x: Tensor) -> Tensor:
        return self.whole(x) if self._fits(x[:, 0].numel()) else self.strips(x)

    def frames(self, frames: Sequence[Pixels]) -> list[Pixels]:
        height, width, _ = frames[0].shape
        if self._fits(width * height):
            return self.whole.frames(frames)
        return tensors.through(self.strips, frames, self.device)

    def make_ready(self, width: int, height: int) -> None:
        if self._fits(width * height):
            self.whole.make_ready(width, height)

    def is_ready(self, width: int, height: int) -> bool:
        return not self._fits(width * height) or self.whole.is_ready(width, height)

    def _fits(self, pixels: int) -> bool:
        return pixels <= self.whole.whole_pixels


def bf16_is_fast(device: torch.device) -> bool:
    """Whether the processor multiplies bfloat16 natively, and so about twice as fast.

    Asked of the processor and not measured: the same machine must give the same picture each time.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch names these with an underscore, and has no other way to ask that 2.10 knows.
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
