"""Paint the example pictures: eight styles and one content picture, all our own.

Every picture comes from arithmetic and a fixed seed, so that they can be given away freely and
made again at will. Each painter draws on a sheet of twice the final side, which is then averaged
down: that is what keeps the edges smooth.

    python examples/make_examples.py [--only NAME] [-o DIR]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Labels = NDArray[np.int32]
Rng = np.random.Generator
Shape = tuple[int, int]

SIDE = 1408  # of the sheet that a style is painted on, in pixels
SHEET: Shape = (SIDE, SIDE)
OVERSAMPLING = 2
SUBPIXEL_BITS = 4  # OpenCV's fixed-point coordinates


# --- Shared materials -------------------------------------------------------------------------


def colours(hexes: str) -> Floats:
    """Read ``"0b1c48 f4c542"`` as an array (n, 3) of RGB in [0, 1]."""
    return np.array([list(bytes.fromhex(h)) for h in hexes.split()], np.float32) / 255


def ramp(t: Floats, stops: Floats) -> Floats:
    """Colour (..., 3) at `t`, 0 being the first of the evenly spaced `stops` and 1 the last."""
    at = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(t, at, stops[:, c]) for c in range(3)], -1).astype(np.float32)


def smoothstep(low: float, high: float, x: Floats) -> Floats:
    """0 below `low`, 1 above `high` (or the other way round where `low` > `high`)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def mix(a: Floats, b: Floats, t: Floats) -> Floats:
    """Blend pictures `a` and `b` (H, W, 3) by the map `t` (H, W)."""
    return a + (b - a) * t[..., None]


def grid(shape: Shape) -> tuple[Floats, Floats]:
    """Maps of x and y, both counted in sheet heights."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32) / shape[0]
    return x, y


def noise(rng: Rng, shape: Shape, cell: float, octaves: int = 4, stretch: float = 1) -> Floats:
    """Fractal noise (H, W) of mean 0 and deviation 1, its largest lumps `cell` pixels high.

    `stretch` makes the lumps that many times as wide as they are high.
    """
    h, w = shape
    out = np.zeros(shape, np.float32)
    for octave in range(octaves):
        size = cell / 2**octave
        rows, columns = int(h / size) + 4, int(w / (size * stretch)) + 4
        coarse = rng.standard_normal((rows, columns), np.float32)
        # An affine map, because resizing would tie the lumps to the sheet's edges.
        to_sheet = np.float32([[size * stretch, 0, -size], [0, size, -size]])
        out += 0.5**octave * cv2.warpAffine(coarse, to_sheet, (w, h), flags=cv2.INTER_CUBIC)
    return (out - out.mean()) / out.std()


def scatter(rng: Rng, shape: Shape, spacing: float, jitter: float = 0.9) -> Floats:
    """Points (n, 2) as x, y that cover the sheet evenly yet irregularly, in random order."""
    h, w = shape
    y, x = np.mgrid[-spacing / 2 : h + spacing : spacing, -spacing / 2 : w + spacing : spacing]
    points = np.stack([x.ravel(), y.ravel()], 1)
    points += rng.uniform(-jitter / 2, jitter / 2, points.shape) * spacing
    return rng.permutation(points).astype(np.float32)


def pick(field: NDArray[np.generic], points: Floats) -> NDArray[np.generic]:
    """The values of a map (H, W, ...) at points (..., 2), which may lie off the sheet."""
    h, w = field.shape[:2]
    x = np.clip(points[..., 0], 0, w - 1).astype(np.intp)
    y = np.clip(points[..., 1], 0, h - 1).astype(np.intp)
    return field[y, x]


def warp(field: Floats, dx: Floats, dy: Floats) -> Floats:
    """Displace a map by `dx`, `dy` pixels, so that a clean edge becomes one drawn by hand."""
    h, w = dx.shape
    y, x = np.mgrid[:h, :w].astype(np.float32)
    return cv2.remap(field, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def blur(field: Floats, sigma: float) -> Floats:
    return cv2.GaussianBlur(field, (0, 0), sigma)


def fixed(points: Floats) -> NDArray[np.int32]:
    """Points in OpenCV's fixed-point coordinates."""
    return np.round(points * 2**SUBPIXEL_BITS).astype(np.int32)


def fill(canvas: Bytes, outline: Floats, colour: Sequence[float] | Floats) -> None:
    """Fill a polygon (n, 2) on a canvas of bytes, with smooth edges."""
    tone = [float(c) for c in colour]
    cv2.fillPoly(canvas, [fixed(outline)], tone, cv2.LINE_AA, SUBPIXEL_BITS)


def line(
    canvas: Bytes, path: Floats, colour: Sequence[float] | Floats, width: float, close: bool = False
) -> None:
    """Draw a line (n, 2) on a canvas of bytes, with smooth edges."""
    tone, thick = [float(c) for c in colour], max(1, round(width))
    cv2.polylines(canvas, [fixed(path)], close, tone, thick, cv2.LINE_AA, SUBPIXEL_BITS)


def light(image: Floats, height: Floats, gloss: float = 0.2) -> Floats:
    """Shade a picture by its height map (in pixels) under a lamp at the upper left."""
    lamp = np.array([-0.45, -0.55, 0.70], np.float32)
    half = lamp + [0, 0, 1]
    half /= np.linalg.norm(half)
    gx, gy = (cv2.Sobel(height, cv2.CV_32F, *d, scale=1 / 8) for d in ((1, 0), (0, 1)))
    length = np.sqrt(gx * gx + gy * gy + 1)
    diffuse = (lamp[2] - lamp[0] * gx - lamp[1] * gy) / length / lamp[2]
    shine = np.maximum((half[2] - half[0] * gx - half[1] * gy) / length, 0) ** 60
    shine -= half[2] ** 60
    lit = image * np.clip(diffuse, 0.45, 1.45)[..., None] + gloss * np.maximum(shine, 0)[..., None]
    return lit.astype(np.float32)


def trace(starts: Floats, field: Floats, steps: int, step: float) -> Floats:
    """Follow a field of directions (H, W, 2) from `starts`: paths (n, steps, 2) centred on them."""
    halves = []
    for sign in (-1, 1):
        at, heading, path = starts, pick(field, starts) * sign, []
        for _ in range(steps // 2):
            at = at + heading * step
            way = pick(field, at)
            # A direction has no head or tail: keep going the way that turns least.
            turned = np.sum(way * heading, -1, keepdims=True) < 0
            heading = np.where(turned, -way, way)
            path.append(at)
        halves.append(path)
    return np.stack([*halves[0][::-1], starts, *halves[1]], 1).astype(np.float32)


def stroke(
    canvas: Bytes, rng: Rng, path: Floats, width: float, colour: Floats, spread: Floats, dry: float
) -> None:
    """Draw one brush stroke, bristle by bristle, on a canvas of bytes (H, W, channels).

    Args:
        colour: the paint, 0 to 255, one number for each channel of the canvas.
        spread: how far the bristles stray from it, by channel.
        dry: 0 for a loaded brush, towards 1 for one whose bristles give out early.
    """
    n, bristles = len(path), max(3, round(width / 2.6))
    across = np.linspace(-1, 1, bristles)
    along = np.linspace(0, 1, n)
    tangent = np.gradient(path, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-6
    half = width / 2 * (0.35 + 0.65 * np.sin(np.pi * (0.08 + 0.84 * along)) ** 0.5)
    lines = path + across[:, None, None] * (half[:, None] * normal)
    # Neighbouring bristles carry similar paint, hence a random walk and not plain noise.
    walk = np.cumsum(rng.standard_normal((bristles, len(colour))), 0)
    tones = np.clip(colour + spread * (walk - walk.mean(0)) / bristles**0.5, 0, 255)
    first = rng.integers(0, 1 + n // 6, bristles)
    last = n - (rng.random(bristles) * n * (0.15 + 0.8 * dry)).astype(int)
    for i in rng.permutation(bristles):
        if last[i] - first[i] > 1:
            line(canvas, lines[i, first[i] : last[i]], tones[i], width / bristles * 1.7)


class Oil:
    """A sheet of wet paint: RGB and, as a fourth channel, how thick the paint lies."""

    def __init__(self, shape: Shape, ground: Floats) -> None:
        self.canvas: Bytes = np.empty((*shape, 4), np.uint8)
        self.canvas[:] = (*(ground * 255), 90)

    def strokes(
        self,
        rng: Rng,
        picture: Floats,
        field: Floats,
        spacing: float,
        width: float,
        length: float,
        spread: float = 14,
        where: Floats | None = None,
    ) -> None:
        """Cover the sheet with strokes that take colour from `picture`, direction from `field`.

        `where` (H, W) is the chance that a stroke is laid at all.
        """
        starts = scatter(rng, picture.shape[:2], spacing)
        if where is not None:
            starts = starts[rng.random(len(starts)) < pick(where, starts)]
        paths = trace(starts, field, 12, length / 12)
        tones = pick(picture, starts) * 255
        tones = tones + rng.normal(0, spread * 0.6, (len(tones), 1)) + rng.normal(0, 5, tones.shape)
        wide = np.array([spread, spread, spread, 70])
        for path, tone in zip(paths, tones, strict=True):
            thick = rng.uniform(90, 190)
            size = width * rng.uniform(0.7, 1.25)
            stroke(self.canvas, rng, path, size, np.append(tone, thick), wide, 0.2)

    def finish(self, relief: float = 4, gloss: float = 0.25) -> Floats:
        """The dry painting, its ridges lit from the upper left."""
        paint = self.canvas.astype(np.float32) / 255
        return light(paint[..., :3], blur(paint[..., 3], 1.2) * relief * 4, gloss)


def voronoi(points: Floats, shape: Shape) -> Labels:
    """For every pixel the number of the nearest point."""
    seeds = np.full(shape, 255, np.uint8)
    inside = np.all((points >= 0) & (points < (shape[1], shape[0])), 1)
    x, y = points[inside].astype(np.intp).T
    seeds[y, x] = 0
    return cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )[1]


def pieces(*maps: Labels) -> tuple[Labels, Floats]:
    """Cut a sheet wherever one of the label maps changes.

    Returns the piece that each pixel belongs to (H, W), counted from 0, and how far the pixel
    lies from that piece's edge (H, W), in pixels.
    """
    key = np.zeros(maps[0].shape, np.int64)
    for labels in maps:
        key = key * (int(labels.max()) + 1) + labels
    piece = np.unique(key, return_inverse=True)[1].reshape(key.shape).astype(np.int32)
    same = np.ones(piece.shape, np.uint8)
    same[:, 1:] &= piece[:, 1:] == piece[:, :-1]
    same[1:] &= piece[1:] == piece[:-1]
    return piece, cv2.distanceTransform(same, cv2.DIST_L2, 5)


def per_piece(piece: Labels, values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Spread one value for each piece over the pixels of the pieces."""
    return values[piece]


def mirrored(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Bring an index from 0 to 2 * `size` onto an axis of `size`, turning back at its end."""
    return np.minimum(index % (2 * size), 2 * size - 1 - index % (2 * size))


class Wash:
    """Wet pigment on paper: each wash takes its share of the light that is left."""

    def __init__(self, rng: Rng, shape: Shape) -> None:
        self.rng = rng
        self.depth: Floats = np.zeros((*shape, 3), np.float32)
        self.wobble = [noise(rng, shape, 120, 6) for _ in range(2)]
        self.pool = noise(rng, shape, 150, 5)
        self.tooth = noise(rng, shape, 5, 2)

    def lay(
        self,
        outlines: Iterable[Floats],
        pigment: Floats,
        strength: float,
        bleed: float = 12,
        rim: float = 0.6,
        soft: float = 2,
        flow: Callable[[Floats, Floats], Floats] | None = None,
    ) -> None:
        """Lay the filled `outlines` as one wash.

        Args:
            pigment: the colour of a wash of strength 1 on white paper.
            bleed: how far its edge wanders, in pixels.
            rim: how much pigment dries up at the edge, against the middle.
            soft: how wide that edge is, in pixels; large on wet paper.
            flow: from maps of x and y in pixels, how much pigment has run there.
        """
        outlines = list(outlines)
        h, w = self.tooth.shape
        margin = bleed * 3 + soft * 4 + 4
        corners = np.concatenate(outlines)
        x0, y0 = np.clip(corners.min(0) - margin, 0, (w, h)).astype(int)
        x1, y1 = np.clip(corners.max(0) + margin, 0, (w, h)).astype(int)
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        box = np.s_[y0:y1, x0:x1]
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        for outline in outlines:
            fill(mask, outline - (x0, y0), [255])
        # Every wash reads the noise elsewhere, so that no two edges wander alike.
        shift = self.rng.integers(0, (h, w))
        rows = mirrored(np.arange(y0, y1) + shift[0], h)
        there = np.ix_(rows, mirrored(np.arange(x0, x1) + shift[1], w))
        shape = warp(mask / np.float32(255), *(bleed * n[there] for n in self.wobble))
        inside = blur(shape, soft)
        edge = cv2.distanceTransform((shape > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
        pigments = 0.75 + 0.25 * self.pool[there] + rim * np.exp(-edge / (2 + soft))
        pigments += 0.10 * self.tooth[box]
        amount = strength * inside * np.maximum(pigments, 0.08)
        if flow is not None:
            across, down = np.meshgrid(np.arange(x0, x1), np.arange(y0, y1))
            amount = amount * flow(across.astype(np.float32), down.astype(np.float32))
        self.depth[box] += amount[..., None] * -np.log(np.maximum(pigment, 0.02))

    def finish(self, paper: Floats) -> Floats:
        """The dry sheet: light that passes the pigment, is thrown back by the paper, passes."""
        fibres = 1 + 0.012 * self.tooth[..., None]
        return light(paper * np.exp(-self.depth) * fibres, self.tooth * 0.25, 0)


# --- The styles -------------------------------------------------------------------------------


def swirls(rng: Rng) -> Floats:
    """A night sky in oil: whirls of blue around golden lights, above dark hills."""
    x, y = grid(SHEET)
    lights = np.array(
        [
            (0.30, 0.33, 0.150, 1), (0.68, 0.50, 0.125, -1), (0.83, 0.17, 0.120, 1),
            (0.53, 0.13, 0.055, -1), (0.10, 0.10, 0.060, 1), (0.08, 0.60, 0.055, -1),
            (0.94, 0.62, 0.050, 1), (0.42, 0.66, 0.050, 1), (0.57, 0.33, 0.035, 1),
        ]
    )  # fmt: skip
    wander = noise(rng, SHEET, 420, 3)
    stream = 0.30 * y + 0.022 * wander + 0.02 * np.sin(7 * x + 2 * y)
    glow, rings = np.zeros(SHEET, np.float32), np.zeros(SHEET, np.float32)
    for cx, cy, size, turn in lights:
        apart = np.hypot(x - cx, (y - cy)) / size
        stream += turn * 0.75 * size * np.exp(-((apart / 1.35) ** 2))
        halo = np.exp(-(apart**2) * 1.5)
        rings = np.where(halo > glow, apart, rings)
        glow = np.maximum(glow, halo)
    hill = 0.80 + 0.05 * np.sin(5.2 * x + 0.6) + 0.03 * np.sin(13 * x + 2)
    land = smoothstep(-0.004, 0.004, y - hill)
    fields = (y - hill) * (1 + 0.5 * np.sin(4 * x)) + 0.006 * wander
    stream = np.where(land > 0.5, fields, stream)
    field = np.stack([cv2.Sobel(stream, cv2.CV_32F, 0, 1), -cv2.Sobel(stream, cv2.CV_32F, 1, 0)], 2)
    field /= np.linalg.norm(field, axis=2, keepdims=True) + 1e-9

    bands = 0.5 + 0.5 * np.sin(stream * 150 + 0.9 * wander)
    night = colours("050d33 0b1d5c 12359a 1c57b8 3f8fd0 123f93 8fc4dc")
    gold = colours("fff6c8 ffe27a fbbf2d f09a1a d9d37a 6fb3a8 2468b4")
    sky = ramp(0.12 + 0.75 * bands + 0.10 * noise(rng, SHEET, 300, 3), night)
    sky = mix(sky, ramp(rings / 1.55 + 0.10 * (bands - 0.5), gold), smoothstep(0.08, 0.40, glow))
    rows = 0.5 + 0.5 * np.sin(fields * 170 + 2 * wander)
    ground = ramp(rows * 0.8 + 0.1 * wander, colours("04101f 0a2a3a 11503f 2f6f3d 8a8a2c d0a02c"))
    picture = mix(sky, ground, land)

    oil = Oil(SHEET, colours("0a1742")[0])
    oil.strokes(rng, picture, field, 30, 44, 190, 20)
    oil.strokes(rng, picture, field, 24, 25, 130, 24)
    oil.strokes(rng, picture, field, 22, 15, 80, 30, where=0.35 + 0.65 * glow)
    return oil.finish()


def tiles(rng: Rng) -> Floats:
    """A mosaic of broken tiles: suns and a sea in ceramic, bedded in grout."""
    x, y = grid(SHEET)
    bend = 0.035 * noise(rng, SHEET, 700, 2)
    # Each region has a handful of glazes of its own; the bands of the ground come first.
    glazes = [
        "f3efe2 e9e2cf dfe7e6 f6f2ea", "12418f 0d2f6e 1a56b0 2a6cc0", "2fa7b0 1f8a9c 56c3c2 0f6f86",
        "f3efe2 e4dcc4 f0e2b6 dbe5e0", "0b6e6a 128a74 2fa58a 0a5558", "1c62b4 3c8bd0 72b4de 134a98",
        "f2b632 e99a1e f6cf63 d9801a", "c8452a a83220 e0653c 8c2a1e", "f6f0dc efe4c0 fbf6e8 e6d6a6",
        "e58b24 f0a93a d8701c f5c566", "103b80 1b4f9e 0a2a60 2d66b4",
    ]  # fmt: skip
    bands = np.floor((y + bend + 0.05 * np.sin(7 * x)) * 10.5).astype(np.int32)
    region = bands % 6
    motif = bands + 20
    for number, (cx, cy, size, petals) in enumerate(
        [(0.30, 0.34, 0.27, 11), (0.78, 0.70, 0.24, 9), (0.80, 0.14, 0.15, 8), (0.16, 0.84, 0.19, 7)]
    ):
        angle = np.arctan2(y - cy, x - cx) + 4 * bend
        flower = 1 + 0.14 * np.cos(petals * angle) - 0.05 * np.cos(2 * petals * angle)
        ring = np.hypot(x - cx, y - cy) / size / flower
        ring_number = np.digitize(ring, [0.17, 0.36, 0.58, 0.80, 1.0]).astype(np.int32)
        inside = ring < 1
        order = np.array([7, 6, 10, 8, 9, 0], np.int32) if number % 2 else np.array(
            [6, 7, 8, 1, 6, 0], np.int32
        )
        region = np.where(inside, order[ring_number], region)
        sector = np.floor((angle / (2 * np.pi) + 0.5) * petals).astype(np.int32)
        petal = ring_number * petals + np.where(ring_number == 3, sector, 0)
        motif = np.where(inside, 100 * (number + 1) + petal, motif)
    size = 66
    centres = scatter(rng, SHEET, size, 0.85)
    piece, depth = pieces(voronoi(centres, SHEET), motif.astype(np.int32))
    count = int(piece.max()) + 1

    # A piece takes one glaze of its region, at its own strength, and lies at its own tilt.
    first = np.unique(piece, return_index=True)[1]
    home = region.ravel()[first]
    shades = np.stack([colours(g) for g in glazes])[home, rng.integers(0, 4, count)]
    shades = shades * rng.normal(1, 0.07, (count, 1)) + rng.normal(0, 0.02, (count, 3))
    glaze = per_piece(piece, shades.astype(np.float32))
    tilt = per_piece(piece, rng.normal(0, 0.10, (count, 2)).astype(np.float32))
    mottle = noise(rng, SHEET, 60, 5)
    speck = noise(rng, SHEET, 7, 2)
    glaze = glaze * (1 + 0.07 * mottle + 0.03 * speck)[..., None]
    crazing = pieces(voronoi(scatter(rng, SHEET, 26), SHEET))[1]
    crazed = per_piece(piece, (rng.random(count) < 0.45).astype(np.float32))
    glaze *= 1 - 0.22 * (crazed * smoothstep(2.2, 0.6, crazing))[..., None]
    # The glaze runs thin, and so darker, at the rim.
    glaze *= (0.70 + 0.30 * smoothstep(4, 15, depth))[..., None]

    gap = 5.5 + 0.8 * noise(rng, SHEET, 40, 3)
    tile = smoothstep(-1, 1, depth - gap)
    grit = noise(rng, SHEET, 6, 3)
    grout = ramp(0.5 + 0.22 * grit, colours("6d6154 a3978a c9bfae"))
    shadow = blur(tile, 5)
    picture = mix(grout * (1.05 - 0.5 * shadow)[..., None], glaze, tile)
    rim = 9 * (1 - np.exp(-np.maximum(depth - gap, 0) / 5))
    slope = tilt[..., 0] * x * SIDE + tilt[..., 1] * y * SIDE
    lit = light(picture, blur(rim, 1.5) + 1.2 * mottle + 0.5 * grit * (1 - tile), 0.55)
    # Tilts are shaded apart, for a step between two tilted tiles is no slope of either.
    del slope
    sheen = -(tilt @ np.array([0.45, 0.55], np.float32))
    return lit * (1 + 1.1 * sheen * tile)[..., None]


def glass(rng: Rng) -> Floats:
    """A leaded window: a sun over hills and a stream, lilies before it."""
    x, y = grid(SHEET)
    bend = noise(rng, SHEET, 500, 2)
    cx, cy = 0.60, 0.30
    far = np.hypot(x - cx, y - cy)
    angle = (np.arctan2(y - cy, x - cx) / (2 * np.pi) + 0.5) + 0.012 * bend
    rings = np.digitize(far + 0.006 * bend, [0.085, 0.15, 0.215, 0.30, 0.40, 0.52, 0.66, 0.82])
    spokes = np.array([1, 10, 14, 14, 20, 20, 26, 26, 30])[rings]
    offset = np.array([0, 0, 0.5, 0.2, 0.7, 0.35, 0.1, 0.6, 0.3])[rings]
    cut = (rings * 50 + np.floor(angle * spokes + offset) % spokes).astype(np.int32)
    region = np.where(rings == 0, 0, np.where(rings < 3, 1, 2)).astype(np.int32)
    cells = voronoi(scatter(rng, SHEET, 120) * (1, 1), SHEET)
    for number, (level, swing, pitch, phase) in enumerate(
        [(0.56, 0.050, 5, 0.5), (0.66, 0.045, 6, 2.9), (0.77, 0.05, 4.5, 4.4), (0.89, 0.04, 6, 1.0)]
    ):
        below = y > level + swing * np.sin(pitch * x + phase) + 0.008 * bend
        region = np.where(below, 3 + number, region)
        cut = np.where(below, 1000 + cells, cut)
    stream = np.abs(x - 0.52 - 0.16 * np.sin(9 * (y - 0.5))) < 0.02 + 0.13 * (y - 0.5)
    stream &= y > 0.57
    region = np.where(stream, 7, region)
    ripples = np.floor((y + 0.03 * np.sin(14 * x)) * 32).astype(np.int32)
    cut = np.where(stream, 5000 + ripples, cut)

    marks = np.zeros(SHEET, np.uint8)
    names = [""]

    def leaf(tip: tuple[float, float], foot: tuple[float, float], width: float, name: str) -> None:
        """A blade from foot to tip, cut in two along its vein."""
        a, b = np.array(foot), np.array(tip)
        t = np.linspace(0, 1, 40)[:, None]
        across = np.array([a[1] - b[1], b[0] - a[0]])
        spine = a + (b - a) * t + across * 0.18 * np.sin(np.pi * t) * np.sign(b[0] - a[0] + 1e-6)
        side = across / np.linalg.norm(across) * width * np.sin(np.pi * t**0.8) ** 0.9
        for edge in (spine + side, spine - side):
            names.append(name)
            cv2.fillPoly(marks, [np.round(np.concatenate([edge, spine[::-1]]) * SIDE).astype(int)],
                         len(names) - 1)

    for foot, tip, width in [
        ((0.10, 1.02), (0.03, 0.52), 0.028), ((0.16, 1.02), (0.24, 0.60), 0.030),
        ((0.80, 1.02), (0.73, 0.64), 0.028), ((0.88, 1.02), (0.97, 0.58), 0.030),
        ((0.30, 1.02), (0.40, 0.80), 0.024), ((0.62, 1.02), (0.56, 0.82), 0.022),
    ]:  # fmt: skip
        leaf(tip, foot, width, "leaf")
    for bx, by, size in [(0.14, 0.50, 0.17), (0.84, 0.60, 0.16), (0.36, 0.76, 0.12)]:
        for turn in (-1.25, 1.25, -0.72, 0.72, 0.0):
            tip = (bx + size * np.sin(turn), by - size * np.cos(turn))
            leaf(tip, (bx, by + 0.2 * size), size * 0.24, "petal" if abs(turn) > 0.5 else "heart")
        leaf((bx, by - 0.02), (bx + 0.001, by + size * 0.65), size * 0.09, "leaf")
    panes = ["sun", "ray", "sky", "hill0", "hill1", "hill2", "hill3", "water"]
    kinds = {
        "sun": "fff3b0 ffd94a ffc21a", "ray": "ffb31f ff8f12 f4641a ffd24a",
        "sky": "1c6fd0 2f9fe6 6cc8f0 1848a8 7a4fc0 b06ad0 f0a070", "hill0": "3f6fc8 5a55b8 2a8fae",
        "hill1": "159a7a 0f7f8c 3fb65a", "hill2": "5fb52f 2f9a3a a4cc2f 1f8a55",
        "hill3": "0f6f3f 1c8f3a 0f5a55 6fae1f", "water": "1fb4e0 7fe0f0 1484d0 c0f2f6",
        "leaf": "1f9a3a 6fc83a 0f7a40", "petal": "e0246a f0508f b0185f f87fae",
        "heart": "fff0d0 ffc0c8 ff8fa0",
    }  # fmt: skip
    region = np.where(marks > 0, 7 + marks, region).astype(np.int32)
    cut = np.where(marks > 0, 0, cut).astype(np.int32)
    piece, depth = pieces(region, cut)
    first = np.unique(piece, return_index=True)[1]
    kind = [(panes + names[1:])[r] for r in region.ravel()[first]]
    shades = np.stack([rng.choice(colours(kinds[k])) for k in kind])
    shades = shades * rng.normal(1, 0.06, (len(shades), 1))
    pane = per_piece(piece, shades.astype(np.float32))

    # Glass is drawn out in streaks, along a direction of its own in every pane.
    streaks = np.stack([noise(rng, SHEET, 50, 5, stretch) for stretch in (6, 1.5, 0.2)])
    streak = np.take_along_axis(streaks, (piece % 3)[None], 0)[0]
    seeds = smoothstep(2.0, 3.0, noise(rng, SHEET, 9, 1))
    body = 0.62 + 0.50 * smoothstep(8, 60, depth) + 0.10 * np.exp(-far * 3)
    strength = body * (1 + 0.20 * streak)
    pane = np.clip(pane, 0.02, 1) ** (1.6 - 0.6 * np.clip(strength, 0.2, 1.4))[..., None]
    pane = pane * np.clip(strength, 0.35, 1.25)[..., None] + 0.25 * seeds[..., None]

    came = 10.5 + 1.2 * noise(rng, SHEET, 60, 3)
    lead = smoothstep(1, -1, depth - came)
    bulge = np.sqrt(np.clip(1 - (depth / came) ** 2, 0, 1)) * 9
    metal = ramp(0.5 + 0.2 * noise(rng, SHEET, 12, 3), colours("0b0b10 1d1d24 34343c"))
    metal = light(metal, blur(bulge.astype(np.float32), 2), 0.30)
    picture = mix(light(pane, 1.6 * streak + 6 * seeds, 0.12), metal, lead)
    shine = blur(np.maximum(picture - 0.45, 0), 22)
    return picture + 0.35 * shine


def waves(rng: Rng) -> Floats:
    """A colour woodcut: rows of breaking waves with foam claws under a banded sky."""
    x, y = grid(SHEET)
    # The sky is printed in steps, each cut along the same drifting contour.
    drift = noise(rng, SHEET, 260, 3, 3.5)
    level = np.floor((y * 2.2 + 0.16 * drift) * 9).astype(np.int32)
    level -= level.min()
    contour = pieces(level)[1]
    tints = colours("c9b48e e9d3a4 f3e3bd dfc493 efdcb2 d8b27c f5e8c8 b9b7a0 e8cfa0")
    sky = tints[(level * 4) % len(tints)] * (1 - 0.25 * smoothstep(0.25, 0.0, y))[..., None]
    sun = np.hypot(x - 0.70, y - 0.17) < 0.105
    red = colours("c8442e d9603c")[level % 2]
    sky = np.where(sun[..., None], red, sky)
    sky = mix(sky, np.broadcast_to(colours("4a4a58"), sky.shape), 0.8 * smoothstep(3, 1.5, contour))
    sheet = np.ascontiguousarray(np.clip(sky * 255, 0, 255).astype(np.uint8))

    key, deep, blue, pale, ice, foam = colours("10204a 1b3f7f 2f6ba6 7fb2c9 c3dbd6 f4ecd8") * 255

    def hook(foot: Floats, size: float, lean: float, tones: Sequence[Floats], outline: float) -> Floats:
        """Draw one curling wave and return its front edge, foot to tip."""
        t = np.linspace(0, 1, 90)
        heading = np.radians(lean + rng.uniform(225, 290) * t**2.1)
        forward = np.stack([np.cos(heading), np.sin(heading)], 1)
        spine = foot + np.cumsum(forward, 0) * size * 2.1 / len(t)
        side = np.stack([forward[:, 1], -forward[:, 0]], 1)
        half = size * (0.31 * (1 - t) ** 0.85 + 0.55 * np.exp(-7 * t))
        edges = [spine + side * (half * f)[:, None] for f in np.linspace(1, -1, len(tones) + 1)]
        for tone, one, other in zip(tones, edges, edges[1:], strict=False):
            fill(sheet, np.concatenate([one, other[::-1]]), tone)
        for edge in edges[1:-1]:
            line(sheet, edge, key, outline * 0.55)
        line(sheet, np.concatenate([edges[0], edges[-1][::-1]]), key, outline)
        return edges[-1].astype(np.float32)

    def lather(spots: Floats, size: float, outline: float) -> None:
        """Draw foam: lumps that melt into one another, with a curl in each."""
        radii = size * rng.uniform(0.5, 1.15, len(spots))
        turn = np.linspace(0, 2 * np.pi, 24)
        ring = np.stack([np.cos(turn), np.sin(turn)], 1)
        for grow, tone in ((outline, key), (0, foam)):
            for spot, radius in zip(spots, radii, strict=True):
                fill(sheet, spot + ring * (radius + grow), tone)
        for spot, radius in zip(spots, radii, strict=True):
            start = rng.integers(0, 24)
            arc = np.roll(ring, start, 0)[: rng.integers(8, 15)]
            line(sheet, spot + arc * radius * 0.55, blue, outline * 0.6)

    rows = 7
    for row in range(rows):
        near = row / (rows - 1)
        size = SIDE * (0.115 + 0.15 * near)
        top = SIDE * (0.36 + 0.62 * near**1.15)
        outline = 2.2 + 2.4 * near
        spot = rng.uniform(-0.6, 0.2) * size
        while spot < SIDE + size * 0.4:
            own = size * rng.uniform(0.75, 1.25)
            foot = np.array([spot, top + 0.25 * size + rng.uniform(-0.12, 0.1) * size])
            stripes = [deep, blue, deep, pale, blue, ice, blue, pale, ice]
            front = hook(foot, own, rng.uniform(-72, -52), stripes, outline)
            tip = front[38:]
            claws = tip[rng.permutation(len(tip))[:9]]
            for claw in claws:
                hook(claw, own * rng.uniform(0.10, 0.17), rng.uniform(-30, 60), [foam, foam], outline * 0.6)
            lather(tip[::3] + rng.normal(0, 0.02 * own, tip[::3].shape), own * 0.055, outline * 0.7)
            spray = front[60] + rng.normal(0, 1, (16, 2)) * own * (0.34, 0.26) + (own * 0.25, -own * 0.1)
            for drop in spray:
                for grow, tone in ((1.5, key), (0, foam)):
                    line(sheet, drop[None].repeat(2, 0), tone, own * 0.022 * rng.uniform(0.6, 1.4) + grow * 2)
            spot += own * rng.uniform(1.15, 1.75)
        # The water before the hooks hides their feet.
        across = np.linspace(-20, SIDE + 20, 200)
        phase = rng.uniform(0, 6, 2)
        swell = size * (0.13 * np.sin(across / size * 2.3 + phase[0]) + 0.07 * np.sin(across / size * 5 + phase[1]))
        for step, tone in enumerate([foam, ice, blue, pale, deep, blue, deep, pale, blue, deep, blue, ice, deep, blue]):
            flat = top + 0.20 * size + swell * 0.86**step + step * size * (0.055 + 0.012 * (step % 3))
            crest = np.stack([across, flat], 1)
            fill(sheet, np.concatenate([crest, [[SIDE + 20, SIDE + 20], [-20, SIDE + 20]]]), tone)
            line(sheet, crest, key, outline * (1 if step == 0 else 0.55))

    printed = sheet.astype(np.float32) / 255
    wander = [1.8 * noise(rng, SHEET, 40, 2) for _ in range(2)]
    printed = warp(printed, *wander)
    # Wood grain and the fleck that the baren leaves show most where the ink is dark.
    grain = noise(rng, SHEET, 14, 3, 18)
    fleck = smoothstep(0.9, 2.4, noise(rng, SHEET, 7, 2))
    dark = 1 - printed.mean(2)
    printed = printed + (dark * (0.055 * grain + 0.16 * fleck))[..., None]
    paper = 1 + 0.022 * noise(rng, SHEET, 5, 2) + 0.02 * noise(rng, SHEET, 200, 3)
    return printed * paper[..., None] * colours("fff8ea")


def blade(foot: Floats, angle: float, length: float, width: float, bend: float) -> Floats:
    """The outline (n, 2) of a leaf or petal that grows from `foot` at `angle` (radians)."""
    t = np.linspace(0, 1, 24)
    heading = angle + bend * t
    spine = foot + np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1), 0) * length / len(t)
    half = width / 2 * np.sin(np.pi * t**0.75) ** 0.8
    side = np.stack([-np.sin(heading), np.cos(heading)], 1) * half[:, None]
    return np.concatenate([spine + side, (spine - side)[::-1]]).astype(np.float32)


def blob(rng: Rng, centre: Floats, radius: float, rough: float = 0.2) -> Floats:
    """The outline (n, 2) of a round spot with a few lobes."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    reach = 1 + sum(
        rough / k * rng.normal() * np.cos(k * turn + rng.uniform(0, 7)) for k in range(2, 7)
    )
    spot = np.stack([np.cos(turn), np.sin(turn)], 1) * np.maximum(reach, 0.3)[:, None]
    return (centre + radius * spot).astype(np.float32)


def ink(rng: Rng) -> Floats:
    """Black ink on warm paper: bamboo before misty mountains."""
    x, y = grid(SHEET)
    wash = Wash(rng, SHEET)
    black, grey, red = colours("1a1a20 23262e d0452c")
    wash.lay([blob(rng, np.array([0.66, 0.20]) * SIDE, 0.085 * SIDE, 0.03)], red, 0.55, 6, 0.4, 2)
    across = np.linspace(-0.1, 1.1, 300)
    for level, tone in [(0.13, 0.35), (0.28, 0.45), (0.43, 0.55), (0.60, 0.6), (0.78, 0.7)]:
        ridge = level + sum(
            0.10 / k * rng.normal() * np.sin(3 * k * across + rng.uniform(0, 7)) for k in range(1, 12)
        )
        outline = np.stack([across, ridge], 1) * SIDE
        foot = np.array([[1.1 * SIDE, (level + 0.3) * SIDE], [-0.1 * SIDE, (level + 0.3) * SIDE]])

        def fade(px: Floats, py: Floats, ridge: Floats = ridge) -> Floats:
            below = py / SIDE - np.interp(px / SIDE, across, ridge)
            return np.exp(-np.maximum(below, 0) / 0.055).astype(np.float32)

        wash.lay([np.concatenate([outline, foot])], grey, tone, 14, 0.8, 3, fade)
        # Dry strokes down the slopes, heaviest under the ridge.
        dry = np.zeros(SHEET, np.uint8)
        for start in rng.uniform(0, 1, 46):
            height = np.interp(start, across, ridge)
            t = np.linspace(0, 1, 16)
            lean = rng.choice([-1, 1]) * rng.uniform(0.2, 0.9)
            path = np.stack([start + lean * 0.12 * t, height + 0.012 + 0.11 * t * rng.uniform(0.4, 1)], 1)
            path[:, 0] += 0.008 * np.sin(t * 9 + start * 50)
            stroke(dry, rng, path * SIDE, rng.uniform(14, 44), np.array([95.0]), np.array([60.0]), 0.8)
        wash.depth += (warp(dry / np.float32(255), *(3 * n for n in wash.wobble)) * tone * 1.5)[..., None]

    def leaves(count: int, tone: float, length: float, soft: float) -> None:
        """Sprays of bamboo leaves, several from each twig."""
        for _ in range(count):
            twig = rng.uniform(-0.05, 1.05, 2) * SIDE
            base = rng.normal(np.pi / 2, 0.5)
            spray = [
                blade(twig, base + rng.normal(0, 0.55), length * rng.uniform(0.6, 1.2),
                      length * 0.15 * rng.uniform(0.7, 1.2), rng.normal(0, 0.25))
                for _ in range(rng.integers(3, 7))
            ]
            for leaf in spray:
                wash.lay([leaf], black, tone * rng.uniform(0.6, 1.3), 4 + soft, 0.6, soft)

    def stalk(foot: float, lean: float, width: float, tone: float, soft: float) -> None:
        """A bamboo cane: one stroke to each joint, with a dark ring between."""
        at = np.array([foot * SIDE, 1.03 * SIDE])
        while at[1] > -100:
            length = width * rng.uniform(4.0, 6.0)
            top = at + np.array([lean * length, -length])
            side = np.array([width / 2, 0])
            waist = 0.86 * side
            middle = (at + top) / 2
            gap = np.array([0, -0.09 * width])
            outline = np.array([at + side, middle + waist, top - gap + side, top - gap - side,
                                middle - waist, at - side])
            left = at[0] - width / 2

            def round_(px: Floats, py: Floats, left: float = left, at: NDArray[np.float64] = at) -> Floats:
                u = (px - left - (at[1] - py) * lean) / width
                return (0.45 + 1.6 * (u - 0.55) ** 2 * 2).astype(np.float32)

            wash.lay([outline], black, tone, 3, 0.7, soft, round_)
            ring = np.stack([top + side * f + (0, 0.04 * width * (f * f - 1)) for f in np.linspace(-1.15, 1.15, 12)])
            wash.lay([np.concatenate([ring, ring[::-1] + (0, 0.10 * width)])], black, tone * 1.8, 3, 0.3, soft)
            at = top

    leaves(46, 0.16, 230, 9)
    stalk(0.30, 0.03, 44, 0.28, 5)
    stalk(0.86, -0.05, 56, 0.40, 4)
    leaves(46, 0.35, 210, 4)
    stalk(0.12, 0.06, 84, 1.0, 1.6)
    stalk(0.62, 0.10, 50, 0.75, 2)
    leaves(64, 1.15, 190, 1.4)
    leaves(20, 1.9, 230, 1.2)
    for _ in range(150):
        spot = rng.uniform(0, 1, 2) * SIDE
        wash.lay([blob(rng, spot, 1.5 + rng.exponential(4), 0.3)], black, rng.uniform(0.3, 1.5), 3, 0.5, 1.2)
    for _ in range(14):
        spot = rng.uniform(0, 1, 2) * SIDE
        wash.lay([blob(rng, spot, rng.uniform(30, 90), 0.5)], grey, rng.uniform(0.12, 0.4), 22, 1.2, 5)
    fibre = smoothstep(1.6, 2.6, noise(rng, SHEET, 9, 2, 7)) + smoothstep(1.7, 2.6, noise(rng, SHEET, 60, 2, 0.1))
    paper = ramp(0.5 + 0.2 * noise(rng, SHEET, 300, 5), colours("e2cfa6 efe0bd f6ebd0"))
    return wash.finish(paper * (1 - 0.10 * fibre)[..., None])


def dots(rng: Rng) -> Floats:
    """An evening bay in dots of pure colour, each beside its complement."""
    x, y = grid(SHEET)
    horizon = 0.47
    cloud = noise(rng, SHEET, 170, 4, 3)
    mirror = np.where(y < horizon, y, 2 * horizon - y)
    height = np.clip(1 - mirror / horizon + 0.07 * cloud, 0, 1)
    sky = ramp(1 - height, colours("ffe98a ffc25c ff9560 f2708a b864b4 6d62c4 3d63c8 2c4aa8"))
    far = np.hypot((x - 0.63) * 1.1, mirror - 0.40)
    sky = mix(sky, np.broadcast_to(colours("fff7c0"), sky.shape), np.exp(-((far / 0.085) ** 2)))
    sky = mix(sky, np.broadcast_to(colours("ffd9a8"), sky.shape), 0.65 * smoothstep(0.5, 1.6, cloud))
    ripple = noise(rng, SHEET, 26, 3, 7)
    sea = warp(sky, 26 * ripple, 40 * ripple) * colours("a8d4e4") * 0.92
    sea = mix(sea, np.broadcast_to(colours("1d5fa8"), sea.shape), 0.55 * smoothstep(-0.2, 1.2, ripple))
    path = np.exp(-(((x - 0.63) / (0.035 + 0.20 * (y - horizon))) ** 2)) * smoothstep(-0.9, 0.6, ripple)
    sea = mix(sea, np.broadcast_to(colours("ffe07a"), sea.shape), 0.9 * path)
    picture = np.where((y < horizon)[..., None], sky, sea)

    hills = 0.45 - 0.10 * np.exp(-(((x - 0.10) / 0.28) ** 2)) - 0.055 * np.exp(-(((x - 0.92) / 0.2) ** 2))
    rough = noise(rng, SHEET, 50, 3)
    slope = ramp(0.5 + 0.3 * rough, colours("3a3f9a 5c55b4 8a63b8 c8708a"))
    picture = mix(picture, slope, smoothstep(-0.002, 0.002, y - hills) * (y < horizon))

    for sail, size in ((0.42, 0.085), (0.80, 0.055), (0.52, 0.035)):
        u, v = (x - sail) / size, (y - horizon - 0.25 * size) / size
        up = (np.abs(v + 1) < 1) & (u > -0.03) & (u < 0.42 * (v + 2) / 2)
        jib = (np.abs(v + 0.9) < 0.9) & (u < -0.06) & (u > -0.30 * (v + 1.8) / 1.8)
        hull = (v > 0.03) & (v < 0.22 - 0.2 * np.abs(u - 0.05)) & (np.abs(u - 0.05) < 0.5)
        shimmer = (v > 0.25) & (v < 1.9) & (np.abs(u - 0.1 - 0.05 * ripple) < 0.2) & (ripple > -0.2)
        for part, tone in ((up, "fff2d0"), (jib, "ffd2a0"), (hull, "5a1f4a"), (shimmer, "ffe8c0")):
            picture = np.where(part[..., None], colours(tone), picture)

    bank = 0.80 - 0.10 * np.cos(3.0 * x + 0.3) + 0.012 * rough
    meadow = ramp(0.5 + 0.28 * noise(rng, SHEET, 90, 4), colours("0f4a4a 1f7a4a 5aa83a b8cc3a f2c23a"))
    flowers = smoothstep(1.2, 1.7, noise(rng, SHEET, 22, 1))
    petals = ramp(0.5 + 0.3 * noise(rng, SHEET, 70, 1), colours("ff5a5a ff8ac0 ffd23a ffffff"))
    picture = mix(picture, mix(meadow, petals, flowers), smoothstep(-0.004, 0.004, y - bank))
    for trunk, top, wide in ((0.13, 0.07, 0.070), (0.25, 0.24, 0.050), (0.93, 0.30, 0.055)):
        foot = 0.80
        v = np.clip((y - top) / (foot - top), 0, 1)
        reach = wide * np.sin(np.pi * v**0.7) ** 0.7 * (1 + 0.20 * rough) + 0.006
        u = (x - trunk) / reach
        crown = ramp(0.55 + 0.35 * u + 0.18 * rough, colours("141f5a 0f4a5a 1f6a3a 4f9a34 d8b83a"))
        picture = np.where(((np.abs(u) < 1) & (y > top) & (y < foot + 0.02))[..., None], crown, picture)

    oil = Oil(SHEET, colours("efe0c0")[0])
    tooth = 0.5 + 0.5 * smoothstep(0.02, 0.10, np.abs(cv2.Laplacian(blur(picture.mean(2), 6), cv2.CV_32F)) * 60)
    for spacing, size, chance in ((24, 25, None), (17, 17, None), (13, 12, None), (12, 8, tooth)):
        at = scatter(rng, SHEET, spacing)
        if chance is not None:
            at = at[rng.random(len(at)) < pick(chance, at)]
        tone = pick(picture, at)
        grey = tone.mean(1, keepdims=True)
        tone = grey + (tone - grey) * rng.uniform(1.1, 1.7, (len(at), 1))
        # A dot in seven is the complement of what it lies on, at the same lightness.
        other = 2 * grey - tone
        tone = np.where(rng.random((len(at), 1)) < 0.14, other, tone)
        tone = np.clip(tone + rng.normal(0, 0.075, tone.shape), 0, 1) * 255
        for spot, paint in zip(at, tone, strict=True):
            dab = spot + rng.normal(0, 0.12 * size, (2, 2))
            line(oil.canvas, dab, np.append(paint, rng.uniform(60, 230)), size * rng.uniform(0.75, 1.2))
    return oil.finish(1.6, 0.12)


def planes(rng: Rng) -> Floats:
    """Faceted planes in ochre, grey and teal that slide through one another."""
    x, y = grid(SHEET)
    palette = colours(
        "c99a4a b57f35 e0c080 8a5a2c 6b4a2e 8f8f86 c8c4b4 5d6a6c 3f6f70 2a4f55 7fa39a efe2c4 a8603a 23292c"
    )
    picture = np.broadcast_to(palette[5], (*SHEET, 3)).astype(np.float32)
    angle = np.full(SHEET, 0.6, np.float32)
    axes = np.radians([18, 62, 108, 152])
    edges: list[tuple[Floats, float]] = []
    for size in np.geomspace(0.42, 0.05, 260):
        spread = 0.42 - 0.12 * (0.42 - size)
        centre = 0.5 + rng.uniform(-1, 1, 2) * (0.6 if size > 0.2 else spread + 0.1)
        first, second = rng.choice(axes, 2, replace=False) + rng.normal(0, 0.12, 2)
        one = np.array([np.cos(first), np.sin(first)]) * size * rng.uniform(0.5, 1.0)
        two = np.array([np.cos(second), np.sin(second)]) * size * rng.uniform(0.3, 0.8)
        if rng.random() < 0.16:
            turn = np.linspace(first, first + rng.uniform(1.6, 3.6), 30)
            reach = size * rng.uniform(0.35, 0.6)
            rim = centre + reach * np.stack([np.cos(turn), np.sin(turn)], 1)
            outline = np.concatenate([rim, [centre]])
        else:
            corners = [centre - one - two, centre + one - two * rng.uniform(0.2, 1),
                       centre + one + two, centre - one * rng.uniform(0, 1) + two]
            outline = np.array(corners)[: rng.integers(3, 5)]
        outline = (outline * SIDE).astype(np.float32)
        x0, y0 = np.clip(outline.min(0), 0, SIDE).astype(int)
        x1, y1 = np.clip(outline.max(0) + 1, 0, SIDE).astype(int)
        if x1 - x0 < 8 or y1 - y0 < 8:
            continue
        box = np.s_[y0:y1, x0:x1]
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        fill(mask, outline - (x0, y0), [255])
        way = first + np.pi / 2
        slide = x[box] * np.cos(way) + y[box] * np.sin(way)
        slide = (slide - slide.min()) / (np.ptp(slide) + 1e-6)
        alpha = mask / np.float32(255) * (0.06 + 0.90 * (1 - slide) ** 1.3)
        tone = rng.choice(palette) * rng.uniform(0.85, 1.15)
        picture[box] = mix(picture[box], np.broadcast_to(tone, picture[box].shape), alpha)
        angle[box] = np.where(alpha > 0.3, second, angle[box])
        edges.append((outline, size))

    field = np.stack([np.cos(angle), np.sin(angle)], 2)
    mood = 1 + 0.10 * noise(rng, SHEET, 300, 3) + 0.30 * np.exp(-((x - 0.42) ** 2 + (y - 0.4) ** 2) * 5)
    picture = np.clip(picture * mood[..., None] * 1.02, 0, 1)
    oil = Oil(SHEET, palette[5])
    oil.strokes(rng, picture, field, 26, 40, 90, 16)
    oil.strokes(rng, picture, field, 17, 20, 52, 18)
    dark, bright = palette[-1] * 255, palette[11] * 255
    for outline, size in edges:
        start = rng.integers(0, len(outline))
        side = np.roll(outline, start, 0)[: max(2, round(len(outline) * 0.6))]
        t = np.linspace(0, len(side) - 1, 24)
        path = np.stack([np.interp(t, np.arange(len(side)), side[:, c]) for c in range(2)], 1)
        path += rng.normal(0, 0.7, path.shape)
        tone = np.append(bright if rng.random() < 0.22 else dark, 200)
        stroke(oil.canvas, rng, path.astype(np.float32), 5 + 14 * size, tone, np.array([8, 8, 8, 20]), 0.3)
    oil.strokes(rng, picture, field, 24, 12, 46, 18, where=np.full(SHEET, 0.5, np.float32))
    return oil.finish(2.4, 0.10)


def blooms(rng: Rng) -> Floats:
    """Watercolour flowers: wet petals over leaves and running washes."""
    wash = Wash(rng, SHEET)
    wet = colours("7fd0d8 a8dcb0 f6dc8a c9a8e0 8fb4ea f2b0a0 b4d86a")
    for centre in scatter(rng, SHEET, 200):
        wash.lay([blob(rng, centre, rng.uniform(100, 230), 0.4)], rng.choice(wet), rng.uniform(0.4, 0.9), 40, 0.25, 22)
    for centre in scatter(rng, SHEET, 210):
        wash.lay([blob(rng, centre, rng.uniform(40, 120), 0.6)], rng.choice(wet), rng.uniform(0.3, 0.7), 34, 1.3, 2.5)
    greens = colours("2f8a5a 5fa83a 1f6f78 8ab43a 2a5f8a")
    for centre in scatter(rng, SHEET, 118):
        turn = rng.uniform(0, 2 * np.pi)
        for _ in range(rng.integers(1, 4)):
            leaf = blade(centre, turn + rng.normal(0, 0.6), rng.uniform(110, 240), rng.uniform(26, 62), rng.normal(0, 0.4))
            wash.lay([leaf], rng.choice(greens), rng.uniform(0.35, 0.95), 7, 0.8, 1.8)
    families = ["e8315a f0608a c81f5a", "f0643a f58a4a e0402a", "8a4ac8 6a3ab4 b070dc", "f2b01f f5c84a e8901a",
                "d83a9a f07ac0 b02a8a", "3f6ad0 5a8ae8 3048a8"]
    for centre in scatter(rng, SHEET, 255, 0.75):
        family = colours(families[rng.integers(len(families))])
        size = rng.uniform(95, 175)
        petals = int(rng.integers(5, 9))
        turn = rng.uniform(0, 7)

        def heart(px: Floats, py: Floats, centre: Floats = centre, size: float = size) -> Floats:
            far = np.hypot(px - centre[0], py - centre[1]) / size
            return (0.55 + 0.9 * np.exp(-((far / 0.38) ** 2)) + 0.35 * smoothstep(0.7, 1.0, far)).astype(np.float32)

        for petal in rng.permutation(petals):
            angle = turn + petal * 2 * np.pi / petals + rng.normal(0, 0.12)
            length = size * rng.uniform(0.85, 1.15)
            outline = blade(centre, angle, length, length * rng.uniform(0.7, 1.0), rng.normal(0, 0.3))
            wash.lay([outline], rng.choice(family), rng.uniform(0.6, 1.1), 9, 0.75, 1.6, heart)
        wash.lay([blob(rng, centre, size * 0.15, 0.3)], colours("3a1f3f")[0], 1.1, 8, 0.5, 4)
        for spot in centre + rng.normal(0, 0.17, (18, 2)) * size:
            wash.lay([blob(rng, spot, rng.uniform(3, 6), 0.2)], colours("4a1f2a")[0], 1.2, 2, 0.4, 1)
    for _ in range(160):
        spot = rng.uniform(0, SIDE, 2)
        tone = colours(families[rng.integers(len(families))])[0]
        wash.lay([blob(rng, spot, 2 + rng.exponential(5), 0.2)], tone, rng.uniform(0.4, 1.0), 3, 0.8, 1.2)
    paper = ramp(0.5 + 0.2 * noise(rng, SHEET, 200, 3), colours("fbf6ea fffdf6"))
    return wash.finish(paper)
