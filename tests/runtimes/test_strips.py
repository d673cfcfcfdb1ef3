from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from styleswap import runtimes
from styleswap.runtimes import strips
from styleswap.runtimes.strips import StripsRuntime
from tests.helpers import noise
from tests.runtimes.test_runtimes import network


@given(st.integers(32, 150), st.integers(32, 90), st.integers(1, 1500), st.integers(0, 3))
@settings(max_examples=12, deadline=None)
def test_strips_are_the_whole_picture(height: int, width: int, pixels: int, seed: int) -> None:
    net, x = network(seed), noise(1, 3, height, width)
    before = x.clone()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strips, "PIXELS", pixels)
        found = StripsRuntime(net, half=False)(x)
    torch.testing.assert_close(found, net(x), rtol=0, atol=2e-5)
    assert torch.equal(x, before)


def test_a_batch_keeps_its_pictures_apart() -> None:
    net, x = network(), noise(2, 3, 60, 40)
    torch.testing.assert_close(StripsRuntime(net, half=False)(x), net(x), rtol=0, atol=2e-5)


def test_bfloat16_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "PIXELS", 4000)
    net, x = network(), noise(1, 3, 200, 120)
    apart = (StripsRuntime(net, half=True)(x) - net(x)).abs()
    assert apart.mean() <= 2 / 255
    # Not more at the seams than elsewhere.
    rows = apart.mean((0, 1, 3))
    assert rows.max() < 3 * rows.median()


def test_large_pictures_go_strip_by_strip(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(
        StripsRuntime, "__call__", lambda self, x: asked.append(x[:, 0].numel()) or x
    )
    for name in runtimes.available(torch.device("cpu")):
        kind = runtimes.RUNTIMES[name]
        monkeypatch.setitem(runtimes.RUNTIMES, name, lambda net, kind=kind: limited(kind(net)))
        run = runtimes.prepare(network(), torch.device("cpu"), name)
        x = noise(1, 3, 64, 64)
        assert not torch.equal(run(x), x) and asked == []
        for larger in (noise(1, 3, 65, 64), noise(2, 3, 64, 64)):
            assert torch.equal(run(larger), larger)
            assert asked.pop() == larger[:, 0].numel()


def limited(runtime: runtimes.Runtime) -> runtimes.Runtime:
    assert runtime.whole_pixels >= 2048 * 1024  # what people use goes in one piece
    runtime.whole_pixels = 64 * 64
    return runtime
