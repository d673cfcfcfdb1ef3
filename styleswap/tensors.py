"""PIL pictures and tensors, where bytes become floats and floats are clamped; their sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from styleswap.media import Pixels


def from_pil(picture: Image.Image) -> Tensor:
    """An RGB picture as (1, 3, H, W) float32 in [0, 1]."""
    if picture.mode != "RGB":
        raise ValueError(f"expected an RGB picture, not {picture.mode}: use media.clean first")
    return from_pixels(np.array(picture, dtype=np.uint8))  # a copy: it stays the caller's


def from_pixels(pixels: Pixels) -> Tensor:
    """(H, W, 3), uint8, as (1, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float().div_(255)


def to_pil(x: Tensor) -> Image.Image:
    """(1, 3, H, W) in [0, 1], clamped and rounded, as an RGB picture."""
    return Image.fromarray(to_pixels(x))


def to_pixels(x: Tensor) -> Pixels:
    """(1, 3, H, W) in [0, 1], clamped and rounded, as (H, W, 3), uint8."""
    if x.ndim != 4 or x.shape[:2] != (1, 3):
        raise ValueError(f"expected (1, 3, H, W), not {tuple(x.shape)}")
    # Not by torch, which would start helpers in whichever thread asks: see `Engine`. In place where
    # that is possible: at a film's size fresh memory costs more than sums.
    scaled = x.detach()[0].permute(1, 2, 0).float().cpu().numpy() * np.float32(255)
    np.rint(scaled, out=scaled).clip(0, 255, out=scaled)
    return scaled.astype(np.uint8, order="C")


def through(
    repaint: Callable[[Tensor], Tensor], frames: Sequence[Pixels], device: torch.device
) -> list[Pixels]:
    """What `repaint`, of (1, 3, H, W) in [0, 1] on `device`, makes of frames (H, W, 3), uint8."""
    return [to_pixels(repaint(from_pixels(frame).to(device))) for frame in frames]


def resize(x: Tensor, height: int, width: int) -> Tensor:
    """(B, 3, H, W) -> (B, 3, height, width), bicubic, with antialiasing when it shrinks."""
    if x.shape[2:] == (height, width):
        return x
    return F.interpolate(
        x, (height, width), mode="bicubic", antialias=True, align_corners=False
    ).clamp(0, 1)


def cover(x: Tensor, height: int, width: int) -> Tensor:
    """Resize (B, 3, H, W) so that it covers (height, width), and cut the middle out."""
    k = max(height / x.shape[2], width / x.shape[3])
    x = resize(x, max(height, round(x.shape[2] * k)), max(width, round(x.shape[3] * k)))
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    return x[..., top : top + height, left : left + width]


def at_side(picture: Tensor, side: float) -> Tensor:
    """A style picture with `side` px on its longer side, and at least 32 on its shorter."""
    height, width = picture.shape[2:]
    k = max(side / max(height, width), 32 / min(height, width))
    return resize(picture, max(32, round(height * k)), max(32, round(width * k)))


def contact_sheet(rows: Sequence[Tensor]) -> Image.Image:
    """Rows of pictures, each (N, 3, H, W) in [0, 1] of one size, as one picture."""
    return to_pil(torch.cat([torch.cat(list(row), 2) for row in rows], 1)[None])
