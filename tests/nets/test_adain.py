from __future__ import annotations

import pytest
import torch

from styleswap import ops, runtimes
from styleswap.nets import adain
from styleswap.nets.adain import CHANNELS, DEEP, LAYERS, SHALLOW, AdainNetwork, new_decoder
from styleswap.nets.inverse import MARGIN
from tests.helpers import example, noise, small

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def net() -> AdainNetwork:
    made = new_decoder(torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in made.parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=generator))
        made.usual.uniform_(0, 1, generator=generator)
        made.spread.uniform_(1, 2, generator=generator)
    return AdainNetwork(small(), made).eval().requires_grad_(False)


def features(x: torch.Tensor) -> list[torch.Tensor]:
    return adain.taken(small().features(x, LAYERS))


def told(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    return adain.statistics(features(example(name, 128)))


def test_what_is_taken() -> None:
    found = features(noise(2, 3, 32, 48))
    assert [f.shape[1] for f in found] == list(LAYERS.values())
    assert found[-1].shape[2:] == (4, 6) and found[-2].shape[2:] == (8, 12)
    assert (SHALLOW, DEEP) == ("relu3_1", "relu4_1")
    mean, deviation = adain.statistics(found)
    assert mean.shape == deviation.shape == (2, CHANNELS, 1, 1)
    torch.testing.assert_close(mean[:, -LAYERS[DEEP] :], found[-1].mean((2, 3), keepdim=True))


def test_it_is_the_formula(net: AdainNetwork) -> None:
    x, style = noise(1, 3, 48, 64), example("waves", 128)
    theirs = features(style)
    around = torch.nn.functional.pad(x, (MARGIN,) * 4, "replicate")
    wide = features(around)
    for strength in (1.0, 0.3, 0.0):
        net.set_style(*adain.statistics(theirs), strength)
        mixed = [
            torch.lerp(f, ops.adain(f, s), strength) for f, s in zip(wide, theirs, strict=True)
        ]
        pairs = zip(adain.statistics(wide), adain.statistics(theirs), strict=True)
        literal = net.decoder(mixed[-1], mixed[-2], *(torch.lerp(a, b, strength) for a, b in pairs))
        literal = literal[..., MARGIN:-MARGIN, MARGIN:-MARGIN].clamp(0, 1)
        torch.testing.assert_close(net(x), literal, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", runtimes.available(CPU))
@pytest.mark.parametrize("shape", [(1, 3, 64, 96), (1, 3, 51, 70), (2, 3, 33, 33)])
def test_every_runtime_agrees(net: AdainNetwork, name: str, shape: tuple[int, ...]) -> None:
    run, x = runtimes.prepare(net, CPU, name), noise(*shape)
    made = []
    for style in ("waves", "tiles"):
        net.set_style(*told(style), 0.9)
        want = net(x)
        found = run(x)
        assert found.shape == x.shape and (found - want).abs().mean() <= 2 / 255
        made.append(want)
    # The style that was set last, and one that shows.
    assert (made[0] - made[1]).abs().mean() > 5 / 255
