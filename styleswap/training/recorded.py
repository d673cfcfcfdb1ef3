"""A training step on a GPU, recorded once and replayed: what many small operations cost is the time
to ask for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

WARM_UP = 3  # steps before the recording, in which libraries choose their algorithms

Step = Callable[[Sequence[Tensor]], Tensor]


class Recorded:
    """A step as a CUDA graph. The gradients that it leaves must stay where they are.

    Args:
        step: takes a batch, leaves gradients in the weights of `net`, and returns what to report.
            All that it reads beside the batch must stay in place, and it must never wait.
        net: what is trained.
    """

    def __init__(self, step: Step, net: nn.Module) -> None:
        self.step, self.net = step, net
        self.graph: torch.cuda.CUDAGraph | None = None
        self.given: list[Tensor] = []
        self.found = torch.empty(0)

    def __call__(self, batch: Sequence[Tensor]) -> Tensor:
        """As `step`."""
        if self.graph is None:
            self._record(batch)
        assert self.graph is not None
        for kept, fresh in zip(self.given, batch, strict=True):
            kept.copy_(fresh)
        self.graph.replay()
        return self.found

    def _record(self, batch: Sequence[Tensor]) -> None:
        self.given = [x.clone() for x in batch]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self.net.zero_grad()
                self.step(self.given)
        torch.cuda.current_stream().wait_stream(aside)
        self.net.zero_grad()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.found = self.step(self.given)
