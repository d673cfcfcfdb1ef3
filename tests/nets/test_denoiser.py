from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from styleswap.nets.denoiser import REACH, new_denoiser
from tests.helpers import noise


def test_the_papers_network() -> None:
    net = new_denoiser(torch.Generator().manual_seed(0))
    assert sum(p.numel() for p in net.parameters()) == 22_275
    x = noise(2, 3, 9, 7)
    w = {name: p.detach() for name, p in net.named_parameters()}
    y = F.leaky_relu(F.conv2d(x, w["first.weight"], w["first.bias"], padding=1), 0.2)
    y = F.leaky_relu(F.conv2d(y, w["second.weight"], w["second.bias"], padding=1), 0.2)
    torch.testing.assert_close(net(x), F.conv2d(y, w["last.weight"], w["last.bias"]))


def test_the_same_seed_gives_the_same_network() -> None:
    one, same, other = (
        new_denoiser(torch.Generator().manual_seed(seed))(noise(1, 3, 8, 8)) for seed in (0, 0, 1)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize("away, changes", [(REACH, True), (REACH + 1, False)])
def test_how_far_it_sees(away: int, changes: bool) -> None:
    net = new_denoiser(torch.Generator().manual_seed(0))
    x = noise(1, 3, 15, 15)
    moved = x.clone()
    moved[..., 7 + away] += 1
    assert bool((net(moved) - net(x))[0, :, 7, 7].abs().max() > 1e-6) == changes
