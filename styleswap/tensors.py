"""PIL pictures and tensors: the one place where bytes become floats and floats are clamped."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def from_pil(picture: Image.Image) -> Tensor:
    """An RGB picture as (1, 3, H, W) float32 in [0, 1]."""
    if picture.mode != "RGB":
        raise ValueError(f"expected an RGB picture, not {picture.mode}: use media.clean first")
    array = np.array(picture, dtype=np.uint8)  # a copy: the picture stays the caller's
    return torch.from_numpy(array).permute(2, 0, 1)[None].float().div(255)


def to_pil(x: Tensor) -> Image.Image:
    """(1, 3, H, W) in [0, 1], clamped and rounded, as an RGB picture."""
    if x.ndim != 4 or x.shape[:2] != (1, 3):
        raise ValueError(f"expected (1, 3, H, W), not {tuple(x.shape)}")
    array = x.detach()[0].float().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0)
    return Image.fromarray(array.cpu().numpy())
