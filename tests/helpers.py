"""What tests of several modules share: pictures made here, the shipped network, extra methods."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from styleswap import media, specs, tensors
from styleswap.methods.base import Job, Step
from styleswap.nets import perceptual
from styleswap.nets.perceptual import PerceptualNetwork, Pooling
from styleswap.specs import MethodSpec, StylisingParams, Text

ROOT = Path(__file__).resolve().parent.parent
CONTENT = ROOT / "examples" / "content" / "lake.jpg"
STYLES = sorted((ROOT / "examples" / "style").glob("*.jpg"))


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Uniform in [0, 1], the same for the same seed."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@functools.cache
def small(pooling: Pooling = "average") -> PerceptualNetwork:
    """The shipped network, loaded once."""
    return perceptual.load("small", pooling)


@functools.cache
def picture(file: Path, longer: int) -> Image.Image:
    """A picture of ours with `longer` px on its longer side."""
    return media.fit(media.open_picture(file), longer)


def example(name: str, longer: int) -> Tensor:
    """The content ``lake`` or a style by its name, (1, 3, H, W)."""
    folder = "content" if name == "lake" else "style"
    return tensors.from_pil(picture(ROOT / "examples" / folder / f"{name}.jpg", longer))


def colourful(width: int, height: int) -> Image.Image:
    """An RGB picture with something to see everywhere."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x * y) % 256], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8))


def random_network(
    channels: dict[str, int], heads: dict[str, int] | None = None, seed: int = 0, **kw: Any
) -> PerceptualNetwork:
    """A frozen network of `channels` by convolution, with random weights of a sensible size."""
    draw = torch.Generator().manual_seed(seed)
    weights: dict[str, Tensor] = {}
    into = 3
    for name, out in channels.items():
        weights[f"{name}.weight"] = torch.randn(out, into, 3, 3, generator=draw) / (into * 4) ** 0.5
        weights[f"{name}.bias"] = torch.randn(out, generator=draw) * 0.1
        into = out
    for layer, out in (heads or {}).items():
        into = channels[layer.replace("relu", "conv")]
        weights[f"head.{layer}.weight"] = torch.randn(out, into, 1, 1, generator=draw)
    return PerceptualNetwork(weights, **kw).eval().requires_grad_(False)


TINY = {"conv1_1": 4, "conv2_1": 6, "conv3_1": 8, "conv4_1": 8, "conv4_2": 8, "conv5_1": 8}


def add_method(
    patch: pytest.MonkeyPatch,
    run: Callable[[Job], Iterator[Step]],
    *,
    id: str = "fake",
    style: Literal["image", "trained", "none"] = "image",
    params: type[StylisingParams] = StylisingParams,
    max_styles: int = 1,
) -> MethodSpec:
    """Declare one more method, as a later one will be, for as long as `patch` lasts."""
    text = Text("Only in tests.", "仅用于测试。")
    spec = MethodSpec(id, text, text, "none", style, "seconds", params, max_styles)
    module = types.ModuleType(f"styleswap.methods.{id}")
    module.__dict__["run"] = run
    patch.setitem(sys.modules, module.__name__, module)
    patch.setitem(specs.METHODS, id, spec)
    return spec
