from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from styleswap import runtimes
from styleswap.runtimes import bench
from tests.helpers import ROOT


def test_it_times_every_runtime_against_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "ROUNDS", 3)
    found = bench.measure(96, 64)
    assert found["size"] == "96x64" and found["reference_ms"] > 0 and found["peak_rss_mb"] > 50
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    assert list(found["runtimes"]) == runtimes.available(device)
    ratios = [row["ratio"] for row in found["runtimes"].values()]
    assert found["best_ratio"] == max(ratios)
    for row in found["runtimes"].values():
        assert row["ratio"] == pytest.approx(found["reference_ms"] / row["ms"], rel=0.2)


def test_the_reference_is_the_papers_network() -> None:
    """Its weights by hand: convolutions without a bias, two numbers a channel behind each."""
    convs = [(3, 32, 9), (32, 64, 3), (64, 128, 3), *[(128, 128, 3)] * 10]
    convs += [(128, 64, 3), (64, 32, 3)]
    count = sum(i * o * s * s + 2 * o for i, o, s in convs) + 32 * 3 * 81 + 3
    reference = bench._Paper()
    assert sum(p.numel() for p in reference.parameters()) == count == 1_677_635
    with torch.inference_mode():
        found = reference(torch.rand(1, 3, 24, 32))
    assert found.shape == (1, 3, 32, 40) and 0 <= found.min() < found.max() <= 1


def test_the_slower_one_has_the_smaller_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are of what ran: a runtime that waits is seen to."""
    import time

    class Slow(runtimes.RUNTIMES["torch"]):  # type: ignore[misc]
        def __call__(self, x: torch.Tensor) -> torch.Tensor:
            time.sleep(0.05)
            return x

    monkeypatch.setattr(bench, "ROUNDS", 3)
    monkeypatch.setitem(runtimes.RUNTIMES, "torch", Slow)
    assert 50 <= bench.measure(64, 64)["runtimes"]["torch"]["ms"] < 90
    assert 25 <= bench.measure(64, 64, batch=2)["runtimes"]["torch"]["ms"] < 45


def test_peak_memory_is_this_programs_own() -> None:
    """Not that of the program that started it."""
    script = "from styleswap.runtimes.bench import peak_rss_mb as p; print(p())"
    held = bytearray(2**30)
    held[:: 2**12] = b"x" * len(held[:: 2**12])
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    small = float(done.stdout)
    assert 100 < small < 1000 < bench.peak_rss_mb() and len(held) == 2**30
