"""How a feed-forward network is run: one interface, the fastest that this machine has.

Every runtime gives of photographs what float32 torch gives within a mean absolute difference of
2/255; ``openvino-int8``, which is for where speed counts more, comes nearest to that.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from styleswap.errors import StyleSwapError
from styleswap.nets.adain import AdainNetwork
from styleswap.nets.transformer import TransformerNetwork
from styleswap.runtimes import cuda, openvino, torch_cpu
from styleswap.runtimes.strips import StripsRuntime


class Runtime(Protocol):
    """A network, ready to run."""

    whole_pixels: float  # of a batch whose layers it may hold in memory at once

    def __call__(self, x: Tensor) -> Tensor:
        """Repaint (B, 3, H, W) float32 in [0, 1]; the result lies on the same device."""
        ...


Repaint = Callable[[Tensor], Tensor]  # (B, 3, H, W) float32 in [0, 1], on its device

RUNTIMES: dict[str, Callable[[Any], Runtime]] = {
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
    net: TransformerNetwork | AdainNetwork, device: torch.device, name: str = "auto"
) -> Repaint:
    """`net` on `device` by the runtime called `name`; ``auto`` is the fastest that is exact.

    Raises:
        StyleSwapError: a runtime that does not work here.
    """
    names = available(device)
    if name not in ("auto", *names):
        raise StyleSwapError(
            f"The runtime {name} does not work on this machine; choose auto or {', '.join(names)}."
        )
    net = net.eval().requires_grad_(False).to(device)
    whole = RUNTIMES[names[0] if name == "auto" else name](net)
    if isinstance(net, AdainNetwork):
        return whole
    strips = StripsRuntime(net, bf16_is_fast(device))
    return lambda x: whole(x) if x[:, 0].numel() <= whole.whole_pixels else strips(x)


def bf16_is_fast(device: torch.device) -> bool:
    """Whether the processor multiplies bfloat16 natively, and so about twice as fast.

    Asked of the processor and not measured: the same machine must give the same picture each time.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch names these with an underscore, and has no other way to ask that 2.10 knows.
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
