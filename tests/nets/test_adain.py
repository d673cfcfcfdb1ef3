from __future__ import annotations

import pytest
import torch

from styleswap import ops, runtimes
from styleswap.nets.adain import LAYER, AdainNetwork
from styleswap.nets.inverse import MARGIN, new_inverse
from tests.helpers import example, noise, small

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def net() -> AdainNetwork:
    made = new_inverse(torch.Generator().manual_seed(0), LAYER)
    with torch.no_grad():
        for p in made.parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1)))
    return AdainNetwork(small(), made).eval().requires_grad_(False)


def told(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    return ops.statistics(small().features(example(name, 128), [LAYER])[LAYER])


def test_it_is_the_formula(net: AdainNetwork) -> None:
    x, style = noise(1, 3, 48, 64), example("waves", 128)
    f, s = (small().features(picture, [LAYER])[LAYER] for picture in (x, style))
    # Without a margin, to compare; with one, inside.
    for strength in (1.0, 0.3, 0.0):
        net.set_style(*ops.statistics(s), strength)
        around = torch.nn.functional.pad(x, (MARGIN,) * 4, "replicate")
        wide = small().features(around, [LAYER])[LAYER]
        mixed = torch.lerp(wide, ops.adain(wide, s), strength)
        literal = net.inverse(mixed)[..., MARGIN:-MARGIN, MARGIN:-MARGIN].clamp(0, 1)
        torch.testing.assert_close(net(x), literal, rtol=1e-4, atol=1e-4)
    assert f.shape[1] == net.mean.shape[1]


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
