from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from styleswap.errors import StyleSwapError
from styleswap.nets.transformer import (
    BLOCKS,
    MARGIN,
    WIDTH,
    TransformerNetwork,
    cut,
    new_transformer,
    padded,
)
from tests.helpers import noise


def network(width: int = 8, seed: int = 0) -> TransformerNetwork:
    net = new_transformer(torch.Generator().manual_seed(seed), width)
    return net.eval().requires_grad_(False)


@pytest.mark.parametrize("width", [WIDTH, 32])
def test_weights_by_hand(width: int) -> None:
    """Convolutions, two numbers a channel for each normalisation, and the last one's bias."""
    w = width
    convs = [(3, w, 12)]
    convs += [(w, 3 * w // 4, 3), (3 * w // 4, w, 3)] * BLOCKS
    convs += [(w, w // 2, 3)]
    count = sum(i * o * s * s + 2 * o for i, o, s in convs) + w // 2 * 12 * 25 + 12
    assert sum(p.numel() for p in TransformerNetwork(width).parameters()) == count


@given(st.integers(9, 41), st.integers(9, 41))
@settings(max_examples=25, deadline=None)
def test_any_size(height: int, width: int) -> None:
    y = NET(noise(1, 3, height, width))
    assert y.shape == (1, 3, height, width)
    assert y.isfinite().all() and y.min() >= 0 and y.max() <= 1


@given(st.integers(9, 41), st.integers(9, 41))
@settings(deadline=None)
def test_what_is_padded_is_cut_again(height: int, width: int) -> None:
    x = noise(1, 3, height, width)
    y = padded(x)
    assert y.shape[2] % 4 == 0 == y.shape[3] % 4 and torch.equal(cut(y, x), x)
    # Reflected around the outermost pixels, which stand once.
    above, left = MARGIN - 2, MARGIN
    assert torch.equal(y[0, :, above, left], x[0, :, 2, 0])
    assert torch.equal(y[0, :, left, above], x[0, :, 0, 2])


NET = network()


def test_a_picture_is_repainted_alike_alone_and_in_a_batch() -> None:
    x = noise(3, 3, 24, 32)
    together = NET(x)
    for i in range(3):
        torch.testing.assert_close(together[i : i + 1], NET(x[i : i + 1]), rtol=1e-4, atol=1e-5)


def test_the_input_is_left_alone() -> None:
    x = noise(1, 3, 18, 21)
    kept = x.clone()
    NET(x)
    assert torch.equal(x, kept)


def test_contrast_of_the_photograph_matters_little() -> None:
    """Instance normalisation removes it (Ulyanov et al. 2016)."""
    x = noise(1, 3, 48, 48)
    faded = 0.5 + 0.5 * (x - 0.5)
    other = noise(1, 3, 48, 48, seed=1)
    distance = (NET(x) - NET(faded)).abs().mean()
    assert distance < 0.2 * (NET(x) - NET(other)).abs().mean()


def test_no_frame_at_the_border() -> None:
    """A flat picture stays flat: reflection shows the layers nothing that zeros would."""
    y = NET(torch.full((1, 3, 32, 32), 0.3))
    assert (y - y.mean((2, 3), keepdim=True)).abs().max() < 1e-4


def test_the_width_is_read_from_the_weights() -> None:
    for width in (8, 12):
        net = network(width, seed=3)
        again = TransformerNetwork.from_weights(net.state_dict())
        assert again.width == width
        x = noise(1, 3, 16, 16)
        assert torch.equal(again(x), net(x))


def test_gradients_reach_every_weight() -> None:
    net = new_transformer(torch.Generator().manual_seed(0), 8)
    (net(noise(2, 3, 24, 24)) * noise(2, 3, 24, 24, seed=1)).sum().backward()
    for name, p in net.named_parameters():
        assert p.grad is not None and p.grad.isfinite().all() and p.grad.abs().max() > 0, name


def test_the_seed_decides() -> None:
    a, b, c = (network(8, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not torch.equal(a["first.conv.weight"], c["first.conv.weight"])


def test_weights_of_another_network_are_refused_in_a_sentence() -> None:
    written = new_transformer(torch.Generator().manual_seed(0), 8).state_dict()
    for found in (
        {},
        {"first.conv.weight": torch.zeros(16, 3, 9, 9)},
        written | {"down1.conv.weight": torch.zeros(1)},
        {k: w for k, w in written.items() if k != "last.conv.bias"},
    ):
        with pytest.raises(StyleSwapError, match="not of a transformer network"):
            TransformerNetwork.from_weights(found)
