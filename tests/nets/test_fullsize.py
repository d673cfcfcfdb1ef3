from __future__ import annotations

import torch

from styleswap import weights
from styleswap.nets import fullsize
from styleswap.nets.fullsize import FullSizeNetwork
from styleswap.nets.transformer import BLOCKS, TransformerNetwork, new_transformer
from tests.helpers import noise


def test_weights_by_hand() -> None:
    w = fullsize.WIDTH
    convs = [(3, w, 9), (w, 2 * w, 3), (2 * w, 4 * w, 3)]
    convs += [(4 * w, 4 * w, 3)] * 2 * BLOCKS
    convs += [(4 * w, 2 * w, 3), (2 * w, w, 3)]
    count = sum(i * o * s * s + 2 * o for i, o, s in convs) + w * 3 * 81 + 3
    assert sum(p.numel() for p in FullSizeNetwork().parameters()) == count


def test_the_shape_is_read_from_the_weights() -> None:
    new = new_transformer(torch.Generator().manual_seed(0), 8)
    x = noise(1, 3, 21, 30)
    found = fullsize.from_weights(new.state_dict())
    assert isinstance(found, TransformerNetwork) and torch.equal(found(x), new(x))
    old = fullsize.from_weights(weights.load_style("udnie"))
    assert isinstance(old, FullSizeNetwork)
    y = old(x)
    assert y.shape == x.shape and y.min() >= 0 and y.max() <= 1
