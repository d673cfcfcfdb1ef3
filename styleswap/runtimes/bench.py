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
from torch import Tensor, nn

from styleswap.nets.transformer import new_transformer
from styleswap.runtimes import RUNTIMES, available

WARM_UP = 3  # rounds that do not count: compiling, choosing of algorithms
ROUNDS = 15


class _Layer(nn.Sequential):
    def __init__(self, into: int, out: int, side: int, stride: int = 1) -> None:
        conv = nn.Conv2d(into, out, side, stride, bias=False)
        super().__init__(nn.ReflectionPad2d(side // 2), conv, nn.InstanceNorm2d(out, affine=True))


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(
            _Layer(channels, channels, 3), nn.ReLU(), _Layer(channels, channels, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = x + self.inside(x)
        return found


class _Paper(nn.Sequential):
    """The network of Johnson et al.'s supplementary material, of torch's own layers.

    As ours once was, with 4 reflected pixels around; they are painted and would be cut off.
    """

    def __init__(self) -> None:
        super().__init__(
            nn.ReflectionPad2d(4),
            *(_Layer(3, 32, 9), nn.ReLU()),
            *(_Layer(32, 64, 3, stride=2), nn.ReLU()),
            *(_Layer(64, 128, 3, stride=2), nn.ReLU()),
            *(_Residual(128) for _ in range(5)),
            *(nn.Upsample(scale_factor=2), _Layer(128, 64, 3), nn.ReLU()),
            *(nn.Upsample(scale_factor=2), _Layer(64, 32, 3), nn.ReLU()),
            *(nn.ReflectionPad2d(4), nn.Conv2d(32, 3, 9), nn.Sigmoid()),
        )


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
