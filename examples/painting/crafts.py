"""Further styles: marbled paper, embroidery, paper cut-outs, palette knife, etching."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from examples.painting.materials import (
    Bytes,
    Floats,
    Rng,
    Shape,
    as_bytes,
    blade,
    blur,
    colours,
    fill,
    grid,
    light,
    line,
    mix,
    noise,
    pick,
    ramp,
    scatter,
    smoothstep,
    stencil,
    toward,
    warp,
)
from examples.painting.mill import vignette

SIDE = 1280  # of the sheet that a style is painted on, in pixels
SHEET: Shape = (SIDE, SIDE)


# --- Marbled paper ------------------------------------------------------------------------------


def tines(across: Floats, pitch: float, sharp: float) -> Floats:
    """How far a comb drags the colour along, 1 at each of its teeth; they stand `pitch` apart."""
    off = np.abs((across / pitch) % 1 - 0.5) * pitch
    out: Floats = np.exp(-off / sharp)
    return out


def marbling(rng: Rng) -> Floats:
    """Marbled paper: drops of colour on a bath, drawn through combs and curled with a stick."""
    x, y = grid(SHEET)
    wander = noise(rng, SHEET, 520, 2)
    # The bath is undone from the last movement to the first, to find which drop each pixel is of.
    px, py = 0.74 * x + 0.006 * wander, 0.74 * y + 0.006 * noise(rng, SHEET, 420, 2)
    for cx, cy, size, turn in [
        (0.27, 0.30, 0.150, 2.3), (0.74, 0.22, 0.120, -2.1), (0.60, 0.66, 0.165, -2.5),
        (0.15, 0.78, 0.115, 2.0), (0.93, 0.60, 0.110, 2.2), (0.42, 0.95, 0.100, -1.9),
        (0.97, 0.97, 0.100, -1.8), (0.02, 0.05, 0.09, -1.9), (0.47, 0.04, 0.08, 1.7),
    ]:  # fmt: skip
        dx, dy = px - cx, py - cy
        angle = turn * np.exp(-((np.hypot(dx, dy) / size) ** 2) * 1.4)
        px = cx + dx * np.cos(angle) - dy * np.sin(angle)
        py = cy + dx * np.sin(angle) + dy * np.cos(angle)
    across = px + 0.012 * np.sin(5 * py + 1) + 0.01 * wander
    py = py - 0.075 * tines(across, 0.052, 0.011)
    px = px + 0.16 * (tines(py, 0.23, 0.05) - tines(py + 0.115, 0.23, 0.05))
    py = py + 0.22 * (tines(px, 0.30, 0.07) - tines(px + 0.15, 0.30, 0.07))

    # The first colours are pushed aside by the later ones and end as veins between them.
    order = [
        (60, 0.085, "14263c"), (34, 0.075, "8f1d2c"), (40, 0.062, "e9b44c"), (34, 0.070, "1f5f63"),
        (46, 0.050, "f4ead6"), (26, 0.062, "14263c"), (30, 0.055, "d2553a"), (26, 0.046, "f4ead6"),
        (26, 0.042, "e8a9a0"), (24, 0.017, "f4ead6"), (12, 0.016, "14263c"),
    ]  # fmt: skip
    drops: list[tuple[float, float, float, int]] = []
    for number, (count, size, _) in enumerate(order):
        for cx, cy in rng.uniform(-0.25, 1.25, (count, 2)):
            drops.append((cx, cy, size * rng.uniform(0.55, 1.25), number))
    tint = np.full(SIDE * SIDE, 0, np.int32)
    within = np.zeros(SIDE * SIDE, np.float32)
    left = np.arange(SIDE * SIDE)
    ux, uy = px.ravel(), py.ravel()
    for cx, cy, size, number in reversed(drops):
        dx, dy = ux - cx, uy - cy
        ratio = (size * size) / (dx * dx + dy * dy + 1e-9)
        inside = ratio > 1
        if inside.any():
            tint[left[inside]] = number
            within[left[inside]] = 1 / np.sqrt(ratio[inside])
            dx, dy, ratio, left = (a[~inside] for a in (dx, dy, ratio, left))
        shrink = np.sqrt(1 - ratio)
        ux, uy = cx + dx * shrink, cy + dy * shrink
    pigment = colours(" ".join(tone for *_, tone in order))[tint.reshape(SHEET)]
    # Colour gathers at the rim of a drop, and grains with the bath.
    gather = 0.93 + 0.16 * within.reshape(SHEET) ** 4
    grain = noise(rng, (SIDE, SIDE), 30, 4)
    stretched = pick(grain, np.stack([px % 1, py % 1], -1) * (SIDE - 1))
    speck = noise(rng, SHEET, 4, 2)
    bath = pigment * (gather * (1 + 0.05 * stretched + 0.01 * speck))[..., None]
    paper = 1 + 0.02 * noise(rng, SHEET, 260, 3)
    # Colours bleed a little where they meet in the paper.
    return light(blur(bath, 1.1) * paper[..., None], 0.04 * speck, 0)


# --- Embroidery ---------------------------------------------------------------------------------


class Cloth:
    """A woven ground and the threads that are drawn through it."""

    def __init__(self, rng: Rng, ground: Floats) -> None:
        self.rng = rng
        x, y = (g * SIDE for g in grid(SHEET))
        x, y = x + 2 * noise(rng, SHEET, 200, 2), y + 2 * noise(rng, SHEET, 200, 2)
        pitch = 12.0
        over = (np.floor(x / pitch) + np.floor(y / pitch)) % 2
        u, v = (x / pitch) % 1 - 0.5, (y / pitch) % 1 - 0.5
        warp_yarn = np.cos(np.pi * u) * (0.6 + 0.4 * np.cos(np.pi * v))
        weft_yarn = np.cos(np.pi * v) * (0.6 + 0.4 * np.cos(np.pi * u))
        yarn = np.where(over > 0, warp_yarn, weft_yarn)
        slub = 1 + 0.10 * noise(rng, SHEET, 12, 2, 12) + 0.10 * noise(rng, SHEET, 100, 2, 0.1)
        tone = ground * (0.35 + 0.95 * yarn * slub)[..., None]
        self.canvas: Bytes = np.dstack([as_bytes(tone), np.round(40 + 45 * yarn)]).astype(np.uint8)
        self.free = np.full(SHEET, 255, np.uint8)

    def thread(self, ends: Floats, tones: Floats, width: float) -> None:
        """One stitch along the points `ends` (n, 2) that takes each of `tones` (m, 3) in turn."""
        low = self.rng.uniform(98, 118)
        dark = tones.mean(0) * 255 * 0.25
        line(self.canvas, ends, [*dark, low - 30], width + 3)
        parts = np.linspace(0, 1, len(tones) + 1)
        # Each tone reaches a little way into the next one's part: long and short stitch.
        jitter = self.rng.uniform(-0.16, 0.16, len(parts))
        jitter[[0, -1]] = 0
        parts = parts + jitter
        t = np.linspace(0, 1, len(ends))
        for tone, begin, end in zip(tones, parts, parts[1:], strict=False):
            where = np.linspace(begin, end, 6)
            path = np.stack([np.interp(where, t, ends[:, c]) for c in range(2)], 1)
            lit = tone * 255 * self.rng.uniform(0.92, 1.08)
            for shade, share, high in ((0.72, 1.0, 35), (1.0, 0.62, 90), (1.22, 0.25, 125)):
                paint = [*np.clip(lit * shade, 0, 255), low + high]
                line(self.canvas, path - (0, 0.18 * width * (1 - share)), paint, width * share)

    def leaf(
        self,
        foot: Floats,
        angle: float,
        length: float,
        width: float,
        bend: float,
        tones: Floats,
        thick: float = 5.0,
        slant: float = 0.35,
    ) -> None:
        """A petal or leaf in satin stitch: threads from its vein out to its edge."""
        outline = blade(foot.astype(np.float32), angle, length, width, bend)
        half = len(outline) // 2
        left, right = outline[:half], outline[half:][::-1]
        fill(self.free, outline, [0])
        count = int(length / (thick * 0.80))
        t = np.arange(half)
        for k in range(count):
            at = (k + 0.5) / count * (half - 1)
            out = min(at + slant * half * (1 - at / half), half - 1)
            for side in (left, right):
                root = np.array(
                    [np.interp(at, t, (left[:, c] + right[:, c]) / 2) for c in range(2)]
                )
                tip = np.array([np.interp(out, t, side[:, c]) for c in range(2)])
                tip = tip + self.rng.normal(0, 0.9, 2)
                if np.hypot(*(tip - root)) > 4:
                    self.thread(np.stack([root, tip]), tones, thick)

    def disc(self, centre: Floats, radius: float, hole: float, tones: Floats, thick: float) -> None:
        """A ring of threads that lead outwards."""
        turn = np.linspace(0, 2 * np.pi, 40)
        fill(self.free, (centre + toward(turn) * radius).astype(np.float32), [0])
        count = int(2 * np.pi * radius / (thick * 0.85))
        turns = np.linspace(0, 2 * np.pi, count, endpoint=False)
        # Every other thread first: else one, the last, would lie on both its neighbours.
        for angle in np.concatenate([turns[::2], turns[1::2]]):
            way = toward(np.array(angle))
            reach = radius * (1 + self.rng.normal(0, 0.015))
            ends = np.stack([centre + way * hole, centre + way * reach])
            self.thread(ends, tones, thick)

    def berry(self, centre: Floats, radius: float, tones: Floats, thick: float) -> None:
        """A small round spot in satin stitch, every thread across the whole of it."""
        turn = np.linspace(0, 2 * np.pi, 24)
        fill(self.free, (centre + toward(turn) * radius).astype(np.float32), [0])
        way = toward(self.rng.uniform(0, np.pi, 1))[0]
        side = np.array([-way[1], way[0]])
        for off in np.arange(-radius + thick / 2, radius, thick * 0.8):
            chord = way * np.sqrt(radius * radius - off * off)
            middle = centre + side * off
            self.thread(np.stack([middle - chord, middle + chord]), tones, thick)

    def knots(self, centre: Floats, radius: float, tones: Floats, thick: float) -> None:
        """French knots: little curled beads, packed from the middle outwards."""
        rings = int(radius / (thick * 1.6))
        for ring in range(rings + 1):
            count = max(1, round(ring * 6))
            for k in range(count):
                angle = 2 * np.pi * (k / count) + ring
                spot = centre + toward(np.array(angle)) * ring * thick * 1.6
                tone = tones[self.rng.integers(len(tones))]
                turn = np.linspace(0, 5.2, 10) + self.rng.uniform(0, 6)
                curl = spot + toward(turn) * thick * 0.5
                self.thread(curl.astype(np.float32), tone[None], thick * 0.8)

    def stem(self, path: Floats, tones: Floats, width: float) -> None:
        """A rope of short slanting stitches along a path (n, 2)."""
        line(self.free, path, [0], width + 4)
        apart = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
        for place in np.arange(0, apart[-1], 7.0):
            a, b = (
                np.array([np.interp(place + s, apart, path[:, c]) for c in range(2)])
                for s in (0, 20)
            )
            way = (b - a) / (np.hypot(*(b - a)) + 1e-6)
            side = np.array([-way[1], way[0]]) * width * 0.32
            tone = tones[self.rng.integers(len(tones))]
            self.thread(np.stack([a - side, b + side]), tone[None], width * 0.6)

    def finish(self) -> Floats:
        cloth = self.canvas.astype(np.float32) / 255
        return light(cloth[..., :3], blur(cloth[..., 3], 1.6) * 7, 0.16)


def stitches(rng: Rng) -> Floats:
    """Embroidery on dark cloth: a flowering bough with two birds, satin stitch and knots."""
    cloth = Cloth(rng, colours("2a2433")[0])
    reds = colours("a3182c d42a38 f0584a fa9c80")
    pinks = colours("a82a62 d8568c f29ab4 fbd3d6")
    golds = colours("c9781a e8a42a f8c850 fde8a4")
    teals = colours("0f5a5f 1f8a86 58b8a8 b5e0cc")
    violets = colours("4a2f86 7a54b4 ab8ad4 dcc8ec")
    greens = colours("1f5a2c 3f8a38 7ab04a bcd070")
    olives = colours("4a5a1c 7a8a2c a8b048 d8d488")
    whites = colours("c9bca4 e8dec8 f8f2e2")

    def flower(
        centre: tuple[float, float], size: float, petals: int, outer: Floats, inner: Floats,
        heart: Floats, turn: float,
    ) -> None:  # fmt: skip
        at = np.array(centre) * SIDE
        for k in range(petals):
            angle = turn + 2 * np.pi * k / petals
            cloth.leaf(at + toward(np.array(angle)) * size * 0.25, angle, size * 0.80,
                       size * 4.1 / petals, 0, outer, 6.5, 0.42)  # fmt: skip
        cloth.disc(at, size * 0.50, size * 0.2, inner, 6.5)
        cloth.knots(at, size * 0.22, heart, 7.5)

    def bough(points: Sequence[tuple[float, float]], width: float, leaves: int) -> None:
        p = np.array(points, float)
        t = np.linspace(0, 1, 60)[:, None]
        path = (1 - t) ** 3 * p[0] + 3 * t * (1 - t) ** 2 * p[1]
        path = (path + 3 * t * t * (1 - t) * p[2] + t**3 * p[3]) * SIDE
        for k in range(leaves):
            n = int((0.12 + 0.80 * (k + 0.5) / leaves) * 58)
            way = path[n + 1] - path[n]
            angle = float(np.arctan2(way[1], way[0]))
            aside = 1 if k % 2 else -1
            tones = (greens, teals, olives)[int(rng.integers(3))]
            cloth.leaf(path[n], angle + aside * rng.uniform(0.7, 1.0), rng.uniform(104, 144),
                       rng.uniform(46, 60), -0.5 * aside, tones, 6.2)  # fmt: skip
        cloth.stem(path.astype(np.float32), colours("5a7a2c 86a03c 3f5f24"), width)

    def bird(x: float, y: float, size: float, facing: int) -> None:
        """A bird at rest, tail down and aside."""
        at = np.array([x, y]) * SIDE

        def feather(
            dx: float, dy: float, angle: float, length: float, width: float, tones: Floats,
            bend: float = 0, slant: float = 0.35,
        ) -> None:  # fmt: skip
            foot = at + np.array([dx * facing, dy]) * size
            way = angle if facing > 0 else np.pi - angle
            cloth.leaf(foot, way, length * size, width * size, bend * facing, tones, 6.0, slant)

        for k, tones in enumerate((teals, violets, reds, golds)):
            feather(-0.42, 0.16, 2.25 + 0.24 * k, 0.95 - 0.08 * k, 0.16, tones, 0.3)
        feather(-0.55, 0.20, -0.45, 1.25, 0.62, golds[::-1], -0.35, 0.25)
        feather(0.22, -0.12, -0.75, 0.55, 0.40, reds, 0.5, 0.25)
        feather(0.60, -0.30, 0.15, 0.26, 0.10, colours("e09a24 fbe39a"))
        for k, tones in enumerate((violets, teals, teals)):
            feather(0.12, -0.02 + 0.07 * k, 2.75 - 0.25 * k, 0.80 - 0.12 * k, 0.20, tones, -0.3)
        eye = at + np.array([0.46 * facing, -0.27]) * size
        cloth.disc(eye, 0.055 * size, 0, whites[2:], 4)
        cloth.disc(eye, 0.03 * size, 0, colours("120c18"), 3.5)

    for side in (-1, 1):

        def m(x: float, side: int = side) -> float:
            return 0.5 + side * x

        bough([(m(0.00), 1.02), (m(0.05), 0.80), (m(0.42), 0.98), (m(0.36), 0.66)], 15, 7)
        bough([(m(0.00), 0.86), (m(0.10), 0.62), (m(0.30), 0.62), (m(0.30), 0.42)], 13, 6)
        bough([(m(0.00), 0.60), (m(0.06), 0.34), (m(0.30), 0.36), (m(0.36), 0.10)], 12, 8)
        bough([(m(0.28), 0.90), (m(0.38), 0.99), (m(0.50), 0.96), (m(0.47), 0.80)], 11, 4)
        bough([(m(0.26), 0.60), (m(0.40), 0.58), (m(0.49), 0.56), (m(0.47), 0.38)], 11, 5)
        bough([(m(0.04), 0.40), (m(0.02), 0.24), (m(0.18), 0.20), (m(0.14), 0.04)], 10, 5)
    bough([(0.5, 1.03), (0.47, 0.85), (0.53, 0.6), (0.5, 0.2)], 17, 0)
    for side in (-1, 1):
        flower((0.5 + side * 0.34, 0.66), 130, 8, reds, golds, colours("3a1a14 5a2a1c"), 0.2)
        flower((0.5 + side * 0.29, 0.415), 104, 7, violets, whites, golds[1:3], 0.5)
        flower((0.5 + side * 0.385, 0.095), 104, 8, pinks, golds, reds[:2], 0.1)
        flower((0.5 + side * 0.455, 0.36), 72, 6, golds[::-1], reds, whites[1:], 0.3)
        flower((0.5 + side * 0.445, 0.85), 86, 7, teals, whites, reds[1:3], 0.4)
        flower((0.5 + side * 0.13, 0.055), 76, 6, reds[::-1], golds, violets[:2], 0.2)
        flower((0.5 + side * 0.16, 0.93), 84, 7, pinks[::-1], teals, golds[1:], 0.6)
        bird(0.5 + side * 0.205, 0.235, 190, -side)
    flower((0.5, 0.52), 178, 10, reds, pinks[::-1], golds, 0.314)
    flower((0.5, 0.80), 112, 8, golds, reds, violets[:3], 0.2)
    flower((0.5, 0.19), 84, 7, violets[::-1], golds, reds[:2], -np.pi / 2)

    # What cloth is left bare is sown with sprigs and berries, then with single short stitches.
    for spot in scatter(rng, SHEET, 56):
        space = float(pick(cv2.distanceTransform(cloth.free, cv2.DIST_L2, 3), spot))
        if space > 38:
            angle = rng.uniform(0, 2 * np.pi)
            petals = (pinks, golds, violets, reds, teals)[int(rng.integers(5))]
            for k in range(5):
                way = angle + k * 2 * np.pi / 5
                cloth.leaf(spot + toward(np.array(way)) * 6, way, 26, 19, 0, petals[1:], 6.0)
            cloth.berry(spot, 8, (golds, whites)[int(rng.integers(2))][1:3], 5.5)
        elif space > 20:
            angle = rng.uniform(0, 2 * np.pi)
            for turn in (-0.5, 0.5):
                cloth.leaf(spot, angle + turn, 30, 15, 0, (greens, olives)[turn > 0], 6.0)
            cloth.berry(spot, 9, (reds, pinks, golds)[int(rng.integers(3))][1:3], 5.5)
    room = cv2.distanceTransform(cloth.free, cv2.DIST_L2, 3)
    for spot in scatter(rng, SHEET, 34, 0.6):
        if pick(room, spot) > 9:
            way = toward(rng.uniform(0, np.pi, 1))[0] * 8
            tone = colours("7a68a8 8f6f9c b09a86")[rng.integers(3)]
            cloth.thread(np.stack([spot - way, spot + way]), tone[None], 5.5)
    return cloth.finish()


# --- Paper cut-outs -----------------------------------------------------------------------------


class Collage:
    """Sheets of painted paper, cut with scissors and glued over one another."""

    def __init__(self, rng: Rng) -> None:
        self.rng = rng
        self.picture: Floats = np.ones((*SHEET, 3), np.float32)
        # Gouache keeps the marks of a broad brush; each paper is cut from another place of these.
        self.gouache = [
            noise(rng, (2 * SIDE, 2 * SIDE), cell, 4, s) for cell, s in ((34, 8), (270, 0.125))
        ]
        self.tooth = noise(rng, SHEET, 4, 2)
        self.wobble = [noise(rng, SHEET, 60, 3) for _ in range(2)]

    def paste(self, outlines: Sequence[Floats], tone: Floats, lift: float = 5) -> None:
        """Glue down a paper in the shape of the union of `outlines` (n, 2)."""
        box, mask = stencil([np.asarray(o, np.float32) for o in outlines], SHEET, 24)
        if not mask.size:
            return
        mask = warp(mask, *(1.6 * w[box] for w in self.wobble))
        top, left = self.rng.integers(0, SIDE, 2)
        h, w = mask.shape
        marks = self.gouache[self.rng.integers(2)][top : top + h, left : left + w]
        shade = warp(mask, *(np.full_like(mask, -s) for s in (0.8 * lift, lift)))
        under = self.picture[box] * (1 - 0.55 * blur(shade, lift * 0.7))[..., None]
        body = tone * (1 + 0.055 * marks + 0.02 * self.tooth[box])[..., None]
        # A thin bright rim at the side of the lamp: the white core of cut paper.
        rim = np.clip(mask - warp(mask, *(np.full_like(mask, -1.6),) * 2), 0, 1)
        body = mix(np.clip(body, 0, 1), colours("fffaf0"), 0.55 * rim)
        self.picture[box] = mix(under, body, mask)


def weed(
    rng: Rng, foot: Floats, angle: float, length: float, width: float, bend: float, lobes: int
) -> list[Floats]:
    """A frond: a stalk with round-ended lobes to both sides, as scissors cut it."""
    t = np.linspace(0, 1, 40)
    spine = foot + np.cumsum(toward(angle + bend * t), 0) * length / 40
    taper = 0.035 * length * (1 - 0.6 * t)[:, None]
    side = toward(angle + bend * t + np.pi / 2)
    parts = [np.concatenate([spine + side * taper, (spine - side * taper)[::-1]])]
    for k in range(lobes):
        place = (k + 0.8) / (lobes + 0.3)
        n = min(int(place * 39), 39)
        way = angle + bend * place
        long = width * (0.5 + 0.62 * np.sin(np.pi * (0.15 + 0.75 * place)))
        for turn in (-1, 1):
            heading = way + turn * rng.uniform(1.1, 1.3)
            u = np.linspace(0, 1, 22)
            arm = spine[n] + np.cumsum(toward(heading - turn * 0.7 * u), 0) * long / 22
            half = 0.11 * width * np.sqrt(np.clip(1 - (1.75 * u - 0.75).clip(0) ** 2, 0, 1))
            across = toward(heading - turn * 0.7 * u + np.pi / 2) * half[:, None]
            parts.append(np.concatenate([arm + across, (arm - across)[::-1]]))
    return parts


def cutouts(rng: Rng) -> Floats:
    """Paper cut-outs: fish, weeds, shells and stars on a patchwork of painted sheets."""
    collage = Collage(rng)
    blue, rose, orange, lemon, leaf, black, white, violet, aqua, red = colours(
        "2452b8 ec5f96 f58220 f9d23c 2f9e58 1c1a22 faf4e6 7a4fb0 79cfc8 dc3227"
    )
    # The ground: sheets of unequal width, each divided at heights of its own.
    xs = [-0.05, 0.24, 0.47, 0.76, 1.05]
    cuts = [[0.36, 0.71], [0.25, 0.58], [0.45, 0.80], [0.30, 0.62]]
    grounds = [
        [rose, lemon, blue],
        [aqua, white, orange],
        [lemon, violet, aqua],
        [orange, blue, rose],
    ]
    for x0, x1, ys, tones in zip(xs, xs[1:], cuts, grounds, strict=False):
        edges = [-0.05, *ys, 1.05]
        for y0, y1, tone in zip(edges, edges[1:], tones, strict=False):
            corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) * SIDE
            corners += rng.normal(0, 9, (4, 2))
            collage.paste([corners], tone, 3)

    def frond(x: float, y: float, angle: float, length: float, width: float, bend: float,
              lobes: int, tone: Floats) -> None:  # fmt: skip
        foot = np.array([x, y]) * SIDE
        collage.paste(weed(rng, foot, angle, length * SIDE, width * SIDE, bend, lobes), tone)

    def star(x: float, y: float, size: float, points: int, deep: float, tone: Floats) -> None:
        turn = np.linspace(0, 2 * np.pi, 2 * points, endpoint=False) + rng.uniform(0, 1)
        reach = np.where(np.arange(2 * points) % 2, deep, 1) * rng.uniform(0.88, 1.1, 2 * points)
        collage.paste(
            [np.array([x, y]) * SIDE + toward(turn) * (reach * size * SIDE)[:, None]], tone
        )

    def fish(x: float, y: float, size: float, angle: float, body: Floats, spots: Floats) -> None:
        at, turn = (
            np.array([x, y]) * SIDE,
            np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]),
        )

        def place(points: Floats) -> Floats:
            out: Floats = at + (points * size * SIDE) @ turn
            return out

        t = np.linspace(0, 1, 30)
        high = 0.42 * np.sin(np.pi * t**0.8) ** 0.9
        along = 1 - 1.75 * t
        trunk = np.concatenate(
            [np.stack([along, -high], 1), np.stack([along, 0.9 * high], 1)[::-1]]
        )
        tail = np.array([(-0.62, 0), (-1.15, -0.42), (-0.98, 0), (-1.15, 0.40)])
        fin = np.array([(0.30, -0.34), (-0.05, -0.72), (-0.38, -0.60), (-0.30, -0.26)])
        collage.paste([place(trunk), place(tail), place(fin)], body, 6)
        for k, u in enumerate((0.26, -0.02, -0.30)):
            tall = (0.30, 0.32, 0.22)[k]
            s = np.linspace(-1, 1, 16)
            bow = 0.10 * (1 - s * s)
            stripe = np.concatenate([np.stack([u + bow, s * tall], 1),
                                     np.stack([u - 0.11 + bow, s * tall], 1)[::-1]])  # fmt: skip
            collage.paste([place(stripe)], spots, 3)
        ring = toward(np.linspace(0, 2 * np.pi, 20))
        collage.paste([place(ring * 0.085 + (0.62, -0.08))], white, 3)
        collage.paste([place(ring * 0.042 + (0.64, -0.08))], black, 1)

    def shell(x: float, y: float, size: float, angle: float, tone: Floats, ribs: Floats) -> None:
        at = np.array([x, y]) * SIDE
        fan = np.linspace(-1.15, 1.15, 60) + angle
        reach = size * SIDE * (1 + 0.06 * np.abs(np.sin(np.linspace(0, 7 * np.pi, 60))))
        collage.paste([np.concatenate([[at], at + toward(fan) * reach[:, None]])], tone)
        for rib in np.linspace(-0.95, 0.95, 6) + angle:
            foot = at + toward(np.array(rib)) * 0.18 * size * SIDE
            collage.paste([blade(foot, rib, 0.72 * size * SIDE, 0.09 * size * SIDE, 0)], ribs, 2)

    up = -np.pi / 2
    frond(0.12, 1.03, up, 0.44, 0.17, 0.25, 6, white)
    frond(0.35, 1.02, up - 0.1, 0.46, 0.18, -0.3, 6, violet)
    frond(0.63, 1.03, up + 0.05, 0.50, 0.17, 0.4, 7, red)
    frond(0.88, 1.02, up + 0.1, 0.46, 0.17, -0.5, 6, leaf)
    frond(0.02, 0.02, np.pi / 2 - 0.5, 0.40, 0.13, 0.3, 6, leaf)
    frond(0.98, 0.00, np.pi / 2 + 0.3, 0.44, 0.14, -0.3, 6, black)
    frond(0.50, -0.02, np.pi / 2, 0.34, 0.13, 0.5, 5, red)
    frond(0.30, 0.56, up - 0.4, 0.36, 0.12, 0.6, 6, black)
    frond(0.83, 0.60, up - 0.3, 0.34, 0.12, 0.6, 5, white)
    frond(0.56, 0.42, 0.5, 0.30, 0.10, 0.5, 5, aqua)
    frond(0.03, 0.62, -0.35, 0.30, 0.10, -0.4, 5, blue)
    fish(0.32, 0.20, 0.135, 0.12, blue, lemon)
    fish(0.66, 0.66, 0.150, np.pi - 0.15, orange, white)
    fish(0.17, 0.50, 0.115, -0.25, red, white)
    fish(0.80, 0.27, 0.105, np.pi + 0.2, rose, black)
    fish(0.44, 0.80, 0.100, 0.2, lemon, blue)
    shell(0.20, 0.90, 0.10, up + 0.3, orange, red)
    shell(0.80, 0.92, 0.095, up - 0.2, lemon, orange)
    shell(0.95, 0.55, 0.08, np.pi - 0.3, rose, white)
    for x, y, size, points, deep, tone in [
        (0.13, 0.25, 0.070, 7, 0.45, lemon), (0.62, 0.14, 0.062, 8, 0.5, white),
        (0.46, 0.50, 0.060, 6, 0.4, orange), (0.92, 0.78, 0.055, 7, 0.45, white),
        (0.06, 0.80, 0.048, 6, 0.4, rose), (0.90, 0.09, 0.045, 8, 0.5, lemon),
        (0.55, 0.93, 0.045, 6, 0.45, aqua), (0.33, 0.66, 0.04, 7, 0.45, red),
    ]:  # fmt: skip
        star(x, y, size, points, deep, tone)
    # Offcuts fill the bare spots: pebbles, each of a colour not its neighbours'.
    for spot in scatter(rng, SHEET, 105):
        around = collage.picture[
            max(0, int(spot[1]) - 30) : int(spot[1]) + 30,
            max(0, int(spot[0]) - 30) : int(spot[0]) + 30,
        ]
        if around.size and around.std((0, 1)).max() < 0.07:
            tones = np.stack([white, lemon, leaf, rose, violet, red])
            apart = np.abs(tones - around.mean((0, 1))).sum(1)
            tone = tones[rng.choice(np.argsort(apart)[-3:])]
            way, size = rng.uniform(0, 2 * np.pi), rng.uniform(34, 52)
            sprig = [blade(spot, way + turn, size, 0.42 * size, 0) for turn in (-0.8, 0, 0.8)]
            collage.paste(sprig, tone, 4)
    paper = 1 + 0.015 * noise(rng, SHEET, 5, 2)
    return collage.picture * paper[..., None]


# --- Palette knife ------------------------------------------------------------------------------


class Knife:
    """Paint laid on thickly with a knife: flat slabs with a ridge where the blade left."""

    def __init__(self, rng: Rng, ground: Floats) -> None:
        self.rng = rng
        self.canvas: Floats = np.empty((*SHEET, 4), np.float32)
        self.canvas[:] = (*ground, 0.3)
        self.drag = noise(rng, (900, 900), 9, 4, 14)
        self.ragged = noise(rng, (900, 900), 16, 3)

    def slab(
        self, centre: Floats, angle: float, length: float, width: float, tones: Floats,
    ) -> None:  # fmt: skip
        """One pull of the knife that mixes two paints `tones` (2, 3) across its width."""
        reach = int(np.hypot(length, width) / 2 + 6)
        cx, cy = (int(c) for c in centre)
        y0, y1, x0, x1 = (
            max(cy - reach, 0),
            min(cy + reach, SIDE),
            max(cx - reach, 0),
            min(cx + reach, SIDE),
        )
        if y1 <= y0 or x1 <= x0:
            return
        dy, dx = np.mgrid[y0 - cy : y1 - cy, x0 - cx : x1 - cx].astype(np.float32)
        u = dx * np.cos(angle) + dy * np.sin(angle)
        v = dy * np.cos(angle) - dx * np.sin(angle)
        shift = self.rng.integers(200, 700, 2)
        at = np.stack([u + shift[0], v + shift[1]], -1)
        drag, ragged = pick(self.drag, at), pick(self.ragged, at)
        side = width / 2 - np.abs(v) + 1.0 * ragged
        front, back = length / 2 - u + 3 * ragged, length / 2 + u + 2 * ragged
        mask = smoothstep(-1, 1, np.minimum(np.minimum(side, front), back))
        # Towards the end the paint gives out and the knife skips.
        gone = u / length + 0.5
        mask *= smoothstep(-0.4, 0.4, 2.9 - 2.2 * gone + 0.8 * drag)
        part = np.clip(0.5 + v / width * 1.1 + 0.35 * drag, 0, 1)
        body = (
            mix(np.broadcast_to(tones[0], (*u.shape, 3)), tones[1:], part)
            * (1 + 0.06 * drag)[..., None]
        )
        high = 0.35 + 0.05 * drag + 0.45 * np.exp(-np.maximum(side, 0) / 2.5)
        high += 0.35 * np.exp(-np.maximum(front, 0) / 4)
        box = np.s_[y0:y1, x0:x1]
        self.canvas[box] = mix(self.canvas[box], np.dstack([body, high]), mask)

    def slabs(
        self, picture: Floats, field: Floats, spacing: float, length: float, width: float,
        spread: float, where: Floats | None = None,
    ) -> None:  # fmt: skip
        """Cover the sheet: colours from `picture`, angles from `field` (H, W), chance `where`."""
        rng = self.rng
        spots = scatter(rng, SHEET, spacing)
        if where is not None:
            spots = spots[rng.random(len(spots)) < pick(where, spots)]
        for spot, tone, angle in zip(spots, pick(picture, spots), pick(field, spots), strict=True):
            pair = np.clip(
                tone * rng.normal(1, spread, (2, 1)) + rng.normal(0, spread * 0.25, (2, 3)), 0, 1
            )
            self.slab(spot, angle + rng.normal(0, 0.3), length * rng.uniform(0.6, 1.3),
                      width * rng.uniform(0.7, 1.3), pair)  # fmt: skip

    def finish(self) -> Floats:
        return light(self.canvas[..., :3], blur(self.canvas[..., 3], 1.3) * 11, 0.22)


def autumn(rng: Rng) -> Floats:
    """A birch wood in October, laid with the palette knife."""
    x, y = grid(SHEET)
    rough = noise(rng, SHEET, 150, 4)
    glow = np.exp(-(((x - 0.56) / 0.30) ** 2 + ((y - 0.46) / 0.34) ** 2))
    crowns = ramp(
        0.92 * glow + 0.12 * rough, colours("4a1c3a 8a1f2c c8381f e8681c f59a24 fbcb4a fdeeb0")
    )
    crowns = mix(
        crowns,
        colours("5a4a86"),
        smoothstep(0.6, 1.7, noise(rng, SHEET, 110, 3)) * (1 - glow) * 0.8,
    )
    crowns = mix(crowns, colours("8ab0b8"), smoothstep(1.1, 1.9, noise(rng, SHEET, 120, 3)) * glow)
    floor = 0.66 + 0.02 * np.sin(4 * x + 1) + 0.006 * rough
    path = np.exp(
        -(
            (
                (x - 0.56 - 0.16 * np.sin(5.5 * (y - 0.62)))
                / (0.015 + 0.42 * np.maximum(y - 0.62, 0))
            )
            ** 4
        )
    )
    earth = ramp(
        0.5 + 0.22 * noise(rng, SHEET, 80, 4, 3) + 0.3 * glow,
        colours("3a1a34 7a2a24 b8501c e08a2a f2b84a"),
    )
    trail = ramp(
        0.5 + 0.25 * noise(rng, SHEET, 60, 3, 5) + 0.3 * glow,
        colours("5a4a7a 9a7a94 d8a88a f6d8a0"),
    )
    ground = mix(earth, trail, path)
    picture = mix(crowns, ground, smoothstep(-0.01, 0.01, y - floor))

    knife = Knife(rng, colours("3a1f2c")[0])
    swing = 0.8 * noise(rng, SHEET, 200, 2)
    flat = np.where(y > floor, 0.12 * swing, -0.9 + swing).astype(np.float32)
    knife.slabs(picture, flat, 26, 74, 30, 0.09)

    def trunk(
        foot: float, base: float, lean: float, width: float, tones: str, fade: Floats | None
    ) -> None:
        """A stem from its foot up past the sheet's upper edge, pull by pull."""
        bark = colours(tones)
        at, way = np.array([foot, base]) * SIDE, lean
        while at[1] > -60:
            thick = width * SIDE * (0.62 + 0.38 * at[1] / (base * SIDE))
            for side in (0.32, -0.32, 0.0):
                pair = bark[[1, 2]] if side == 0 else (bark[[0, 1]] if side > 0 else bark[[2, 3]])
                if fade is not None:
                    pair = pair + (fade - pair) * 0.45
                spot = at + np.array([side * thick, rng.uniform(-12, 12)])
                knife.slab(
                    spot,
                    -np.pi / 2 + way + rng.normal(0, 0.05),
                    thick * 1.7 + 26,
                    thick * 0.46,
                    np.clip(pair * rng.normal(1, 0.05), 0, 1),
                )
            if fade is None and rng.random() < 0.75:
                # The dark scars of birch bark, pulled across.
                spot = at + np.array([rng.uniform(-0.3, 0.3) * thick, rng.uniform(-20, 20)])
                knife.slab(
                    spot,
                    rng.normal(0, 0.2),
                    thick * rng.uniform(0.4, 0.8),
                    rng.uniform(6, 13),
                    colours("2a1c26 4a3440"),
                )
            at = at + np.array([np.sin(way), -np.cos(way)]) * (thick * 0.8 + 14)
            way += rng.normal(0, 0.025)

    far = colours("e8a860")[0]
    for foot in (0.05, 0.19, 0.30, 0.40, 0.475, 0.64, 0.70, 0.80, 0.91, 0.985):
        trunk(foot + rng.normal(0, 0.01), 0.68 + rng.uniform(0, 0.02), rng.normal(0, 0.05), 0.014,
              "5a2f4a 8a4a5a c88a6a e8c08a", far)  # fmt: skip
    crowned = smoothstep(0.70, 0.45, y) * (
        0.35 + 0.35 * smoothstep(-0.5, 0.8, noise(rng, SHEET, 130, 2))
    )
    leaves = mix(picture, colours("fbc02c"), 0.35 * smoothstep(0, 1.5, noise(rng, SHEET, 60, 2)))
    knife.slabs(leaves, swing * 1.5 - 0.6, 23, 40, 20, 0.13, crowned)
    for foot, base, lean, width in [
        (0.12, 0.86, 0.03, 0.040), (0.345, 0.78, -0.04, 0.027), (0.755, 0.80, 0.05, 0.031),
        (0.885, 0.93, -0.03, 0.052), (0.245, 0.95, 0.05, 0.048),
    ]:  # fmt: skip
        trunk(foot, base, lean, width, "5a4a78 a89ab0 efe6da fffaf0", None)
        # Fallen leaves hide the foot.
        for spot in np.array([foot, base + 0.012]) * SIDE + rng.normal(0, 1, (16, 2)) * (
            width * 900,
            14,
        ):
            pair = colours("d8581c f2a02c c8341c fbc84a")[rng.permutation(4)[:2]]
            knife.slab(spot, rng.normal(0, 0.5), rng.uniform(24, 50), rng.uniform(9, 18), pair)
    # The nearest leaves, small and bright, and a few that fall.
    bright = ramp(
        np.clip(0.55 + 0.3 * noise(rng, SHEET, 90, 2), 0, 1),
        colours("8a1424 d42f1c f2721c fbb428 fde27a"),
    )
    near = smoothstep(0.45, 0.0, y) * smoothstep(-0.1, 1.2, noise(rng, SHEET, 170, 3)) * 0.8
    knife.slabs(bright, swing * 2, 19, 27, 14, 0.12, near + 0.03)
    litter = smoothstep(0.72, 0.95, y) * (0.25 + 0.35 * smoothstep(0, 1, rough)) * (1 - 0.6 * path)
    knife.slabs(bright, 0.4 * swing, 22, 32, 13, 0.14, litter)
    return knife.finish()


# --- Etching ------------------------------------------------------------------------------------


class Plate:
    """A copper plate that lines are drawn on, the closer the darker the place."""

    def __init__(self, rng: Rng, tone: Floats, outline: Bytes) -> None:
        self.rng, self.tone = rng, tone
        self.ink: Bytes = outline.copy()
        self.edges = np.where(outline > 90, 255, 0).astype(np.uint8)

    def hatch(
        self, angle: Floats, below: float, closest: float, widest: float, length: float,
        strength: float = 1,
    ) -> None:  # fmt: skip
        """Lines along `angle` (H, W) wherever the tone is darker than `below`.

        Args:
            closest: how far apart they are where it is black, in pixels.
            widest: how far apart where it is nearly `below`.
            length: of a line that nothing stops.
            strength: how thick they are drawn.
        """
        rng, step = self.rng, 4.0
        dark = np.clip(1 - self.tone / below, 0, 1)
        apart = widest + (closest - widest) * dark**0.6
        taken = self.edges.copy()  # no line runs on from one thing into another
        starts = scatter(rng, SHEET, 4.2)
        starts = starts[(starts >= 0).all(1) & (starts < SIDE).all(1)]
        starts = starts[pick(dark, starts) > 0.02]
        field = toward(angle).astype(np.float32)
        count = int(length / step)
        for start in starts:
            if taken[int(start[1]), int(start[0])]:
                continue
            reach = count * rng.uniform(0.6, 1.2) / 2
            halves = []
            for sign in (-1, 1):
                at, way, path = start, field[int(start[1]), int(start[0])] * sign, []
                for _ in range(int(reach)):
                    at = at + way * step
                    x, y = int(at[0]), int(at[1])
                    if not (0 <= x < SIDE and 0 <= y < SIDE) or taken[y, x] or dark[y, x] <= 0.0:
                        break
                    path.append(at)
                    turned = field[y, x]
                    if turned @ way < 0:
                        turned = -turned
                    if turned @ way < 0.5:
                        break
                    way = turned
                halves.append(path)
            path = np.array([*halves[0][::-1], start, *halves[1]], np.float32)
            if len(path) < 4:
                continue
            path += np.cumsum(rng.normal(0, 0.10, path.shape), 0)
            deep = pick(dark, path)
            gap = float(pick(apart, start))
            line(taken, path, [255], 1.8 * gap)
            # The needle presses harder where it is dark, and lifts at both ends.
            thick = (
                strength
                * (0.9 + 2.2 * deep)
                * np.sin(np.pi * np.linspace(0.1, 0.9, len(path))) ** 0.4
            )
            for n in range(0, len(path) - 1, 3):
                press = float(thick[n : n + 4].mean())
                ink = 255 * min(1.0, press / 1.0)
                line(self.ink, path[n : n + 4], [ink], max(1.0, press))

    def finish(self) -> Floats:
        """The print: warm black on cream, with a film of ink that the wiping left."""
        rng = self.rng
        lines = blur(
            warp(self.ink / np.float32(255), *(0.8 * noise(rng, SHEET, 30, 2) for _ in range(2))),
            0.7,
        )
        film = 0.05 + 0.03 * noise(rng, SHEET, 300, 3) + 0.02 * noise(rng, SHEET, 6, 2)
        paper = ramp(
            0.5 + 0.16 * noise(rng, SHEET, 7, 2) * 0.6 + 0.1 * noise(rng, SHEET, 240, 3),
            colours("e2d3b0 efe3c6 f8efd8"),
        )
        return mix(paper * (1 - film)[..., None], colours("1d1712"), np.clip(lines, 0, 0.97))


def etching(rng: Rng) -> Floats:
    """An etching in lines alone: a windmill and a cottage among trees, clouds behind."""
    tone, angle, outline = vignette(rng)
    plate = Plate(rng, tone, outline)
    plate.hatch(angle, 0.97, 2.5, 7.5, 130, 0.75)
    plate.hatch(angle + 0.95, 0.64, 2.8, 6.5, 70, 0.7)
    plate.hatch(angle - 0.75, 0.36, 2.8, 6.0, 50, 0.7)
    return plate.finish()
