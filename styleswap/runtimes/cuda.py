"""CUDA: half precision, channels last, each shape recorded once as a CUDA graph."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from styleswap.media import Pixels
from styleswap.runtimes.kept import Kept

Graph = tuple[torch.cuda.CUDAGraph, Tensor, Tensor]
GRAPHS: Kept[Graph] = Kept()
WARM_UP = 3  # runs before a recording, in which cuDNN chooses its algorithms


class CudaRuntime:
    """A network on the GPU; not to be called from two threads at once."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net.to(memory_format=torch.channels_last)
        self.device = next(net.parameters()).device
        self.whole_pixels: float = math.inf

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> Tensor:
        """As `styleswap.runtimes.Runtime`."""
        graph, given, made = GRAPHS.get(self, tuple(x.shape), lambda: self._record(x))
        given.copy_(x)
        graph.replay()
        return made.clone()

    @torch.inference_mode()
    def frames(self, frames: Sequence[Pixels]) -> list[Pixels]:
        """As `styleswap.runtimes.Runtime`, all at once."""
        # As bytes there and back: a quarter of what floats would be.
        x = torch.from_numpy(np.stack(frames)).to(self.device).permute(0, 3, 1, 2)
        y = self(x.float().div_(255)).float().mul_(255).round_().clamp_(0, 255).byte()
        return list(y.permute(0, 2, 3, 1).contiguous().cpu().numpy())

    def make_ready(self, width: int, height: int) -> None:
        """Nothing: a graph is recorded while nobody else has the device, with the first frame."""

    def is_ready(self, width: int, height: int) -> bool:
        """Always, as far as anything can be done ahead."""
        return True

    def _record(self, x: Tensor) -> Graph:
        """A graph with the tensors that it reads and writes."""
        given = x.contiguous(memory_format=torch.channels_last).clone()
        graph = torch.cuda.CUDAGraph()
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self._paint(given)
        torch.cuda.current_stream().wait_stream(aside)
        # Other threads may meanwhile fetch their pictures from the GPU.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            made = self._paint(given)
        return graph, given, made

    def _paint(self, x: Tensor) -> Tensor:
        with torch.autocast("cuda", torch.float16):
            found: Tensor = self.net(x)
        return found
