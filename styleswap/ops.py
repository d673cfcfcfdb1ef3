"""The formulas of the field as pure functions of tensors, with no state and no weights."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

# Rec. 709 luma of an RGB picture, and YIQ's two axes of colour (Gatys et al. 2016, Preserving
# Color in Neural Artistic Style Transfer, arXiv 1606.05897, section 3.1, transfers the luma).
_LUMA = (0.2126, 0.7152, 0.0722)


class _Gram(torch.autograd.Function):
    """``f f^T / n`` whose gradient is one product, ``(D + D^T) f / n``, in the type of f.

    Left to itself, autograd takes two products and adds them in different memory layouts, which
    costs more than the convolution that made the features.
    """

    @staticmethod
    def forward(flat: Tensor) -> Tensor:
        full = flat.float()
        return torch.bmm(full, full.mT).div(flat.shape[2])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        flat: Tensor = ctx.saved_tensors[0]
        slope = ((grads[0] + grads[0].mT) / flat.shape[2]).to(flat.dtype)
        # In the layout of the features, so that the layers before need not turn it.
        return torch.bmm(flat.mT, slope).mT if flat.stride(1) == 1 else torch.bmm(slope, flat)


def gram(features: Tensor) -> Tensor:
    """Gram matrix of feature maps (Gatys et al. 2016, eq. 3), per position.

    Args:
        features: (B, C, H, W), any floating type.

    Returns:
        (B, C, C) float32, ``sum_hw f_i f_j / (H W)``: independent of the picture's size, summed in
        float32 also under autocast, because a sum over 10^5 positions does not fit bfloat16.
    """
    with torch.autocast(features.device.type, enabled=False):
        return cast(Tensor, _Gram.apply(features.flatten(2)))


def total_variation(x: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels, both ways (Mahendran & Vedaldi 2015, beta 2).

    Args:
        x: (B, C, H, W) in [0, 1].

    Returns:
        A scalar; 0 for a flat picture.
    """
    down = x[..., 1:, :] - x[..., :-1, :]
    across = x[..., :, 1:] - x[..., :, :-1]
    return down.square().mean() + across.square().mean()


def luma(x: Tensor) -> Tensor:
    """(B, 3, H, W) RGB -> (B, 1, H, W) brightness, Rec. 709 weights, same range."""
    weights = torch.tensor(_LUMA, dtype=x.dtype, device=x.device).view(1, 3, 1, 1)
    return (x * weights).sum(1, keepdim=True)


def with_colours_of(x: Tensor, colours: Tensor) -> Tensor:
    """`x`'s brightness with the colours of `colours` (arXiv 1606.05897, luminance-only transfer).

    Args:
        x, colours: (B, 3, H, W) RGB in [0, 1], of one size.

    Returns:
        (B, 3, H, W): ``colours`` with its luma replaced by x's. Where the sum leaves [0, 1] the
        colour is drawn towards grey rather than clipped, so brightness stays exact.
    """
    y = luma(x)
    chroma = colours - luma(colours)
    # The largest share of the chroma, at most 1, that keeps y + share * chroma inside [0, 1].
    room = torch.where(chroma > 0, 1 - y, y) / chroma.abs().clamp_min(1e-12)
    return y + chroma * room.amin(1, keepdim=True).clamp(0, 1)
