"""What the benchmarks share: pairs of pictures, distances, plain optimisation, and the machine's
name."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import gradio as gr
import torch
from torch import Tensor

from styleswap import media, tensors
from styleswap.losses import Perceptual, PerceptualLoss, relative_error
from styleswap.specs import STYLE_LAYERS

STYLES = sorted((Path(__file__).parent.parent / "examples" / "style").glob("*.jpg"))
PHOTOS = [gr.media.get_image(name) for name in ("tower.jpg", "lion.jpg", "cheetah.jpg")]

CONTENT = "conv4_2"
Grams = dict[str, Tensor]


def machine() -> str:
    """Processor, cores, torch and date, for the heading of a table."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists() and (found := re.search(r"model name\s*: (.*)", info.read_text())):
        cpu = found[1]
    return f"{cpu}, {os.cpu_count()} cores, torch {torch.__version__}, {time.strftime('%Y-%m-%d')}"


def square(file: str | Path, side: int) -> Tensor:
    """The middle of a picture, (1, 3, side, side)."""
    picture = media.open_picture(file)
    short = min(picture.size)
    return tensors.cover(
        tensors.from_pil(media.fit(picture, round(max(picture.size) * side / short))), side, side
    )


def pairs(
    count: int, side: int, contents: Iterable[str | Path], styles: Iterable[str | Path]
) -> list[tuple[str, Tensor, Tensor]]:
    """`count` pairs (name, content, style) of squares; both lists take turns."""
    contents, styles = list(contents), list(styles)
    out = []
    for i in range(count):
        c, s = contents[i % len(contents)], styles[i % len(styles)]
        name = f"{Path(c).stem} / {Path(s).stem}"
        out.append((name, square(c, side), square(s, side)))
    return out


@torch.no_grad()
def seen(net: Perceptual, x: Tensor) -> tuple[Grams, Tensor]:
    """The Gram matrices and the content's features of (1, 3, H, W)."""
    found = net.features(x, [*STYLE_LAYERS, CONTENT])
    grams = {layer: net.style_matrix(layer, found[layer]) for layer in STYLE_LAYERS}
    return grams, net.content_map(CONTENT, found[CONTENT])


def distance(x: Grams, target: Grams) -> float:
    """sum_l ||G_l(x) - G_l(s)||^2 / ||G_l(s)||^2."""
    return sum(relative_error(x[layer], target[layer]).item() for layer in STYLE_LAYERS)


def plain_adam(
    objective: PerceptualLoss,
    x: Tensor,
    steps: int,
    rate: float,
    style_weight: float,
    each: Callable[[int, Tensor, float], None] = lambda i, x, loss: None,
) -> Tensor:
    """Adam at a constant rate on the pixels of `x`: content + style_weight * style."""
    x = x.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([x], lr=rate)
    for i in range(steps):
        optimizer.zero_grad()
        content, style = objective(x)
        loss = content + style_weight * style
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            x.clamp_(0, 1)
        each(i + 1, x, loss.item())
    return x.detach()


def seconds_in_turn(steps: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """The median time of each of `steps`, called in turn, after two rounds that do not count."""
    times: list[list[float]] = [[] for _ in steps]
    for i in range(rounds + 2):
        for step, own in zip(steps, times, strict=True):
            began = time.perf_counter()
            step()
            if i >= 2:
                own.append(time.perf_counter() - began)
    return [statistics.median(own) for own in times]
