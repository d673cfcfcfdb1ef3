"""How far a result is from its style, from its content, or from the clean picture: what comparisons
and benchmarks show."""

from __future__ import annotations

import math
from collections.abc import Iterable

import cv2
import numpy as np
import torch
from torch import Tensor

from styleswap import ops
from styleswap.losses import Perceptual, relative_error
from styleswap.media import Pixels
from styleswap.specs import STYLE_LAYERS
from styleswap.steady import Finder, warped
from styleswap.tensors import at_side

# Motion is measured at the full size of whatever is smaller than this.
WHOLE = 4096


@torch.no_grad()
def style_distance(
    net: Perceptual, x: Tensor, style: Tensor, layers: Iterable[str] = STYLE_LAYERS
) -> dict[str, float]:
    """``||G_l(x) - G_l(s)||^2 / ||G_l(s)||^2`` by layer, with Gram matrices per position.

    Args:
        net: the perceptual network to measure with.
        x, style: (1, 3, H, W) in [0, 1]; their sizes may differ.

    Returns:
        A distance for each of `layers`: 0 for the style itself, near 1 for a flat picture.
    """
    wanted = list(layers)
    mine, theirs = net.features(x, wanted), net.features(style, wanted)
    return {
        n: float(relative_error(net.style_matrix(n, mine[n]), net.style_matrix(n, theirs[n])))
        for n in wanted
    }


@torch.no_grad()
def content_distance(net: Perceptual, x: Tensor, content: Tensor, layer: str = "conv4_2") -> float:
    """``||F(x) - F(c)||^2 / ||F(c)||^2`` at one layer, for two pictures of one size."""
    mine, theirs = net.features(x, [layer]), net.features(content, [layer])
    near, wanted = (net.content_map(layer, f[layer]) for f in (mine, theirs))
    return float(relative_error(near, wanted))


def figures(net: Perceptual, x: Tensor, content: Tensor, style: Tensor) -> dict[str, float]:
    """What a result (1, 3, H, W) is compared by.

    Args:
        content: of the result's size.
        style: measured at the result's longer side.

    Returns:
        ``content``: `content_distance`; ``style``: the mean of `style_distance` over its layers;
        `brightness`.
    """
    distances = style_distance(net, x, at_side(style, max(x.shape[2:])))
    return {
        "content": content_distance(net, x, content),
        "style": sum(distances.values()) / len(distances),
        "brightness": brightness(x),
    }


def brightness(x: Tensor) -> float:
    """Mean of the luma (Rec. 709) of (1, 3, H, W) in [0, 1]: 0 for black, 1 for white."""
    return float(ops.luma(x).mean())


def psnr(x: Tensor, clean: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of two pictures (1, 3, H, W) in [0, 1]; infinite for equal
    ones."""
    error = (x - clean).square().mean(dtype=torch.float64)
    return float(-10 * error.log10())


def ssim(x: Tensor, clean: Tensor) -> float:
    """Structural similarity (Wang et al. 2004, section III) of two pictures (1, 3, H, W) in [0, 1],
    the mean over the channels: 1 for equal ones. Sides under 11 px give nan: its window is that."""
    if min(x.shape[2:]) < 11:
        return math.nan
    # Here and not above: every job would wait for it.
    from skimage.metrics import structural_similarity

    found = [
        structural_similarity(
            one,
            other,
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for one, other in zip(*(y[0].cpu().numpy() for y in (x, clean)), strict=True)
    ]
    return float(np.mean(found))


def warping_error(pairs: Iterable[tuple[Pixels, Pixels]]) -> tuple[float, float]:
    """How much a film changes where nothing but motion should change it: its flicker.

    E_warp of Lai et al. (ECCV 2018, section 4.1), with the motion found in the content, frame to
    frame: the mean square of what differs from the frame before, moved along, where both directions
    of the motion agree and the content looks the same.

    Args:
        pairs: content and result of each frame, (H, W, 3), uint8, of one size.

    Returns:
        Of the content itself, and of the result; for values in [0, 1]. nan for a single frame.
    """
    finder = Finder(side=WHOLE, preset=cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    errors: list[list[float]] = []
    before: tuple[Pixels, Pixels] | None = None
    for pair in pairs:
        if before is not None:
            motion = finder.motion(finder.seen(before[0]), finder.seen(pair[0]))
            sure = motion.trust > 0.5
            if sure.any():
                moved = (warped(old.astype(np.float32), motion.flow) for old in before)
                errors.append(
                    [
                        float(np.square((new - old)[sure] / 255).mean())
                        for new, old in zip(pair, moved, strict=True)
                    ]
                )
        before = pair
    content, result = np.mean(errors, 0) if errors else (math.nan, math.nan)
    return float(content), float(result)
