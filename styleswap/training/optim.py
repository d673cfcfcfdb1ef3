"""The optimiser of the training loops, and the course of its rate."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor


class RelativeMuon:
    """Muon (Jordan et al. 2024) whose rate is relative to the size of each weight at the start.

    Muon turns all directions of a matrix alike, also those that hardly show in the gradient. A
    convolution is taken as the matrix (C_out, C_in * side^2), a vector as a row. A step at rate r
    moves a weight by about r / 5 of the root mean square that its layer had at the start of the
    run; zeros count as 0.05, the usual.
    """

    def __init__(self, weights: Iterable[Tensor]) -> None:
        self.weights = [w for w in weights if w.requires_grad]
        self.rows = [_rows(w) for w in self.weights]
        self.inner = torch.optim.Muon(
            [{"params": [r], "scale": _size(r)} for r in self.rows],
            weight_decay=0.0,
            adjust_lr_fn="match_rms_adamw",
        )

    def step(self, rate: float) -> None:
        """Move the weights along their gradients, clipped to a norm of 5."""
        torch.nn.utils.clip_grad_norm_(self.weights, 5.0)
        for group in self.inner.param_groups:
            group["lr"] = rate * group["scale"]
        for weight, row in zip(self.weights, self.rows, strict=True):
            row.grad = None if weight.grad is None else _rows(weight.grad)
        self.inner.step()


def one_cycle(step: int, steps: int) -> float:
    """The rate at `step` (from 0) as a share of the highest: up over a twentieth of the run, then
    down a cosine to nothing."""
    progress = (step + 1) / steps
    return min(1.0, progress / 0.05) * 0.5 * (1 + math.cos(math.pi * progress))


def _rows(weight: Tensor) -> Tensor:
    """A weight as the matrix that it is, of the same memory."""
    return weight.detach().flatten(1) if weight.ndim > 1 else weight.detach()[None]


def _size(weight: Tensor) -> float:
    return float(weight.square().mean().sqrt()) or 0.05
