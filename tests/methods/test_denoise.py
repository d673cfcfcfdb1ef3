from __future__ import annotations

import itertools
import math
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from styleswap import metrics, ops, tensors
from styleswap.engine import Engine, Progress
from styleswap.errors import StyleSwapError
from styleswap.methods import denoise
from styleswap.nets.denoiser import new_denoiser
from styleswap.request import Request, StyleChoice, check_clean
from styleswap.specs import AdainParams, DenoiseParams
from tests.helpers import ROOT, colourful, noise, picture

LAKE = picture(ROOT / "examples" / "content" / "lake.jpg", 160)
LITTLE = picture(ROOT / "examples" / "content" / "lake.jpg", 112)  # for results of all steps


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine("cpu")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Presets of few steps, for what does not depend on how good they are."""
    for name, preset in denoise.PRESETS.items():
        monkeypatch.setitem(denoise.PRESETS, name, replace(preset, steps=12))


def run(engine: Engine, content: Image.Image = LAKE, **settings: Any) -> list[Progress]:
    return list(engine.run(Request("denoise", content, [], DenoiseParams(**settings))))


def clean(engine: Engine, content: Image.Image = LAKE, **settings: Any) -> Tensor:
    return run(engine, content, **settings)[-1].image


def test_the_loss_is_the_papers() -> None:
    net, x = new_denoiser(torch.Generator().manual_seed(0)), noise(1, 3, 12, 10)
    kernels = [
        torch.tensor(k).expand(3, 1, 2, 2) for k in ([[0, 0.5], [0.5, 0]], [[0.5, 0], [0, 0.5]])
    ]
    halve = lambda y: [F.conv2d(y, k, stride=2, groups=3) for k in kernels]  # noqa: E731
    one, other = halve(x)
    without = [y - net(y) for y in (one, other)]
    residual = ((without[0] - other).square().mean() + (without[1] - one).square().mean()) / 2
    after = halve(x - net(x))
    consistency = sum((a - b).square().mean() for a, b in zip(without, after, strict=True)) / 2
    torch.testing.assert_close(denoise.loss(net, x), residual + consistency)
    # Gradients go through both sides.
    (weight,) = torch.autograd.grad(denoise.loss(net, x), net.last.weight)
    assert weight.abs().sum() > 0


@pytest.mark.parametrize("kind", [{"add": "gaussian", "sigma": 25}, {"add": "poisson", "peak": 50}])
def test_noise_goes(engine: Engine, kind: dict[str, Any]) -> None:
    steps = run(engine, LITTLE, **kind)
    found = denoise.report(LITTLE, DenoiseParams(**kind), steps[-1].image)
    assert found.figures["psnr"] > found.figures["psnr_noisy"] + 6
    assert found.figures["ssim"] > 0.6
    assert all(a.i <= b.i for a, b in itertools.pairwise(steps)) and steps[-1].i == steps[-1].n
    # What was taken away is noise: it hardly goes with the picture.
    x = tensors.from_pil(LITTLE)
    apart = denoise.noisy(x, DenoiseParams(**kind)) - steps[-1].image
    both = torch.corrcoef(torch.stack([apart.flatten(), x.flatten()]))
    assert both[0, 1].abs() < 0.2


def test_a_clean_picture_stays(engine: Engine) -> None:
    x = tensors.from_pil(LAKE)
    assert metrics.psnr(clean(engine), x) > 38


def test_strength(engine: Engine, quick: None) -> None:
    x = denoise.noisy(tensors.from_pil(LAKE), DenoiseParams(add="gaussian"))
    none, half, all_ = (clean(engine, add="gaussian", strength=s) for s in (0.0, 0.5, 1.0))
    torch.testing.assert_close(none, x.clamp(0, 1))
    inside = (x > 0.2) & (x < 0.8)
    torch.testing.assert_close(half[inside], ((x + all_) / 2)[inside], rtol=0, atol=1e-5)


def test_seeds(engine: Engine, quick: None) -> None:
    one, same, other = (clean(engine, add="gaussian", seed=s) for s in (3, 3, 4))
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize("size", [(4, 4), (4, 90), (33, 61), (300, 5)])
def test_odd_pictures(engine: Engine, quick: None, size: tuple[int, int]) -> None:
    for made in (colourful(*size), colourful(*size).convert("L").convert("RGB")):
        y = clean(engine, made)
        assert y.isfinite().all() and y.shape[2:] == size[::-1]
    flat = Image.new("RGB", size, (90, 120, 30))
    torch.testing.assert_close(clean(engine, flat), tensors.from_pil(flat), rtol=0, atol=2 / 255)


def test_too_thin(engine: Engine) -> None:
    with pytest.raises(StyleSwapError, match="1 x 40 pixels; 4 a side are needed"):
        run(engine, colourful(1, 40))


def test_strips_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = new_denoiser(torch.Generator().manual_seed(0)), noise(1, 3, 41, 30)
    *_, whole = denoise.denoised(net, x, 1.0, 1.0, 8)
    monkeypatch.setattr(denoise, "STRIP", 300)
    *before, strips = denoise.denoised(net, x, 1.0, 1.0, 8)
    torch.testing.assert_close(strips, whole)
    assert len(before) == 4


def test_every_flip_and_turn_is_taken_back() -> None:
    x = noise(1, 3, 5, 7)
    shown = [denoise.turned(x, k) for k in range(8)]
    assert len({tuple(y.flatten().tolist()) for y in shown}) == 8
    for k, y in enumerate(shown):
        assert torch.equal(denoise.turned(y, k, back=True), x)


def test_a_picture_turned_gives_the_result_turned() -> None:
    """What the network alone does not: it is shown all eight."""
    net, x = new_denoiser(torch.Generator().manual_seed(0)), noise(1, 3, 12, 9)

    def result(y: torch.Tensor, turns: int) -> torch.Tensor:
        *_, last = denoise.denoised(net, y, 1.0, 1.0, turns)
        return last

    torch.testing.assert_close(result(x.mT.flip(2), 8), result(x, 8).mT.flip(2))
    assert not torch.allclose(result(x.mT.flip(2), 1), result(x, 1).mT.flip(2), atol=1e-3)


def test_it_ends_where_nothing_is_learnt() -> None:
    falling = [1.0 - 0.001 * i for i in range(400)]
    assert not any(denoise.flat(falling[:k]) for k in range(1, 400))
    assert denoise.flat([1.0] * 200) and not denoise.flat([1.0] * 199)


def test_it_stops_within_a_second(engine: Engine) -> None:
    cancel = threading.Event()
    steps = engine.run(Request("denoise", LAKE, [], DenoiseParams(preset="paper")), cancel)
    next(steps)
    cancel.set()
    began = time.monotonic()
    assert len(list(steps)) <= 1 and time.monotonic() - began < 1


def test_no_more_is_taken_than_there_is() -> None:
    x = 0.1 * torch.randn(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(denoise.held_back(x, 0.1), x)
    held = denoise.held_back(x, 0.01)
    assert held.std().item() == pytest.approx(0.01 * denoise.ROOM, rel=0.05)
    assert torch.equal(denoise.held_back(torch.zeros_like(x), 0.0), torch.zeros_like(x))


def test_the_report(engine: Engine, quick: None) -> None:
    params = DenoiseParams(add="gaussian", sigma=20)
    result = run(engine, add="gaussian", sigma=20)[-1].image
    found = denoise.report(LAKE, params, result)
    assert found.figures["sigma"] == pytest.approx(20, rel=0.15)
    assert found.figures["psnr_noisy"] == pytest.approx(20 * math.log10(255 / 20), abs=0.3)
    assert found.first.size == found.second.size == (LAKE.width // 2, LAKE.height // 2)
    assert found.residual.size == LAKE.size
    # Nothing is known of a picture's noise but the estimate.
    assert list(denoise.report(LAKE, DenoiseParams(), result).figures) == ["sigma"]
    known = denoise.report(LAKE, DenoiseParams(), result, LAKE)
    assert known.figures["psnr_noisy"] == math.inf
    with pytest.raises(StyleSwapError, match="another size"):
        check_clean(LAKE, LAKE.resize((20, 20)))


def test_as_the_last_step_of_another_method(engine: Engine, quick: None) -> None:
    """A result's grain goes; the steps are counted on."""
    choice = StyleChoice(colourful(96, 96))
    plain, finished = (
        list(engine.run(Request("adain", LAKE, [choice], AdainParams(size=160, finish=finish))))
        for finish in ("none", "denoise")
    )
    assert [(p.i, p.n) for p in plain] == [(1, 1)]
    assert [p.i for p in finished[:3]] == [1, 2, 3] and finished[-1].i == finished[-1].n == 14
    torch.testing.assert_close(finished[0].image, plain[0].image)
    before, after = (ops.noise_level(p.image) for p in (plain[-1], finished[-1]))
    assert after < before
