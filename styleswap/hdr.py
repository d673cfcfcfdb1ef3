"""HDR video as SDR shows it: PQ and HLG of ITU-R BT.2100 become BT.709's.

    signal -> cd/m² -> BT.709's primaries -> the EETF of BT.2390-11 (5.4.1) -> BT.1886's signal

White is the 203 cd/m² that BT.2408-7, section 2.2, has for it; a video that is never so bright has
been made for a darker white, which is then as bright as it gets. What is brighter than white is
rolled off below it.

Departures: the EETF, which BT.2390 applies to each colour or to luminance, is applied to the
largest of the three colours, and they keep their ratio: neither hue nor saturation change. Colours
that BT.709 has not are moved towards the grey of their luminance, not cut off.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Any

import av
import av.filter
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# As FFmpeg numbers transfer characteristics.
PQ, HLG = 16, 18
TRANSFERS = (PQ, HLG)
WHITE = 203.0  # cd/m²
DIMMEST_WHITE = 100.0  # of the display that SDR is made for, BT.1886's; a night is no reason
HLG_PEAK, HLG_GAMMA = 1000.0, 1.2  # cd/m² of the display that HLG is made for; its system gamma
DISPLAY_GAMMA = 2.4  # BT.1886
# Luminance of BT.2020's and BT.709's primaries, and what makes the latter's out of the former's
# (BT.2087-0 has the inverse).
LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])
LUMA_709 = np.array([0.2126, 0.7152, 0.0722])
TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
LEVEL = 8  # of the Hald CLUT: 64 steps a colour, which are off by less than one of 255 on average
DEEP = "rgb48le"  # as planes, FFmpeg 8 takes one colour of the table for another
GLINTS = 0.1  # per cent of a picture, its brightest, that do not count
USUAL_PEAK = 1000.0  # cd/m², where nothing is known of a video's


def pq_to_light(signal: Floats) -> Floats:
    """cd/m² out of PQ's signal in [0, 1]: the EOTF of BT.2100-2, table 4."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = np.asarray(signal) ** (1 / m2)
    light: Floats = 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return light


def light_to_pq(light: Floats) -> Floats:
    """PQ's signal in [0, 1] out of cd/m²: the inverse of `pq_to_light`."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = (np.clip(light, 0, 10_000) / 10_000) ** m1
    signal: Floats = ((c1 + c2 * root) / (1 + c3 * root)) ** m2
    return signal


def hlg_to_light(signal: Floats) -> Floats:
    """cd/m² out of HLG's signal (..., 3) in [0, 1]: the inverse OETF and the OOTF of BT.2100-2,
    table 5, for a display of 1000 cd/m²."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luma = np.maximum(scene @ LUMA_2020, 1e-9)[..., None]
    light: Floats = HLG_PEAK * luma ** (HLG_GAMMA - 1) * scene
    return light


def to_light(signal: Floats, transfer: int) -> Floats:
    """cd/m² of BT.709's primaries out of a signal (..., 3) in [0, 1] of BT.2020's.

    Args:
        transfer: one of `TRANSFERS`.
    """
    light = (pq_to_light(signal) if transfer == PQ else hlg_to_light(signal)) @ TO_709.T
    grey, least = (light @ LUMA_709)[..., None], light.min(-1, keepdims=True)
    # As far towards grey as it takes that no colour is less than nothing.
    kept = np.where(least < 0, grey / np.maximum(grey - least, 1e-9), 1)
    within: Floats = grey + kept * (light - grey)
    return within


def eetf(light: Floats, peak: float, white: float) -> Floats:
    """cd/m² up to `white` out of those up to `peak`: BT.2390-11, section 5.4.1, black being black.

    Nothing changes where `peak` is no more than `white`, but that what is brighter is cut off.
    """
    if peak <= white:
        return np.minimum(light, white)
    whole, most = light_to_pq(np.array([peak, white]))
    most /= whole
    knee = 1.5 * most - 0.5
    signal = np.minimum(light_to_pq(light) / whole, 1)
    t = np.maximum(signal - knee, 0) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * most
    )
    return pq_to_light(np.where(signal < knee, signal, spline) * whole)


def to_sdr(signal: Floats, transfer: int, peak: float) -> Floats:
    """SDR's signal out of HDR's, (..., 3), R'G'B' in [0, 1].

    Args:
        transfer: one of `TRANSFERS`.
        peak: how bright the video gets, in cd/m².
    """
    light = to_light(signal, transfer)
    white = min(WHITE, max(DIMMEST_WHITE, peak))
    largest = np.maximum(light.max(-1, keepdims=True), 1e-9)
    shown = light / largest * eetf(largest, peak, white) / white
    sdr: Floats = np.clip(shown, 0, 1) ** (1 / DISPLAY_GAMMA)
    return sdr


def brightness(frame: av.VideoFrame) -> float:
    """How bright a frame of `DEEP` R'G'B' is but for glints, in cd/m²."""
    light = to_light(frame.to_ndarray() / 65535, int(frame.color_trc)).max(-1)
    return float(np.percentile(light, 100 - GLINTS))


_BASE = Fraction(1, 25)  # a time base for filters that do not look at the time


@functools.lru_cache(4)
def _hald(transfer: int, peak: float) -> NDArray[np.uint16]:
    """A picture (512, 512, 3) of what becomes of each colour, red changing the fastest."""
    steps = np.linspace(0, 1, LEVEL**2)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    table = to_sdr(np.stack([red, green, blue], -1), transfer, peak)
    return np.round(65535 * table).astype(np.uint16).reshape(LEVEL**3, LEVEL**3, 3)


class ToneMap:
    """Does `to_sdr` to frames of `DEEP` R'G'B' that follow each other, by a table, in FFmpeg.

    Args:
        peak: how bright the video gets, in cd/m².
    """

    def __init__(self, peak: float) -> None:
        self.peak, self.kind, self.moment = peak, (0, 0, 0), 0

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        kind = frame.width, frame.height, int(frame.color_trc)
        if kind != self.kind:
            self.kind, self.moment = kind, 0
            self._begin(*kind)
        frame.pts, frame.time_base = self.moment, _BASE
        self.moment += 1
        self.source.push(frame)
        shown: Any = self.sink.pull()
        mapped: av.VideoFrame = shown
        return mapped

    def _begin(self, width: int, height: int, transfer: int) -> None:
        self.graph: Any = av.filter.Graph()
        format, side = av.VideoFormat(DEEP), LEVEL**3
        self.source, table = (
            self.graph.add_buffer(width=w, height=h, format=format, time_base=_BASE)
            for w, h in ((width, height), (side, side))
        )
        apply, self.sink = self.graph.add("haldclut", "clut=first"), self.graph.add("buffersink")
        self.source.link_to(apply)
        table.link_to(apply, 0, 1)
        apply.link_to(self.sink)
        self.graph.configure()
        hald = av.VideoFrame.from_ndarray(_hald(transfer, self.peak), DEEP)
        hald.pts, hald.time_base = 0, _BASE
        table.push(hald)
        table.push(None)
