from __future__ import annotations

import pytest
import torch

from styleswap.training.optim import RelativeMuon, one_cycle
from tests.helpers import noise


def test_a_step_moves_a_weight_by_a_fifth_of_the_rate_of_its_size() -> None:
    for size in (0.01, 3.0):
        weight = (size * (noise(24, 16, 3, 3) - 0.5)).requires_grad_(True)
        before = weight.detach().clone()
        optimizer = RelativeMuon([weight])
        weight.grad = noise(24, 16, 3, 3, seed=1) - 0.5
        optimizer.step(0.1)
        moved = (weight.detach() - before).square().mean().sqrt()
        assert moved / before.square().mean().sqrt() == pytest.approx(0.02, rel=0.25)


def test_all_directions_are_turned_alike() -> None:
    """Singular values of a step lie close together though those of the gradient are 100 apart."""
    weight = (noise(8, 12) - 0.5).requires_grad_(True)
    before = weight.detach().clone()
    u, _, v = torch.linalg.svd(noise(8, 12, seed=2) - 0.5, full_matrices=False)
    weight.grad = u @ torch.logspace(0, -2, 8).diag() @ v
    RelativeMuon([weight]).step(1.0)
    step = torch.linalg.svdvals(weight.detach() - before)
    assert step.max() < 2.5 * step.min()


def test_vectors_move_along_their_gradient_and_zeros_move_too() -> None:
    bias = torch.zeros(6, requires_grad=True)
    bias.grad = torch.tensor([3.0, 0.0, 0.0, -4.0, 0.0, 0.0])
    RelativeMuon([bias]).step(1.0)
    step = bias.detach()
    assert (
        torch.nn.functional.cosine_similarity(step, step.new_tensor([-3, 0, 0, 4, 0, 0]), 0) > 0.99
    )
    assert step.square().mean().sqrt() == pytest.approx(0.05 / 5, rel=0.35)


def test_it_finds_a_minimum() -> None:
    weight = noise(6, 6).requires_grad_(True)
    target = noise(6, 6, seed=1)
    optimizer = RelativeMuon([weight])
    for step in range(200):
        weight.grad = None
        (weight - target).square().sum().backward()
        optimizer.step(0.3 * one_cycle(step, 200))
    assert (weight - target).abs().max() < 0.02


def test_what_needs_no_gradient_stays() -> None:
    fixed, free = noise(3, 3), noise(3, 3).requires_grad_(True)
    free.grad = noise(3, 3, seed=1)
    optimizer = RelativeMuon([fixed, free])
    optimizer.step(0.1)
    assert torch.equal(fixed, noise(3, 3)) and not torch.equal(free.detach(), noise(3, 3))


def test_one_cycle() -> None:
    rates = [one_cycle(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.2, rel=0.01) and max(rates) == rates[4] > 0.99
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[49] == pytest.approx(0.5) and rates[-1] == pytest.approx(0)
