"""How long a frame takes by each runtime, next to the network of the paper in plain torch."""

from __future__ import annotations

import re
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleswap.nets.transformer import Layer, Residual, TransformerNetwork, new_transformer
from styleswap.runtimes import RUNTIMES, available

WARM_UP = 3  # rounds that do not count: compiling, choosing of algorithms
ROUNDS = 15


class _Paper(nn.Module):
    """The network of Johnson et al.'s supplementary material, for its time alone."""

    def __init__(self) -> None:
        super().__init__()
        down = [Layer(3, 32, 9), nn.ReLU(), Layer(32, 64, 3, stride=2), nn.ReLU()]
        down += [Layer(64, 128, 3, stride=2), nn.ReLU()]
        self.inside = nn.Sequential(*down, *(Residual(128) for _ in range(5)))
        self.up = nn.ModuleList((Layer(128, 64, 3), Layer(64, 32, 3)))
        self.last = Layer(32, 3, 9, norm=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W), repainted with 4 reflected pixels more on every side."""
        y: Tensor = self.inside(TransformerNetwork.scaled(F.pad(x, (4,) * 4, "reflect")))
        for layer in self.up:
            y = F.relu(layer(F.interpolate(y, scale_factor=2, mode="nearest")))
        return torch.sigmoid(self.last(y))


def measure(width: int, height: int, batch: int = 1) -> dict[str, Any]:
    """Milliseconds a frame, medians over rounds in which all take turns.

    The reference is the network with the paper's 32, 64, 128 channels and layers, eager, float32,
    in torch's own memory layout. Weights do not matter to the time; these are random.

    Args:
        width: of a frame, in pixels.
        height: likewise.
        batch: frames that go through the networks together.

    Returns:
        ``size``, ``batch``, ``reference_ms``, ``runtimes`` (``{name: {"ms": ..., "ratio": ...}}``),
        ``best_ratio``, ``peak_rss_mb``.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator = torch.Generator().manual_seed(0)
    x = torch.rand((batch, 3, height, width), generator=generator).to(device)
    reference = _Paper().eval().requires_grad_(False).to(device)
    net = new_transformer(generator).eval().requires_grad_(False).to(device)

    def plain() -> None:
        with torch.inference_mode():
            reference(x)

    def frame(name: str) -> Callable[[], object]:
        run = RUNTIMES[name](net)
        return lambda: run(x)

    runs: dict[str, Callable[[], object]] = {"reference": plain}
    runs |= {name: frame(name) for name in available(device)}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(WARM_UP + ROUNDS):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize()
            times[name].append(time.perf_counter() - began)
    ms = {name: 1000 / batch * statistics.median(found[WARM_UP:]) for name, found in times.items()}
    plain_ms = ms.pop("reference")
    return {
        "size": f"{width}x{height}",
        "batch": batch,
        "reference_ms": round(plain_ms, 1),
        "runtimes": {
            name: {"ms": round(t, 2), "ratio": round(plain_ms / t, 2)} for name, t in ms.items()
        },
        "best_ratio": round(plain_ms / min(ms.values()), 2),
        "peak_rss_mb": round(peak_rss_mb()),
    }


def peak_rss_mb() -> float:
    """The most memory that this process has taken so far, in MB."""
    status = Path("/proc/self/status")
    # Linux tells it here of this program alone; getrusage begins with what the parent had taken.
    if status.exists() and (found := re.search(r"VmHWM:\s*(\d+) kB", status.read_text())):
        return int(found[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # kilobytes, but bytes on macOS
