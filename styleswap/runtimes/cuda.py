"""CUDA: half precision, channels last, each shape recorded once as a CUDA graph."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from styleswap.runtimes.kept import Kept

Graph = tuple[torch.cuda.CUDAGraph, Tensor, Tensor]
GRAPHS: Kept[Graph] = Kept()
WARM_UP = 3  # runs before a recording, in which cuDNN chooses its algorithms


class CudaRuntime:
    """A network on the GPU; not to be called from two threads at once."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net.to(memory_format=torch.channels_last)
        self.whole_pixels: float = math.inf

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> Tensor:
        """As `styleswap.runtimes.Runtime`."""
        graph, given, made = GRAPHS.get(self, tuple(x.shape), lambda: self._record(x))
        given.copy_(x)
        graph.replay()
        return made.clone()

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
        with torch.cuda.graph(graph):
            made = self._paint(given)
        return graph, given, made

    def _paint(self, x: Tensor) -> Tensor:
        with torch.autocast("cuda", torch.float16):
            found: Tensor = self.net(x)
        return found
