"""Against flicker: what a frame shares with the one before it is carried along with its motion.

A network repaints every frame by itself, and what hardly differs to the eye may differ in the
paint. Here the motion is found in the frames that were filmed (dense inverse search, Kroeger et al.
2016), the result before is moved along, and where it can be trusted the new result is drawn towards
it (after Ruder, Dosovitskiy & Brox 2016, who put this into the loss). Cuts begin anew.

Frames are arrays (H, W, 3), uint8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from styleswap.media import Pixels

Floats = NDArray[Any]  # OpenCV does not say what its arrays hold

# Longer side that motion is looked for at, in pixels: paint is coarser than that.
FLOW_SIDE = 320
# Both directions have to agree but for this many pixels (squared), and this share of the way:
# Sundaram, Brox & Keutzer 2010, eq. 5.
SLACK, SHARE = 0.5, 0.01
# A pixel that looks different by this (of 255) where it came from is trusted by 1 / e.
DIFFERENT = 12.0
# Less of a frame that can be trusted than this is another scene.
CUT = 0.25


@dataclass(frozen=True)
class Motion:
    """How a frame came out of the one before.

    Attributes:
        flow: (h, w, 2): where each pixel was before, relative to where it is, in pixels.
        trust: (h, w): from 0, where nothing is known, to 1.
    """

    flow: Floats
    trust: Floats


class Finder:
    """Finds motion between frames, at a size of its own.

    Args:
        side: longer side in pixels at which it looks, at most.
        preset: of OpenCV's dense inverse search.
    """

    def __init__(
        self, side: int = FLOW_SIDE, preset: int = cv2.DISOPTICAL_FLOW_PRESET_FAST
    ) -> None:
        self.side = side
        self.search: Any = cv2.DISOpticalFlow.create(preset)

    def seen(self, frame: Pixels) -> Any:
        """The frame as motion is looked for in it: grey and small."""
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        shrink = min(1.0, self.side / max(grey.shape))
        small: Any = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        return small

    def motion(self, before: Any, now: Any) -> Motion:
        """From one `seen` frame to the next."""
        back: Any = self.search.calc(now, before, None)
        forth: Any = self.search.calc(before, now, None)
        there = warped(forth, back)
        apart = np.square(back + there).sum(2)
        far = np.square(back).sum(2) + np.square(there).sum(2)
        agree = apart < SHARE * far + SLACK
        off = cv2.absdiff(now, warped(before, back)).astype(np.float32)
        trust = np.exp(-np.square(cv2.blur(off, (3, 3)) / DIFFERENT)) * agree * inside(back)
        return Motion(back, trust.astype(np.float32))


def places(flow: Floats) -> Floats:
    """Where each pixel was: (h, w, 2), x and y."""
    height, width = flow.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    found: Floats = flow + np.stack([x, y], 2)
    return found


def inside(flow: Floats) -> Any:
    """Which pixels were in the picture before."""
    height, width = flow.shape[:2]
    x, y = np.moveaxis(places(flow), 2, 0)
    return (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)


def warped(picture: Any, flow: Floats, interpolation: int = cv2.INTER_LINEAR) -> Any:
    """The picture moved along `flow`, of the same height and width."""
    none: Any = None
    return cv2.remap(picture, places(flow), none, interpolation, borderMode=cv2.BORDER_REPLICATE)


def enlarged(motion: Motion, width: int, height: int) -> Motion:
    """The same for frames of another size."""
    h, w = motion.trust.shape
    scale = np.array([width / w, height / h], np.float32)
    flow: Any = cv2.resize(motion.flow, (width, height))
    return Motion(flow * scale, cv2.resize(motion.trust, (width, height)))


class Steady:
    """Steadies frames and what was painted of them, each in a thread of its own if need be.

    Args:
        strength: see `Steadier`.
        finder: what looks for the motion.
    """

    def __init__(self, strength: float, finder: Finder) -> None:
        self.strength, self.finder = strength, finder
        self._seen: Any = None
        self._filmed, self._painted = Steadier(strength), Steadier(strength)

    def filmed(self, frame: Pixels) -> tuple[Pixels, Motion | None]:
        """The frame with less noise, and how it came out of the one before."""
        before, self._seen = self._seen, self.finder.seen(frame)
        motion = None if before is None else self.finder.motion(before, self._seen)
        return self._filmed(frame, motion), motion

    def painted(self, result: Pixels, motion: Motion | None) -> Pixels:
        """What was painted of the frame that `filmed` gave together with `motion`."""
        return self._painted(result, motion)


class Steadier:
    """Draws each result towards the one before, moved along.

    Args:
        strength: how far, from 0 to 1, where all can be trusted.
    """

    def __init__(self, strength: float) -> None:
        self.strength = strength
        self.before: Pixels | None = None

    def __call__(self, result: Pixels, motion: Motion | None) -> Pixels:
        """The steady result.

        Args:
            result: of a frame.
            motion: from the frame before; None where there was none.
        """
        shown = result
        if motion is not None and self.before is not None and motion.trust.mean() >= CUT:
            height, width = result.shape[:2]
            motion = enlarged(motion, width, height)
            moved = warped(self.before, motion.flow, cv2.INTER_CUBIC)
            weight = self.strength * motion.trust
            blended: Any = cv2.blendLinear(result, moved, 1 - weight, weight)
            shown = blended
        self.before = shown
        return shown
