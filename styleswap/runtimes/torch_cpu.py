"""Plain torch, on whatever device the network lies: the runtime that works everywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from styleswap import tensors
from styleswap.media import Pixels


class TorchRuntime:
    """Eager float32, which is also what the others are compared with."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net.to(memory_format=torch.channels_last)
        self.device = next(net.parameters()).device
        # A picture in one piece takes 270 bytes a pixel of main memory.
        self.whole_pixels: float = 5_000_000 if self.device.type == "cpu" else math.inf

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> Tensor:
        """As `styleswap.runtimes.Runtime`."""
        found: Tensor = self.net(x.contiguous(memory_format=torch.channels_last))
        return found

    def frames(self, frames: Sequence[Pixels]) -> list[Pixels]:
        """As `styleswap.runtimes.Runtime`."""
        return tensors.through(self, frames, self.device)

    def make_ready(self, width: int, height: int) -> None:
        """Nothing: there is nothing to compile."""

    def is_ready(self, width: int, height: int) -> bool:
        """Always."""
        return True
