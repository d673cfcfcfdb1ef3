"""Plain torch, on whatever device the network lies: the runtime that works everywhere."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class TorchRuntime:
    """Eager float32, which is also what the others are compared with."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net.to(memory_format=torch.channels_last)
        # A picture in one piece takes 480 bytes a pixel of main memory.
        on_cpu = next(net.parameters()).device.type == "cpu"
        self.whole_pixels: float = 3_000_000 if on_cpu else math.inf

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> Tensor:
        """As `styleswap.runtimes.Runtime`."""
        found: Tensor = self.net(x.contiguous(memory_format=torch.channels_last))
        return found
