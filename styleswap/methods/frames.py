"""What methods do to frames (H, W, 3), uint8, beside running their networks.

The formulas are those of `styleswap.ops`. OpenCV does the sums: torch's threads would still spin
for more work when those of the network begin, and cost a third of a small frame.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor

from styleswap import ops
from styleswap.media import Pixels

# Of a frame's pixels every so many-th, both ways, tells what its colours are like as a whole. Not 2
# nor 4: paint has a faint grid of these periods, and its mean would be off by 8 of 255.
EVERY = 3


def mixed(x: Pixels, y: Pixels, share: float) -> Pixels:
    """Between two frames: 0 is `x`, 1 is `y`."""
    return cast(Pixels, cv2.addWeighted(x, 1 - share, y, share, 0)) if share < 1 else y


def with_colours_of(x: Pixels, colours: Pixels) -> Pixels:
    """As `ops.with_colours_of`."""
    weights = np.array([ops.LUMA], np.float32)
    y, own = (cv2.transform(frame.astype(np.float32), weights) for frame in (x, colours))
    parts = cv2.split(colours)
    brightest, darkest = parts[0], parts[0]
    for part in parts[1:]:
        brightest, darkest = cv2.max(brightest, part), cv2.min(darkest, part)
    # The largest share of the chroma, at most 1, that keeps the brightest and the darkest of a
    # pixel's channels inside [0, 255]; the third lies between.
    above = np.maximum(brightest - own, 1e-6)
    below = np.maximum(own - darkest, 1e-6)
    share = np.minimum(np.minimum((255 - y) / above, y / below), 1)
    grey = y - share * own
    found = [
        cv2.add(cv2.multiply(part, share, dtype=cv2.CV_32F), grey, dtype=cv2.CV_8U)
        for part in parts
    ]
    return cast(Pixels, cv2.merge(found))


def colours_like(x: Pixels, mean: Tensor, covariance: Tensor) -> Pixels:
    """As `ops.colours_like`; what colours the frame itself has, `EVERY` few pixels tell."""
    seen = x[::EVERY, ::EVERY].reshape(-1, 3)
    how = cv2.COVAR_NORMAL | cv2.COVAR_ROWS | cv2.COVAR_SCALE
    own, own_mean = cv2.calcCovarMatrix(seen, np.empty(0), how, ctype=cv2.CV_64F)
    change = ops.colour_map(torch.from_numpy(own) / 255**2, covariance.cpu()).numpy()
    shift = 255 * mean.cpu().numpy() - change @ own_mean.T
    return cast(Pixels, cv2.transform(x, np.hstack([change, shift])))
