"""Paint the example pictures: eight styles, one content picture and one clip, all our own.

Every picture comes from arithmetic and a fixed seed, so that they can be given away freely and
made again at will. Each painter draws on a sheet of twice the final side, which is then averaged
down: that is what keeps the edges smooth, and still where they move. The clip's sound is made in
the same way.

    python examples/make_examples.py [--only NAME] [-o DIR]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray
from PIL import Image

# The names say what an array holds; numpy's stubs lose track of it in most arithmetic.
Floats = NDArray[Any]
Bytes = NDArray[Any]
Labels = NDArray[Any]
Rng = np.random.Generator
Shape = tuple[int, int]

SIDE = 1408  # of the sheet that a style is painted on, in pixels
SHEET: Shape = (SIDE, SIDE)
OVERSAMPLING = 2
SEED = 1
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
    """Blend a picture (H, W, 3) with another, or with one colour (1, 3), by the map `t` (H, W)."""
    out: Floats = a + (b - a) * t[..., None]
    return out


def as_bytes(picture: Floats) -> Bytes:
    """A picture in [0, 1] as bytes that can be drawn on."""
    out: Bytes = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    return out


def toward(angle: Floats) -> Floats:
    """Unit vectors (..., 2) at `angle` (...), in radians; y points down."""
    return np.stack([np.cos(angle), np.sin(angle)], -1)


def grid(shape: Shape) -> tuple[Floats, Floats]:
    """Maps of x and y, both counted in sheet heights."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32) / shape[0]
    return x, y


def noise(rng: Rng, shape: Shape, cell: float, octaves: int = 4, stretch: float = 1) -> Floats:
    """Fractal noise (H, W) of mean 0 and deviation 1, its largest lumps `cell` pixels high.

    `stretch` makes the lumps that many times as wide as they are high.
    """
    h, w = shape
    out: Floats = np.zeros(shape, np.float32)
    for octave in range(octaves):
        size = cell / 2**octave
        rows, columns = int(h / size) + 4, int(w / (size * stretch)) + 4
        coarse = rng.standard_normal((rows, columns), np.float32)
        # An affine map, because resizing would tie the lumps to the sheet's edges.
        to_sheet = np.array([[size * stretch, 0, -size], [0, size, -size]], np.float32)
        out += 0.5**octave * cv2.warpAffine(coarse, to_sheet, (w, h), flags=cv2.INTER_CUBIC)
    out -= out.mean()
    out /= out.std()
    return out


def scatter(rng: Rng, shape: Shape, spacing: float, jitter: float = 0.9) -> Floats:
    """Points (n, 2) as x, y that cover the sheet evenly yet irregularly, in random order."""
    h, w = shape
    y, x = np.mgrid[-spacing / 2 : h + spacing : spacing, -spacing / 2 : w + spacing : spacing]
    points = np.stack([x.ravel(), y.ravel()], 1)
    points += rng.uniform(-jitter / 2, jitter / 2, points.shape) * spacing
    return rng.permutation(points).astype(np.float32)


def pick(field: NDArray[Any], points: Floats) -> NDArray[Any]:
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


def fixed(points: Floats) -> NDArray[Any]:
    """Points in OpenCV's fixed-point coordinates."""
    out: NDArray[Any] = np.round(points * 2**SUBPIXEL_BITS).astype(np.int32)
    return out


def fill(canvas: Bytes, outline: Floats, colour: Sequence[float] | Floats) -> None:
    """Fill a polygon (n, 2) on a canvas of bytes, with smooth edges."""
    tone = [float(c) for c in colour]
    cv2.fillPoly(canvas, [fixed(outline)], tone, cv2.LINE_AA, SUBPIXEL_BITS)


def stencil(
    outlines: Iterable[Floats], shape: Shape, margin: float = 1
) -> tuple[tuple[slice, slice], Floats]:
    """Cut polygons (n, 2) out of one stencil.

    Returns the part of the sheet that it lies on, `margin` pixels wider than the polygons, and
    how much of each pixel there they cover (h, w); both are empty for polygons off the sheet.
    """
    outlines = list(outlines)
    corners = np.concatenate(outlines)
    limit = (shape[1], shape[0])
    x0, y0 = np.clip(corners.min(0) - margin, 0, limit).astype(int)
    x1, y1 = np.clip(corners.max(0) + margin, 0, limit).astype(int)
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    for outline in outlines if mask.size else ():
        fill(mask, outline - (x0, y0), [255])
    return np.s_[y0:y1, x0:x1], mask / np.float32(255)


def line(canvas: Bytes, path: Floats, colour: Sequence[float] | Floats, width: float) -> None:
    """Draw a line (n, 2) on a canvas of bytes, with smooth edges."""
    tone, thick = [float(c) for c in colour], max(1, round(width))
    cv2.polylines(canvas, [fixed(path)], False, tone, thick, cv2.LINE_AA, SUBPIXEL_BITS)


def light(image: Floats, height: Floats, gloss: float = 0.2) -> Floats:
    """Shade a picture by its height map (in pixels) under a lamp at the upper left."""
    lamp = np.array([-0.45, -0.55, 0.70], np.float32)
    half = lamp + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    gx, gy = (cv2.Sobel(height, cv2.CV_32F, *d, scale=1 / 8) for d in ((1, 0), (0, 1)))
    length = np.sqrt(gx * gx + gy * gy + 1)
    diffuse = (lamp[2] - lamp[0] * gx - lamp[1] * gy) / length / lamp[2]
    shine = np.maximum((half[2] - half[0] * gx - half[1] * gy) / length, 0) ** 60
    shine -= half[2] ** 60
    lit: Floats = (
        image * np.clip(diffuse, 0.45, 1.45)[..., None] + gloss * np.maximum(shine, 0)[..., None]
    )
    return lit


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
        return light(paint[..., :3], blur(paint[..., 3], 1.5) * relief * 4, gloss)


def voronoi(points: Floats, shape: Shape) -> Labels:
    """For every pixel the number of the nearest point."""
    seeds = np.full(shape, 255, np.uint8)
    inside = np.all((points >= 0) & (points < (shape[1], shape[0])), 1)
    x, y = points[inside].astype(np.intp).T
    seeds[y, x] = 0
    return cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]


def shards(rng: Rng, areas: Labels, spacing: float) -> Labels:
    """Break every area into shards of about `spacing` pixels that end where the area ends."""
    out = np.zeros(areas.shape, np.int32)
    centres = scatter(rng, areas.shape, spacing)
    room = pieces(areas)[1]
    # A shard that begins at the rim of its area would be a sliver.
    centres = centres[pick(room, centres) > 0.22 * spacing]
    home = pick(areas, centres)
    for area in np.unique(areas):
        inside = areas == area
        x, y, w, h = cv2.boundingRect(inside.view(np.uint8))
        box = np.s_[y : y + h, x : x + w]
        own = centres[home == area] - (x, y)
        if len(own):
            out[box][inside[box]] = voronoi(own, (h, w))[inside[box]]
    return out


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
        lift: float = 0,
    ) -> None:
        """Lay the filled `outlines` as one wash.

        Args:
            pigment: the colour of a wash of strength 1 on white paper.
            bleed: how far its edge wanders, in pixels.
            rim: how much pigment dries up at the edge, against the middle.
            soft: how wide that edge is, in pixels; large on wet paper.
            flow: from maps of x and y in pixels, how much pigment has run there.
            lift: the share of the earlier pigment that a damp brush took up beforehand.
        """
        h, w = self.tooth.shape
        box, mask = stencil(outlines, (h, w), bleed * 3 + soft * 4 + 4)
        if not mask.size:
            return
        rows, columns = np.mgrid[box].astype(np.float32)
        # Every wash reads the noise elsewhere, so that no two edges wander alike.
        shift = self.rng.integers(0, (h, w))
        there = np.ix_(
            mirrored(np.arange(box[0].start, box[0].stop) + shift[0], h),
            mirrored(np.arange(box[1].start, box[1].stop) + shift[1], w),
        )
        shape = warp(mask, *(bleed * n[there] for n in self.wobble))
        inside = blur(shape, soft)
        edge = cv2.distanceTransform((shape > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
        pigments = 0.75 + 0.25 * self.pool[there] + rim * np.exp(-edge / (2 + soft))
        pigments += 0.10 * self.tooth[box]
        amount = strength * inside * np.maximum(pigments, 0.08)
        if flow is not None:
            amount = amount * flow(columns, rows)
        self.depth[box] *= 1 - lift * inside[..., None]
        self.depth[box] += amount[..., None] * -np.log(np.maximum(pigment, 0.02))

    def finish(self, paper: Floats) -> Floats:
        """The dry sheet: light that passes the pigment, is thrown back by the paper, passes."""
        fibres = 1 + 0.012 * self.tooth[..., None]
        return light(paper * np.exp(-self.depth) * fibres, self.tooth * 0.09, 0)


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
    stream = 0.30 * y + 0.024 * wander + 0.02 * np.sin(7 * x + 2 * y)
    glow, rings = np.zeros(SHEET, np.float32), np.zeros(SHEET, np.float32)
    for cx, cy, size, turn in lights:
        apart = np.hypot(x - cx, y - cy) / size
        # What streams past is stilled there, so that the whirl has the light at its centre.
        still = stream[int(cy * SIDE), int(cx * SIDE)] - stream
        stream += np.exp(-((apart / 1.5) ** 2)) * (still + turn * 0.75 * size)
        halo = np.exp(-(apart**2) * 1.3)
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
    gold = colours("fff6c8 ffdf6a fbb829 f08f14 fbc02d f2d24a b8c87a 5aa8b8 1c57b8")
    sky = ramp(0.08 + 0.72 * bands + 0.07 * noise(rng, SHEET, 300, 3), night)
    sky = mix(sky, ramp(rings / 1.7 + 0.16 * (bands - 0.5), gold), smoothstep(0.03, 0.30, glow))
    rows = 0.5 + 0.5 * np.sin(fields * 170 + 2 * wander)
    ground = ramp(rows * 0.8 + 0.1 * wander, colours("04101f 0a2a3a 11503f 2f6f3d 8a8a2c d0a02c"))
    picture = mix(sky, ground, land)

    oil = Oil(SHEET, colours("0a1742")[0])
    oil.strokes(rng, picture, field, 30, 44, 190, 18)
    oil.strokes(rng, picture, field, 24, 26, 130, 18)
    oil.strokes(rng, picture, field, 23, 17, 80, 22, where=0.35 + 0.65 * glow)
    return oil.finish(2.4, 0.2)


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
    bands = np.floor((y + bend + 0.05 * np.sin(7 * x)) * 9).astype(np.int32)
    region = bands % 6
    motif = bands + 20
    for number, (cx, cy, size, petals) in enumerate(
        [
            (0.30, 0.34, 0.27, 11),
            (0.78, 0.70, 0.24, 9),
            (0.80, 0.14, 0.15, 8),
            (0.16, 0.84, 0.19, 7),
        ]
    ):
        angle = np.arctan2(y - cy, x - cx) + 4 * bend
        flower = 1 + 0.14 * np.cos(petals * angle) - 0.05 * np.cos(2 * petals * angle)
        ring = np.hypot(x - cx, y - cy) / size / flower
        ring_number = np.digitize(ring, [0.20, 0.42, 0.66, 0.84, 1.0]).astype(np.int32)
        inside = ring < 1
        order = (
            np.array([7, 6, 10, 8, 9, 0], np.int32)
            if number % 2
            else np.array([6, 7, 8, 1, 6, 0], np.int32)
        )
        region = np.where(inside, order[ring_number], region)
        sector = np.floor((angle / (2 * np.pi) + 0.5) * petals).astype(np.int32)
        petal = ring_number * petals + np.where(ring_number == 3, sector, 0)
        motif = np.where(inside, 100 * (number + 1) + petal, motif)
    motif = motif.astype(np.int32)
    piece, depth = pieces(shards(rng, motif, 50), motif)
    count = int(piece.max()) + 1

    # A piece takes one glaze of its region, at its own strength, and lies at its own tilt.
    first = np.unique(piece, return_index=True)[1]
    home = region.ravel()[first]
    shades = np.stack([colours(g) for g in glazes])[home, rng.integers(0, 4, count)]
    shades = shades * rng.normal(1, 0.07, (count, 1)) + rng.normal(0, 0.02, (count, 3))
    glaze = (shades.astype(np.float32))[piece]
    tilt = (rng.normal(0, 0.10, (count, 2)).astype(np.float32))[piece]
    mottle = noise(rng, SHEET, 60, 5)
    speck = noise(rng, SHEET, 7, 2)
    glaze = glaze * (1 + 0.07 * mottle + 0.03 * speck)[..., None]
    crazing = pieces(voronoi(scatter(rng, SHEET, 26), SHEET))[1]
    crazed = ((rng.random(count) < 0.45).astype(np.float32))[piece]
    glaze *= 1 - 0.22 * (crazed * smoothstep(2.2, 0.6, crazing))[..., None]
    # The glaze runs thin, and so darker, at the rim.
    glaze *= (0.70 + 0.30 * smoothstep(4, 15, depth))[..., None]

    gap = 3.6 + 0.7 * noise(rng, SHEET, 40, 3)
    tile = smoothstep(-1, 1, depth - gap)
    grit = noise(rng, SHEET, 6, 3)
    grout = ramp(0.5 + 0.22 * grit, colours("5a4f45 8c8073 b5a997"))
    shadow = blur(tile, 5)
    picture = mix(grout * (1.05 - 0.5 * shadow)[..., None], glaze, tile)
    rim = 6 * (1 - np.exp(-np.maximum(depth - gap, 0) / 4))
    lit = light(picture, blur(rim, 1.5) + 0.9 * mottle + 0.35 * grit * (1 - tile), 0.6)
    # Tilts are shaded apart, for a step between two tilted tiles is no slope of either.
    sheen = -(tilt @ np.array([0.45, 0.55], np.float32))
    lit *= (1 + 1.1 * sheen * tile)[..., None]
    return lit


def glass(rng: Rng) -> Floats:
    """A leaded window: a sun over hills and a stream, lilies before it."""
    x, y = grid(SHEET)
    bend = noise(rng, SHEET, 500, 2)
    cx, cy = 0.60, 0.30
    far = np.hypot(x - cx, y - cy)
    angle = (np.arctan2(y - cy, x - cx) / (2 * np.pi) + 0.5) + 0.012 * bend
    rings = np.digitize(far + 0.006 * bend, [0.085, 0.15, 0.215, 0.30, 0.40, 0.52, 0.66, 0.82])
    spokes = np.array([7, 10, 14, 14, 20, 20, 26, 26, 30])[rings]
    offset = np.array([0, 0, 0.5, 0.2, 0.7, 0.35, 0.1, 0.6, 0.3])[rings]
    rings = np.where(far < 0.036, 9, rings)
    cut = (rings * 50 + np.floor(angle * spokes + offset) % spokes).astype(np.int32)
    region = np.where(rings % 9 == 0, 0, np.where(rings < 3, 1, 2)).astype(np.int32)
    cells = voronoi(scatter(rng, SHEET, 128, 0.7), SHEET)
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
            cv2.fillPoly(
                marks,
                [np.round(np.concatenate([edge, spine[::-1]]) * SIDE).astype(int)],
                len(names) - 1,
            )

    for foot, tip, width in [
        ((0.10, 1.02), (0.03, 0.52), 0.040), ((0.16, 1.02), (0.24, 0.60), 0.040),
        ((0.80, 1.02), (0.73, 0.64), 0.040), ((0.88, 1.02), (0.97, 0.58), 0.040),
        ((0.30, 1.02), (0.40, 0.80), 0.032), ((0.62, 1.02), (0.56, 0.82), 0.030),
    ]:  # fmt: skip
        leaf(tip, foot, width, "leaf")
    for bx, by, size in [(0.14, 0.50, 0.17), (0.84, 0.60, 0.16), (0.36, 0.76, 0.12)]:
        for turn in (-1.25, 1.25, -0.72, 0.72, 0.0):
            tip = (bx + size * np.sin(turn), by - size * np.cos(turn))
            leaf(tip, (bx, by + 0.2 * size), size * 0.27, "petal" if abs(turn) > 0.5 else "heart")
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
    pane = (shades.astype(np.float32))[piece]

    # Glass is drawn out in streaks, along a direction of its own in every pane.
    streaks = np.stack([noise(rng, SHEET, 50, 5, stretch) for stretch in (6, 1.5, 0.25)])
    streak = np.take_along_axis(streaks, (piece % 3)[None], 0)[0]
    seeds = smoothstep(2.0, 3.0, noise(rng, SHEET, 9, 1))
    body = 0.62 + 0.50 * smoothstep(8, 60, depth) + 0.10 * np.exp(-far * 3)
    strength = body * (1 + 0.20 * streak)
    pane = np.clip(pane, 0.02, 1) ** (1.6 - 0.6 * np.clip(strength, 0.2, 1.4))[..., None]
    pane = pane * np.clip(strength, 0.35, 1.25)[..., None] + 0.25 * seeds[..., None]

    came = 7.0 + 0.8 * noise(rng, SHEET, 60, 3)
    lead = smoothstep(1, -1, depth - came)
    bulge = np.sqrt(np.clip(1 - (depth / came) ** 2, 0, 1)) * 6
    metal = ramp(0.5 + 0.2 * noise(rng, SHEET, 12, 3), colours("0b0b10 1d1d24 34343c"))
    metal = light(metal, blur(bulge.astype(np.float32), 2), 0.30)
    picture = mix(light(pane, 0.9 * streak + 6 * seeds, 0.12), metal, lead)
    shine = blur(np.maximum(picture - 0.45, 0), 22)
    return picture + 0.35 * shine


def waves(rng: Rng) -> Floats:
    """A colour woodcut: rows of breaking waves with foam claws under a banded sky."""
    x, y = grid(SHEET)
    # The sky is printed in steps, each cut along the same drifting contour.
    drift = noise(rng, SHEET, 210, 3, 3)
    level = np.floor((y * 2.4 + 0.12 * drift) * 19).astype(np.int32)
    level -= level.min()
    contour = pieces(level)[1]
    tints = colours("c9b48e e9d3a4 f3e3bd dfc493 efdcb2 d8b27c f5e8c8 b9b7a0 e8cfa0")
    sky = tints[(level * 4) % len(tints)] * (1 - 0.25 * smoothstep(0.25, 0.0, y))[..., None]
    sun = np.hypot(x - 0.70, y - 0.17) < 0.105
    red = colours("c8442e d9603c")[level % 2]
    sky = np.where(sun[..., None], red, sky)
    sky = mix(sky, colours("4a4a58"), 0.8 * smoothstep(3, 1.5, contour))
    sheet = as_bytes(sky)

    key, deep, blue, pale, ice, foam = colours("10204a 1b3f7f 2f6ba6 7fb2c9 c3dbd6 f4ecd8") * 255

    def hook(
        foot: Floats, size: float, lean: float, tones: Sequence[Floats], outline: float
    ) -> Floats:
        """Draw one curling wave and return its front edge, foot to tip."""
        t = np.linspace(0, 1, 90)
        heading = np.radians(lean + rng.uniform(225, 290) * t**2.1)
        forward = toward(heading)
        spine = foot + (-0.2 * size, 0.55 * size) + np.cumsum(forward, 0) * size * 2.6 / len(t)
        side = np.stack([forward[:, 1], -forward[:, 0]], 1)
        body, flare = size * 0.32 * (1 - t) ** 0.85, size * np.exp(-7 * t)
        # The back runs out into the sea, the hollow front stands steep.
        back, hollow = body + 0.6 * flare, -body - 0.12 * flare
        edges: list[Floats] = [
            spine + side * (back + (hollow - back) * f)[:, None]
            for f in np.linspace(0, 1, len(tones) + 1)
        ]
        for tone, one, other in zip(tones, edges, edges[1:], strict=False):
            fill(sheet, np.concatenate([one, other[::-1]]), tone)
        for edge in edges[1:-1]:
            line(sheet, edge, key, outline * 0.55)
        line(sheet, np.concatenate([edges[0], edges[-1][::-1]]), key, outline)
        return edges[-1]

    def lather(spots: Floats, size: float, outline: float) -> None:
        """Draw foam: lumps that melt into one another, with a curl in each."""
        radii = size * rng.uniform(0.5, 1.15, len(spots))
        turn = np.linspace(0, 2 * np.pi, 24)
        ring = toward(turn)
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
            foot = np.array([spot, top + rng.uniform(-0.22, 0.05) * size])
            stripes = [deep, blue, deep, pale, blue, ice, blue, pale, ice]
            front = hook(foot, own, rng.uniform(-72, -52), stripes, outline)
            tip = front[30:]
            claws = tip[rng.permutation(len(tip))[:9]]
            for claw in claws:
                hook(
                    claw,
                    own * rng.uniform(0.10, 0.17),
                    rng.uniform(-30, 60),
                    [foam, foam],
                    outline * 0.6,
                )
            lather(tip[::2] + rng.normal(0, 0.03 * own, tip[::2].shape), own * 0.065, outline * 0.7)
            spray = (
                front[60]
                + rng.normal(0, 1, (16, 2)) * own * (0.34, 0.26)
                + (own * 0.25, -own * 0.15)
            )
            for drop in spray:
                for grow, tone in ((1.5, key), (0, foam)):
                    line(
                        sheet,
                        drop[None].repeat(2, 0),
                        tone,
                        own * 0.022 * rng.uniform(0.6, 1.4) + grow * 2,
                    )
            spot += own * rng.uniform(1.15, 1.75)
        # The water before the hooks hides their feet.
        across = np.linspace(-20, SIDE + 20, 200)
        phase = rng.uniform(0, 6, 2)
        swell = size * (
            0.13 * np.sin(across / size * 2.3 + phase[0])
            + 0.07 * np.sin(across / size * 5 + phase[1])
        )
        for step, tone in enumerate(
            [foam, ice, blue, pale, deep, blue, deep, pale, blue, deep, blue, ice, deep, blue]
        ):
            flat = (
                top + 0.20 * size + swell * 0.86**step + step * size * (0.055 + 0.012 * (step % 3))
            )
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
    pressed: Floats = printed * paper[..., None] * colours("fff8ea")
    return pressed


def blade(foot: Floats, angle: float, length: float, width: float, bend: float) -> Floats:
    """The outline (n, 2) of a leaf or petal that grows from `foot` at `angle` (radians)."""
    t = np.linspace(0, 1, 24)
    heading = angle + bend * t
    spine = foot + np.cumsum(toward(heading), 0) * length / len(t)
    half = width / 2 * np.sin(np.pi * t**0.75) ** 0.8
    side = np.stack([-np.sin(heading), np.cos(heading)], 1) * half[:, None]
    return np.concatenate([spine + side, (spine - side)[::-1]]).astype(np.float32)


def blob(rng: Rng, centre: Floats, radius: float, rough: float = 0.2) -> Floats:
    """The outline (n, 2) of a round spot with a few lobes."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    reach = 1 + sum(
        rough / k * rng.normal() * np.cos(k * turn + rng.uniform(0, 7)) for k in range(2, 7)
    )
    spot = toward(turn) * np.maximum(reach, 0.3)[:, None]
    return (centre + radius * spot).astype(np.float32)


def ink(rng: Rng) -> Floats:
    """Black ink on warm paper: bamboo before misty mountains."""
    wash = Wash(rng, SHEET)
    black, grey, red = colours("1a1a20 23262e d0452c")
    wash.lay([blob(rng, np.array([0.66, 0.20]) * SIDE, 0.085 * SIDE, 0.03)], red, 0.55, 6, 0.4, 2)
    across = np.linspace(-0.1, 1.1, 300)
    for level, tone in [(0.13, 0.25), (0.28, 0.32), (0.43, 0.4), (0.60, 0.45), (0.78, 0.5)]:
        ridge = np.full_like(across, level)
        for k in range(1, 12):
            ridge += 0.10 / k * rng.normal() * np.sin(3 * k * across + rng.uniform(0, 7))
        outline = np.stack([across, ridge], 1) * SIDE
        foot = np.array([[1.1 * SIDE, (level + 0.3) * SIDE], [-0.1 * SIDE, (level + 0.3) * SIDE]])

        def fade(px: Floats, py: Floats, ridge: Floats = ridge) -> Floats:
            below = py / SIDE - np.interp(px / SIDE, across, ridge)
            left: Floats = np.exp(-np.maximum(below, 0) / 0.055)
            return left

        wash.lay([np.concatenate([outline, foot])], grey, tone, 14, 0.8, 3, fade)
        # Dry strokes down the slopes, heaviest under the ridge.
        dry = np.zeros(SHEET, np.uint8)
        for start in rng.uniform(0, 1, 46):
            height = np.interp(start, across, ridge)
            t = np.linspace(0, 1, 16)
            lean = rng.choice([-1, 1]) * rng.uniform(0.2, 0.9)
            path = np.stack(
                [start + lean * 0.12 * t, height + 0.012 + 0.11 * t * rng.uniform(0.4, 1)], 1
            )
            path[:, 0] += 0.008 * np.sin(t * 9 + start * 50)
            stroke(
                dry, rng, path * SIDE, rng.uniform(20, 60), np.array([70.0]), np.array([28.0]), 0.5
            )
        # A dry brush reaches only what stands up in the paper.
        caught = blur(dry / np.float32(255), 1.5) * smoothstep(-0.6, 1.0, wash.tooth + wash.pool)
        wash.depth += (warp(caught, *(6 * n for n in wash.wobble)) * tone * 2)[..., None]

    def leaves(count: int, tone: float, length: float, soft: float) -> None:
        """Sprays of bamboo leaves, several from each twig."""
        for _ in range(count):
            joint = rng.uniform(-0.05, 1.05, 2) * SIDE
            hang = rng.normal(np.pi / 2, 0.45)
            twig = blade(joint, hang + rng.normal(0, 0.5), length, 7, rng.normal(0, 0.5))
            wash.lay([twig], black, tone, 3, 0.3, soft)
            for place in rng.integers(0, 20, rng.integers(3, 7)):
                foot = twig[place]
                long = length * rng.uniform(0.6, 1.2)

                def thin(px: Floats, py: Floats, foot: Floats = foot, long: float = long) -> Floats:
                    away = np.hypot(px - foot[0], py - foot[1]) / long
                    left: Floats = 1.15 - 0.75 * np.clip(away, 0, 1)
                    return left

                leaf = blade(
                    foot,
                    hang + rng.normal(0, 0.6),
                    long,
                    long * rng.uniform(0.09, 0.15),
                    rng.normal(0, 0.3),
                )
                wash.lay([leaf], black, tone * rng.uniform(0.5, 1.3), 4 + soft, 0.6, soft, thin)

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
            outline = np.array(
                [
                    at + side,
                    middle + waist,
                    top - gap + side,
                    top - gap - side,
                    middle - waist,
                    at - side,
                ]
            )
            left = at[0] - width / 2

            def tube(
                px: Floats, py: Floats, left: float = left, at: NDArray[np.float64] = at
            ) -> Floats:
                u = (px - left - (at[1] - py) * lean) / width
                shade: Floats = 0.45 + 3.2 * (u - 0.55) ** 2
                return shade

            wash.lay([outline], black, tone, 3, 0.7, soft, tube)
            ring = np.stack(
                [
                    top + side * f + (0, 0.04 * width * (f * f - 1))
                    for f in np.linspace(-1.15, 1.15, 12)
                ]
            )
            wash.lay(
                [np.concatenate([ring, ring[::-1] + np.array([0, 0.10 * width])])],
                black,
                tone * 1.8,
                3,
                0.3,
                soft,
            )
            at = top

    leaves(40, 0.12, 230, 7)
    stalk(0.30, 0.03, 44, 0.28, 5)
    stalk(0.86, -0.05, 56, 0.40, 4)
    leaves(34, 0.24, 210, 3)
    stalk(0.12, 0.06, 88, 0.7, 1.6)
    stalk(0.62, 0.10, 54, 0.55, 2)
    leaves(36, 0.5, 190, 1.3)
    leaves(34, 1.05, 230, 1.2)
    for _ in range(150):
        spot = rng.uniform(0, 1, 2) * SIDE
        wash.lay(
            [blob(rng, spot, 1.5 + rng.exponential(4), 0.3)],
            black,
            rng.uniform(0.3, 1.5),
            3,
            0.5,
            1.2,
        )
    for _ in range(14):
        spot = rng.uniform(0, 1, 2) * SIDE
        wash.lay(
            [blob(rng, spot, rng.uniform(30, 90), 0.5)], grey, rng.uniform(0.12, 0.4), 22, 1.2, 5
        )
    fibre = smoothstep(1.6, 2.6, noise(rng, SHEET, 9, 2, 7)) + smoothstep(
        1.7, 2.6, noise(rng, SHEET, 60, 2, 0.1)
    )
    paper = ramp(0.5 + 0.2 * noise(rng, SHEET, 300, 5), colours("eadab2 f5e8cc fcf4e0"))
    return wash.finish(paper * (1 - 0.10 * fibre)[..., None])


def dots(rng: Rng) -> Floats:
    """An evening bay in dots of pure colour, each beside its complement."""
    x, y = grid(SHEET)
    horizon = 0.47
    cloud = noise(rng, SHEET, 170, 4, 3)
    mirror = np.where(y < horizon, y, 2 * horizon - y)
    height = np.clip(1 - mirror / horizon + 0.07 * cloud, 0, 1)
    sky = ramp(height, colours("ffe98a ffc25c ff9560 f2708a b864b4 6d62c4 3d63c8 2c4aa8"))
    far = np.hypot((x - 0.63) * 1.1, mirror - 0.40)
    sky = mix(sky, colours("fff7c0"), np.exp(-((far / 0.085) ** 2)))
    sky = mix(sky, colours("ffcf9a"), 0.8 * smoothstep(0.3, 1.5, cloud))
    ripple = noise(rng, SHEET, 26, 3, 7)
    sea = warp(sky, 26 * ripple, 40 * ripple) * colours("9ccfe8")
    sea = mix(
        sea,
        colours("1668b8"),
        0.45 + 0.45 * smoothstep(-0.6, 0.9, ripple),
    )
    path = np.exp(-(((x - 0.63) / (0.035 + 0.20 * (y - horizon))) ** 2)) * smoothstep(
        -0.9, 0.6, ripple
    )
    sea = mix(sea, colours("ffe07a"), 0.9 * path)
    picture = np.where((y < horizon)[..., None], sky, sea)

    hills = (
        0.45
        - 0.10 * np.exp(-(((x - 0.10) / 0.28) ** 2))
        - 0.055 * np.exp(-(((x - 0.92) / 0.2) ** 2))
    )
    rough = noise(rng, SHEET, 50, 3)
    slope = ramp(0.5 + 0.3 * rough, colours("3a3f9a 5c55b4 8a63b8 c8708a"))
    picture = mix(picture, slope, smoothstep(-0.002, 0.002, y - hills) * (y < horizon))

    for sail, size in ((0.42, 0.085), (0.80, 0.055), (0.52, 0.035)):
        u, v = (x - sail) / size, (y - horizon - 0.25 * size) / size
        up = (np.abs(v + 1) < 1) & (u > -0.03) & (u < 0.42 * (v + 2) / 2)
        jib = (np.abs(v + 0.9) < 0.9) & (u < -0.06) & (u > -0.30 * (v + 1.8) / 1.8)
        hull = (v > 0.03) & (v < 0.22 - 0.2 * np.abs(u - 0.05)) & (np.abs(u - 0.05) < 0.5)
        shimmer = (v > 0.25) & (v < 1.9) & (np.abs(u - 0.1 - 0.05 * ripple) < 0.2) & (ripple > -0.2)
        for part, dye in ((up, "fff2d0"), (jib, "ffd2a0"), (hull, "5a1f4a"), (shimmer, "ffe8c0")):
            picture = np.where(part[..., None], colours(dye), picture)

    bank = 0.80 - 0.10 * np.cos(3.0 * x + 0.3) + 0.012 * rough
    meadow = ramp(
        0.5 + 0.28 * noise(rng, SHEET, 90, 4), colours("0f4a4a 1f7a4a 5aa83a b8cc3a f2c23a")
    )
    flowers = smoothstep(1.2, 1.7, noise(rng, SHEET, 22, 1))
    petals = ramp(0.5 + 0.3 * noise(rng, SHEET, 70, 1), colours("ff5a5a ff8ac0 ffd23a ffffff"))
    picture = mix(picture, mix(meadow, petals, flowers), smoothstep(-0.004, 0.004, y - bank))
    for trunk, top, wide in ((0.12, 0.06, 0.058), (0.22, 0.23, 0.040), (0.93, 0.28, 0.045)):
        foot = 0.80
        v = np.clip((y - top) / (foot - top), 0, 1)
        reach = wide * np.sqrt(np.sin(np.pi * 0.99 * v**0.7)) * (1 + 0.20 * rough) + 0.006
        u = (x - trunk) / reach
        crown = ramp(0.55 + 0.35 * u + 0.18 * rough, colours("1a1f6a 103f6a 14604a 2f8a3a a8b83a"))
        picture = np.where(
            ((np.abs(u) < 1) & (y > top) & (y < foot + 0.02))[..., None], crown, picture
        )

    oil = Oil(SHEET, colours("efe0c0")[0])
    tooth = 0.35 + 0.5 * smoothstep(
        0.02, 0.10, np.abs(cv2.Laplacian(blur(picture.mean(2), 6), cv2.CV_32F)) * 60
    )
    for spacing, size, chance in ((30, 36, None), (23, 27, None), (22, 22, None), (18, 14, tooth)):
        at = scatter(rng, SHEET, spacing)
        if chance is not None:
            at = at[rng.random(len(at)) < pick(chance, at)]
        tone = pick(picture, at)
        grey = tone.mean(1, keepdims=True)
        tone = grey + (tone - grey) * rng.uniform(1.1, 1.5, (len(at), 1))
        # A dot in ten is the complement of what it lies on, at the same lightness.
        other = 2 * grey - tone
        tone = np.where(rng.random((len(at), 1)) < 0.10, other + 0.06, tone)
        tone = np.clip(tone + rng.normal(0, 0.04, tone.shape), 0, 1) * 255
        for spot, paint in zip(at, tone, strict=True):
            dab = spot + rng.normal(0, 0.12 * size, (2, 2))
            line(
                oil.canvas,
                dab,
                np.append(paint, rng.uniform(60, 230)),
                size * rng.uniform(0.75, 1.2),
            )
    return oil.finish(0.35, 0.05)


def planes(rng: Rng) -> Floats:
    """Faceted planes in ochre, grey and teal that slide through one another."""
    x, y = grid(SHEET)
    palette = colours(
        "c99a4a b57f35 e0c080 8a5a2c 6b4a2e 8f8f86 c8c4b4"
        " 5d6a6c 3f6f70 2a4f55 7fa39a efe2c4 a8603a 23292c"
    )
    axes = np.radians([18, 62, 108, 152])
    # One map of brush marks for each axis: the bristles follow the plane that they paint.
    plain = noise(rng, (SIDE * 2, SIDE * 2), 26, 4, 9)
    brushed, middle = [], slice(SIDE // 2, SIDE // 2 + SIDE)
    for axis in axes:
        turned = cv2.getRotationMatrix2D((SIDE, SIDE), -float(np.degrees(axis)), 1)
        whole = cv2.warpAffine(plain, turned, plain.shape, flags=cv2.INTER_LINEAR)
        brushed.append(whole[middle, middle])
    oil = Oil(SHEET, palette[5])
    dark, bright = palette[-1] * 255, palette[11] * 255
    oil.strokes(
        rng,
        ramp(0.5 + 0.25 * brushed[0], palette[[3, 5, 6]]),
        np.broadcast_to(toward(axes[0]), (*SHEET, 2)),
        30,
        60,
        160,
    )
    for size in np.geomspace(0.55, 0.055, 240):
        centre = 0.5 + rng.uniform(-1, 1, 2) * (0.6 if size > 0.2 else 0.5)
        one_axis, two_axis = rng.choice(4, 2, replace=False)
        first, second = axes[[one_axis, two_axis]] + rng.normal(0, 0.10, 2)
        one = toward(first) * size * rng.uniform(0.5, 1.0)
        two = toward(second) * size * rng.uniform(0.3, 0.8)
        if rng.random() < 0.18:
            turn = np.linspace(first, first + rng.uniform(1.6, 3.6), 30)
            rim = toward(turn) * size * rng.uniform(0.35, 0.6)
            outline = np.concatenate([rim, rim[:1] * 0, rim[:1]]) + centre
        else:
            corners = [
                -one - two,
                one - two * rng.uniform(0.2, 1),
                one + two,
                two - one * rng.random(),
            ]
            outline = np.array(corners)[: rng.integers(3, 5)] + centre
        outline = (outline * SIDE).astype(np.float32)
        box, mask = stencil([outline], SHEET)
        if not mask.size:
            continue
        way = first + np.pi / 2 * rng.choice([-1, 1])
        slide = x[box] * np.cos(way) + y[box] * np.sin(way)
        slide = (slide - slide.min()) / (np.ptp(slide) + 1e-6)
        marks = brushed[rng.choice([one_axis, two_axis])][box]
        alpha = mask * np.clip(1.08 * (1 - slide) ** 1.1 + 0.16 * marks, 0.04, 0.97)
        tone = rng.choice(palette) * rng.uniform(0.85, 1.15)
        body = np.clip(tone * (1.12 - 0.35 * slide + 0.13 * marks)[..., None], 0, 1)
        paint = np.dstack([body, np.clip(0.5 + 0.16 * marks, 0, 1)]) * 255
        oil.canvas[box] = mix(oil.canvas[box].astype(np.float32), paint, alpha).astype(np.uint8)
        # Part of the outline is drawn, the rest left open so that plane runs into plane.
        span = np.concatenate([outline, outline[:1]])
        t = (rng.random() + np.linspace(0, rng.uniform(0.4, 0.8), 40)) % 1 * (len(span) - 1)
        path = np.stack([np.interp(t, np.arange(len(span)), span[:, c]) for c in range(2)], 1)
        runs = np.split(path, np.flatnonzero(np.diff(t) < 0) + 1)
        ink_tone = np.append(bright if rng.random() < 0.2 else dark, 190)
        for run in runs:
            if len(run) > 2:
                stroke(
                    oil.canvas,
                    rng,
                    run.astype(np.float32),
                    3.5 + 6 * size,
                    ink_tone,
                    np.array([12, 12, 12, 20]),
                    0.15,
                )
        if rng.random() < 0.13:
            # A few planes are laid in short separate dabs.
            area = scatter(rng, mask.shape, 24, 0.7)
            area = area[pick(mask, area) > 0] + (box[1].start, box[0].start)
            dab = toward(second) * np.linspace(-13, 13, 5)[:, None]
            spot_tone = np.append(np.clip(tone * rng.choice([0.7, 1.2]), 0, 0.94) * 255, 190)
            for at in area:
                stroke(
                    oil.canvas,
                    rng,
                    (at + dab).astype(np.float32),
                    11,
                    spot_tone + rng.normal(0, 8, 4),
                    np.array([10, 10, 10, 40]),
                    0.2,
                )
    return oil.finish(2.0, 0.10)


def blooms(rng: Rng) -> Floats:
    """Watercolour flowers: wet petals over leaves and running washes."""
    wash = Wash(rng, SHEET)
    wet = colours("7fd0d8 a8dcb0 f6dc8a c9a8e0 8fb4ea f2b0a0 b4d86a")
    for centre in scatter(rng, SHEET, 200):
        wash.lay(
            [blob(rng, centre, rng.uniform(100, 230), 0.4)],
            rng.choice(wet),
            rng.uniform(0.3, 0.7),
            40,
            0.25,
            22,
        )
    for centre in scatter(rng, SHEET, 210):
        wash.lay(
            [blob(rng, centre, rng.uniform(40, 120), 0.6)],
            rng.choice(wet),
            rng.uniform(0.2, 0.6),
            34,
            1.5,
            2.5,
            lift=0.3,
        )
    greens = colours("2f8a5a 5fa83a 1f6f78 8ab43a 2a5f8a")
    for centre in scatter(rng, SHEET, 118):
        turn = rng.uniform(0, 2 * np.pi)
        for _ in range(rng.integers(1, 4)):
            leaf = blade(
                centre,
                turn + rng.normal(0, 0.6),
                rng.uniform(110, 240),
                rng.uniform(26, 62),
                rng.normal(0, 0.4),
            )
            wash.lay([leaf], rng.choice(greens), rng.uniform(0.35, 0.95), 7, 0.8, 1.8, lift=0.75)
    families = [
        "e8315a f0608a c81f5a",
        "f0643a f58a4a e0402a",
        "8a4ac8 6a3ab4 b070dc",
        "f2b01f f5c84a e8901a",
        "d83a9a f07ac0 b02a8a",
        "3f6ad0 5a8ae8 3048a8",
    ]
    for centre in scatter(rng, SHEET, 255, 0.75):
        family = colours(families[rng.integers(len(families))])
        size = rng.uniform(95, 175)
        petals = int(rng.integers(5, 9))
        turn = rng.uniform(0, 7)

        def heart(px: Floats, py: Floats, centre: Floats = centre, size: float = size) -> Floats:
            far = np.hypot(px - centre[0], py - centre[1]) / size
            deep: Floats = 0.45 + 0.75 * np.exp(-((far / 0.33) ** 2))
            return deep + 0.4 * smoothstep(0.7, 1.0, far)

        for petal in rng.permutation(petals):
            angle = turn + petal * 2 * np.pi / petals + rng.normal(0, 0.12)
            length = size * rng.uniform(0.85, 1.15)
            outline = blade(
                centre, angle, length, length * rng.uniform(0.7, 1.0), rng.normal(0, 0.3)
            )
            wash.lay(
                [outline], rng.choice(family), rng.uniform(0.45, 0.9), 9, 0.75, 1.6, heart, 0.8
            )
        wash.lay([blob(rng, centre, size * 0.13, 0.3)], colours("3a1f3f")[0], 0.7, 8, 0.5, 5)
        for spot in centre + rng.normal(0, 0.17, (18, 2)) * size:
            wash.lay(
                [blob(rng, spot, rng.uniform(3, 6), 0.2)], colours("4a1f2a")[0], 1.2, 2, 0.4, 1
            )
    for _ in range(160):
        spot = rng.uniform(0, SIDE, 2)
        tone = colours(families[rng.integers(len(families))])[0]
        wash.lay(
            [blob(rng, spot, 2 + rng.exponential(5), 0.2)], tone, rng.uniform(0.4, 1.0), 3, 0.8, 1.2
        )
    paper = ramp(0.5 + 0.2 * noise(rng, SHEET, 200, 3), colours("fbf6ea fffdf6"))
    return wash.finish(paper)


# --- The content picture ----------------------------------------------------------------------


def lake(rng: Rng) -> Floats:
    """A cottage by a mountain lake in the evening: a plain picture to try the styles on."""
    shape = (960, 1280)
    x, y = grid(shape)
    shore, sun_x, sun_y = 0.60, 1.02, 0.38

    def ridge(cell: float, octaves: int) -> Floats:
        """One row of noise, as a map: the outline of a range."""
        return np.broadcast_to(noise(rng, (3, shape[1]), cell, octaves)[1], shape)

    far = np.hypot(x - sun_x, y - sun_y)
    scene = ramp(y / shore, colours("2f5f9f 5b8cc0 9dbfd8 e8d8c0 fbd9a0"))
    cloud = noise(rng, shape, 150, 6, 3)
    lit = mix(
        scene, colours("fff6ea"), 0.9 * smoothstep(0.3, 1.9, cloud) * smoothstep(0.65, 0.1, y)
    )
    shaded = smoothstep(
        0.6, 2.0, warp(cloud, np.full(shape, -12, np.float32), np.full(shape, -16, np.float32))
    )
    scene = lit * (1 - 0.12 * shaded * smoothstep(0.6, 0.1, y))[..., None]
    scene = mix(scene, colours("ffe9b0"), 0.85 * np.exp(-far * 6))
    scene = mix(scene, colours("fffbe8"), smoothstep(0.038, 0.032, far))

    for number, (top, rise, tone) in enumerate(
        [
            (0.38, 0.055, "8fa3c0 b9bccc"),
            (0.46, 0.040, "5a7896 8a9aa8"),
            (0.53, 0.028, "2f5a55 5f8a5f"),
        ]
    ):
        outline = top + rise * ridge(330 - 80 * number, 6) + 0.10 * (x / 1.33 - 0.35) * (number < 2)
        rock = noise(rng, shape, 90 - 20 * number, 5)
        slope = cv2.Sobel(blur(rock, 2), cv2.CV_32F, 1, 0) * 2.2
        stone = ramp(0.5 + slope, colours(tone))
        if number == 0:
            snow = smoothstep(0.11, 0.02, y - outline + 0.02 * rock)
            stone = mix(
                stone, colours("f2f0ee"), 0.8 * snow * smoothstep(-0.6, 0.5, slope * 4 + 0.3)
            )
        haze = smoothstep(0.0, 0.25, y - outline) * (0.5 - 0.12 * number)
        scene = mix(
            scene, mix(stone, colours("f0d8b8"), haze), smoothstep(-0.0015, 0.0015, y - outline)
        )
    meadow = ramp(0.5 + 0.25 * noise(rng, shape, 24, 3, 4), colours("2f5a2a 5a8a3a 9aa84a"))
    trees = shore - 0.040 - 0.016 * ridge(60, 2) - 0.022 * np.abs(ridge(14, 2))
    firs = ramp(0.5 + 0.25 * noise(rng, shape, 16, 3, 0.5), colours("0f2a24 1f4a34 3f6a3a"))
    scene = mix(scene, firs, smoothstep(-0.002, 0.002, y - trees))

    rim = shore - 0.016 - 0.004 * ridge(120, 3)
    scene = mix(scene, meadow, smoothstep(-0.002, 0.002, y - rim))
    canvas = as_bytes(scene)

    def block(corners: Sequence[tuple[float, float]], tone: str) -> None:
        fill(canvas, np.array(corners) * shape[0], colours(tone)[0] * 255)

    block([(0.58, 0.53), (0.72, 0.53), (0.72, 0.605), (0.58, 0.605)], "b9a58c")
    block([(0.72, 0.53), (0.79, 0.53), (0.79, 0.605), (0.72, 0.605)], "f3dfba")
    block([(0.72, 0.53), (0.755, 0.465), (0.79, 0.53)], "efd8ae")
    block([(0.565, 0.537), (0.605, 0.455), (0.758, 0.455), (0.715, 0.537)], "8a3a2c")
    block([(0.758, 0.455), (0.80, 0.537), (0.788, 0.540), (0.752, 0.470)], "c25a3c")
    block([(0.64, 0.43), (0.665, 0.43), (0.665, 0.475), (0.64, 0.475)], "9a6a54")
    for left in (0.605, 0.665):
        block(
            [(left, 0.555), (left + 0.026, 0.555), (left + 0.026, 0.585), (left, 0.585)], "ffd98a"
        )
    block([(0.742, 0.555), (0.77, 0.555), (0.77, 0.605), (0.742, 0.605)], "6a4028")
    scene = canvas.astype(np.float32) / 255
    scene *= (1 + 0.012 * noise(rng, shape, 5, 2))[..., None]

    # The lake shows the far shore upside down, the more broken up the nearer it is.
    depth = np.clip(y - shore, 0, 1)
    ripple = noise(rng, shape, 16, 4, 8) * (0.25 + 5 * depth)
    rows, columns = np.indices(shape, np.float32)
    source = 2 * shore * shape[0] - rows + 14 * ripple
    mirrored_scene = cv2.remap(
        scene, columns + 4 * ripple, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    water = mix(
        mirrored_scene * 0.86,
        colours("2a5a78"),
        0.22 + 0.35 * depth + 0.08 * np.clip(ripple, -1, 1),
    )
    glitter = np.exp(-(((x - sun_x) / (0.03 + 0.16 * depth)) ** 2)) * smoothstep(0.0, 1.0, ripple)
    water = mix(water, colours("ffeec0"), 0.8 * glitter)
    scene = mix(scene, water, smoothstep(-0.001, 0.001, y - shore - 0.004))

    # The near bank, its grass drawn blade by blade from back to front.
    bank = 0.86 + 0.05 * np.sin(3.2 * x + 0.4) + 0.008 * ridge(90, 3)
    soil = ramp(0.5 + 0.2 * noise(rng, shape, 40, 4), colours("2a3a1a 4a5f26 6f7a30"))
    scene = mix(scene, soil, smoothstep(-0.002, 0.002, y - bank))
    canvas = as_bytes(scene)
    greens = colours("2f4a1c 4f6f26 7a8f34 a8a848 c8b860") * 255
    roots = scatter(rng, shape, 9)
    roots = roots[pick(y - bank, roots) > 0.002]
    for root in roots[np.argsort(roots[:, 1])]:
        tall = 12 + 0.16 * max(0.0, float(root[1]) - 0.80 * shape[0]) + rng.exponential(6)
        tone = greens[rng.integers(5)] * rng.uniform(0.8, 1.1)
        fill(canvas, blade(root, rng.normal(-np.pi / 2, 0.25), tall, 4.5, rng.normal(0, 0.5)), tone)
    petals = colours("f2efe0 e8c04a d86a5a b88ad0") * 255
    for spot in roots[rng.random(len(roots)) < 0.035]:
        line(
            canvas, (spot - (0, 14))[None].repeat(2, 0), petals[rng.integers(4)], rng.uniform(4, 8)
        )

    # A tree on the left: the trunk forks, and every end carries a cloud of leaves.
    twigs: list[tuple[Floats, float, float, float]] = [
        (np.array([0.14, 0.97], np.float32) * shape[0], -1.55, 0.22 * shape[0], 36.0)
    ]
    tips: list[Floats] = []
    while twigs:
        foot, heading, length, width = twigs.pop(0)
        bend = rng.normal(0, 3 / width)
        t = np.linspace(0, 1, 12)
        way = heading + bend * t
        path = foot + np.cumsum(toward(way), 0) * length / 12
        bark = width * (1 - 0.35 * t[:-1])
        for tone, share, aside in (("3a2a1e", 1.0, 0.0), ("7a5a3c", 0.35, 0.25)):
            for number, thick in enumerate(bark):
                piece = path[number : number + 2] + np.array([aside * thick, 0])
                line(canvas, piece, colours(tone)[0] * 255, share * thick)
        if width < 15:
            tips.append(path[-1])
        if width < 7:
            continue
        for turn in (-0.45, 0.5, rng.normal(0, 0.2)):
            way_on = float(heading + bend + turn + rng.normal(0, 0.15))
            twigs.append((path[-1].astype(np.float32), way_on, length * 0.76, width * 0.62))
    leaves = np.repeat(np.array(tips), 70, 0) + rng.normal(0, 24, (len(tips) * 70, 2))
    sunward = (leaves[:, 0] - leaves[:, 0].mean()) / 300 - (
        leaves[:, 1] - leaves[:, 1].mean()
    ) / 260
    tones = (
        ramp(
            (0.45 + 0.3 * sunward + rng.normal(0, 0.16, len(leaves))).astype(np.float32),
            colours("16301a 284a20 4a7028 86983a d0b850"),
        )
        * 255
    )
    for number in np.argsort(sunward + rng.normal(0, 0.5, len(leaves))):
        leaf = blade(leaves[number], rng.uniform(0, 2 * np.pi), rng.uniform(9, 17), 7.5, 0.3)
        fill(canvas, leaf, tones[number])
    photograph = canvas.astype(np.float32) / 255
    return photograph + 0.012 * noise(rng, shape, 2, 1)[..., None]


# --- The film ---------------------------------------------------------------------------------

PLATE: Shape = (720, 1280)  # a frame's sheet, in pixels
RATE, FRAMES = 25, 140
LENS = 1150.0  # focal length, in pixels of the sheet
HORIZON = 292  # the sheet's row at eye level
FAR_WIND = 18.0  # of the clouds, metres a second
SUN = np.array([-0.78, 0.52, -0.35], np.float32)  # to the right, up, away
WARM, COOL = colours("fff0d2 b4c6e6")[:, None, None]
HAZE = colours("cdd3da")
GRAIN = 2 / 255
SOUND_RATE = 48_000
RATE_FACTOR = 23  # x264's: less is better, and larger
SOUND_BITS = 96_000  # a second
BT709 = 1  # as FFmpeg numbers matrices
# Without the last two the colours are off by several steps of 255.
SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
MILL = (50.0, 186.0)  # where it stands: metres to the right and away
BOAT_AWAY = 46.0


class Land(NamedTuple):
    """A stretch of country: how high it is and how it looks in the sun, as maps seen from above.

    Rows lead away from the viewer, columns to the right; both are `cell` metres apart, and begin
    `near` metres away and `left` metres to the right of where the camera starts.
    """

    height: Floats
    paint: Floats
    left: float
    near: float
    cell: float
    step: float  # metres between two looks at it along a line of sight


class Camera(NamedTuple):
    """Where it stands (metres to the right, up, away) and how far it is turned to the right."""

    x: float
    eye: float
    z: float
    yaw: float

    def ways(self, across: Floats) -> tuple[Floats, Floats]:
        """How far lines of sight lead to the right and away, for each metre of depth."""
        sin, cos = np.float32(np.sin(self.yaw)), np.float32(np.cos(self.yaw))
        return sin + across / LENS * cos, cos - across / LENS * sin

    def place(self, x: float, up: float, z: float) -> tuple[Floats, float]:
        """The point's place on the sheet (x, y), and how many of its pixels a metre has there."""
        sin, cos = np.sin(self.yaw), np.cos(self.yaw)
        aside, ahead = x - self.x, z - self.z
        scale = LENS / (aside * sin + ahead * cos)
        right = PLATE[1] / 2 + (aside * cos - ahead * sin) * scale
        return np.array([right, HORIZON - (up - self.eye) * scale], np.float32), float(scale)


def sunlit(paint: Floats, height: Floats, cell: float, soft: float) -> Floats:
    """Colours (H, W, 3) of a land under the low sun, with the shadows that it throws.

    `soft` is the depth in metres at which a shadow is full.
    """
    dx, dz = (cv2.Sobel(height, cv2.CV_32F, *d, scale=1 / 8 / cell) for d in ((1, 0), (0, 1)))
    facing = (SUN[1] - SUN[0] * dx - SUN[2] * dz) / np.sqrt(dx * dx + dz * dz + 1)
    fall = np.arange(height.shape[1], dtype=np.float32) * cell * 0.55
    shade = np.maximum.accumulate(height + fall, 1) - fall - height
    direct = np.maximum(facing, 0) * smoothstep(soft, 0, shade)
    open_sky = 0.36 + 0.16 / np.sqrt(dx * dx + dz * dz + 1)
    lit = paint[..., :3] * (1.05 * direct[..., None] * WARM + open_sky[..., None] * COOL)
    return np.dstack([lit, paint[..., 3]])


def woods(rng: Rng, where: Floats, spacing: float, size: float) -> tuple[Floats, Floats, Floats]:
    """Trees on a map (H, W), where it is above 0: some of them round, some pointed.

    Returns maps of how high they are (1 for a tall one), of how light their leaves are, and of
    what part of a tree is seen, 0 at its foot and 1 at its top. `spacing` and `size` (of a crown)
    are in cells.
    """
    trunks = scatter(rng, where.shape, spacing)
    trunks = trunks[pick(where, trunks) > 0]
    apart = np.full(where.shape, 255, np.uint8)
    inside = np.all((trunks >= 0) & (trunks < where.shape[::-1]), 1)
    x, y = trunks[inside].astype(np.intp).T
    apart[y, x] = 0
    tree = voronoi(trunks, where.shape)
    tall, tone, wide, round_ = rng.random((4, tree.max() + 1)).astype(np.float32)
    reach = cv2.distanceTransform(apart, cv2.DIST_L2, 5) / (size * (0.75 + 0.5 * wide[tree]))
    reach = reach * (1 + 0.16 * noise(rng, where.shape, size * 0.7, 2))
    inner = np.clip(1 - reach, 0, 1)
    top = np.where(round_[tree] > 0.4, np.sqrt(1 - (1 - inner) ** 2), inner)
    return (0.6 + 0.4 * tall[tree]) * top, 0.75 * tone[tree] + 0.25 * round_[tree], top


def summits(rng: Rng) -> Land:
    """The far mountains, snow on their ridges."""
    shape, cell, near = (820, 1900), 6.0, 2500.0
    _, away = grid(shape)
    ridges = np.zeros(shape, np.float32)
    for octave in range(7):
        crest = 1 - np.abs(noise(rng, shape, 200 / 1.9**octave, 1))
        ridges += 0.5**octave * crest * (1 if octave < 2 else np.clip(ridges, 0.3, 1.4))
    lift = smoothstep(0.0, 0.7, away) * (0.85 + 0.10 * noise(rng, shape, 500, 2))
    height = (110 + 790 * lift) * np.clip(0.55 + 0.5 * ridges, 0.05, 3) - 60
    rock = noise(rng, shape, 40, 5)
    paint = ramp(0.5 + 0.2 * rock, colours("565860 757069 9a8f84"))
    steep = np.hypot(*(cv2.Sobel(height, cv2.CV_32F, *d, scale=1 / 48) for d in ((1, 0), (0, 1))))
    turf = ramp(0.5 + 0.2 * noise(rng, shape, 18, 4), colours("2f4634 4d6140 7c7c52"))
    paint = mix(paint, turf, smoothstep(560, 360, height + 60 * rock) * smoothstep(1.3, 0.6, steep))
    snow = smoothstep(640, 760, height + 90 * rock) * smoothstep(1.9, 1.1, steep)
    paint = mix(paint, colours("f6f5f4"), snow)
    paint = np.dstack([paint, np.full(shape, 0.09, np.float32)])
    return Land(height, sunlit(paint, height, cell, 60), -5700, near, cell, 9)


def downs(rng: Rng) -> Land:
    """Hills beyond the water: fields between hedges, and woods."""
    shape, cell, near = (1200, 2300), 1.0, 460.0
    _, away = grid(shape)
    away *= shape[0] * cell
    swell = noise(rng, shape, 420, 2)
    height = -5 + 11 * smoothstep(5, 70, away + 16 * noise(rng, shape, 90, 3))
    height += (0.050 + 0.030 * swell) * np.maximum(away - 60, 0) + 2 * noise(rng, shape, 120, 4)
    parcel = voronoi(scatter(rng, shape, 105), shape)
    hedge = smoothstep(4.5, 2.5, pieces(parcel)[1]) * (height > 2)
    shades = colours("6f8a3c 8c9a48 b4a858 597a38 c8b66a 7d9a4a 9a8a54")
    paint = shades[rng.integers(0, len(shades), parcel.max() + 1)[parcel]]
    paint = paint * (0.92 + 0.10 * noise(rng, shape, 30, 5))[..., None]
    paint = mix(paint, colours("c9b48c"), smoothstep(2.2, 0.8, height))
    forest = np.maximum(noise(rng, shape, 170, 3) - 0.55, 2 * hedge - 1)
    forest = np.where(height > 1.5, forest, -1)
    trees, tone, top = woods(rng, forest, 8, 6.5)
    leaves = ramp(tone + 0.08 * noise(rng, shape, 3, 2), colours("24402a 35562c 55702f 7d8238"))
    paint = mix(paint, leaves * (0.45 + 0.65 * top)[..., None], smoothstep(0.02, 0.15, trees))
    height = height + 13 * trees * (1 + 0.12 * noise(rng, shape, 3, 1))
    paint = np.dstack([paint, trees])
    return Land(height, sunlit(paint, height, cell, 6), -1150, near, cell, 1.6)


def headland(rng: Rng) -> Land:
    """The near shore: meadows and trees on the right, with room for the mill, an islet left."""
    shape, cell, near, left = (1240, 2200), 0.25, 112.0, -250.0
    x, z = (axis * (shape[0] * cell) for axis in grid(shape))
    x, z = x + left, z + near
    rough = noise(rng, shape, 150, 4)
    height = 7.5 * np.minimum(
        np.tanh((x - 22 - 0.22 * (z - 150) + 5 * rough) / 30), np.tanh((z - 150 + 5 * rough) / 22)
    )
    islet = 1 - np.hypot((x + 92) / 40, (z - 215) / 26) + 0.12 * rough
    height = np.maximum(np.maximum(height, 5 * np.tanh(islet)), -4) + 0.25 * rough
    knoll = np.hypot(x - MILL[0], z - MILL[1])
    height = height + 3.0 * np.exp(-((knoll / 16) ** 2))
    paint = ramp(
        0.5 + 0.17 * noise(rng, shape, 40, 4) + 0.12 * noise(rng, shape, 5, 3),
        colours("4f6a2c 75893a 9c9c4a b8a85c"),
    )
    paint = mix(paint, colours("b79f78"), smoothstep(0.9, 0.3, height + 0.2 * rough))
    forest = noise(rng, shape, 130, 3) + 0.5 + 0.012 * (z - 190)
    forest = np.where((height > 1.3) & (knoll > 17) & ((z > 180) | (x > 70)), forest, -1)
    forest = np.where((islet > 0.2) & (z < 250) & (x < 0), 1, forest)
    trees, tone, top = woods(rng, forest, 22, 20)
    fine = noise(rng, shape, 7, 3)
    leaves = ramp(tone + 0.13 * fine, colours("1f3a20 31512a 4c6a30 74803a"))
    paint = mix(paint, leaves * (0.40 + 0.72 * top)[..., None], smoothstep(0.02, 0.12, trees))
    height = height + 10 * trees * (1 + 0.14 * fine) + 0.3 * noise(rng, shape, 7, 3)
    paint = np.dstack([paint, trees])
    return Land(height, sunlit(paint, height, cell, 2.5), left, near, cell, 0.45)


class Clouds:
    """A layer of fair-weather clouds that drifts over the country."""

    CELL, HEIGHT = 7.0, 1000.0  # metres

    def __init__(self, rng: Rng) -> None:
        shape = (2400, 2400)
        lumps = 0.9 * noise(rng, shape, 120, 7) + 0.35 * noise(rng, shape, 420, 2)
        thick = smoothstep(-0.15, 1.9, lumps)
        across, away = (cv2.warpAffine(thick, np.float32([[1, 0, d], [0, 1, e]]), shape)
                        for d, e in ((14, 0), (0, 22)))  # fmt: skip
        lit = np.clip(0.62 + 0.8 * (thick - across) + 0.5 * (thick - away) - 0.22 * thick, 0, 1)
        tone = ramp(lit, colours("8a98b4 b3bac8 e8e2da fffaf0"))
        self.map = np.dstack([tone, smoothstep(0.02, 0.45, thick)])

    def sky(self, camera: Camera, across: Floats, above: Floats, seconds: float) -> Floats:
        """The sky at pixels `across` (W) the middle and `above` (H) the horizon."""
        height = np.maximum(above, 30)[:, None]
        blue = ramp(
            np.broadcast_to(above[:, None] / 330, (len(above), len(across))),
            colours("f3dcb8 dcdcd4 b4cbe0 8db4dc 6a9bd2 4f86c6"),
        )
        depth = self.HEIGHT * LENS / height
        way_x, way_z = camera.ways(across)
        u = (camera.x + depth * way_x + FAR_WIND * seconds) / self.CELL + 1200
        v = (camera.z + depth * way_z) / self.CELL / 2 - 100
        cloud = cv2.remap(self.map, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        clear = smoothstep(0.0, 95, above)[:, None]
        return mix(blue, cloud[..., :3], 0.92 * cloud[..., 3] * clear)


def seen(land: Land, camera: Camera, across: Floats, above: Floats) -> tuple[Floats, Floats]:
    """Where lines of sight meet a land.

    Args:
        across, above: the sheet's columns (W) and rows (H), from the middle and the horizon.

    Returns:
        The depth (H, W) in metres, and how much of the pixel the land takes (H, W).
    """
    rows = len(land.height)
    depths = np.arange(0.94 * land.near, land.near + rows * land.cell, land.step, np.float32)
    way_x, way_z = camera.ways(across)
    d = depths[:, None]
    up = cv2.remap(
        land.height,
        (camera.x + d * way_x - land.left) / land.cell,
        (camera.z + d * way_z - land.near) / land.cell,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=-30.0,
    )
    if camera.eye < 0:  # looked at in the water, which its bed does not hide
        up[up < 0] = -1000
    rise = np.ascontiguousarray(((up - camera.eye) / d * LENS).T)
    crest = np.maximum.accumulate(rise, 1)
    top = crest[:, -1:]
    level = np.minimum(above, top - 1e-3)
    first = np.stack([np.searchsorted(c, r) for c, r in zip(crest, level, strict=True)])
    after = np.clip(first, 1, len(depths) - 1)
    column = np.arange(len(across))[:, None]
    low, high = rise[column, after - 1], rise[column, after]
    part = np.clip((level - low) / np.maximum(high - low, 1e-6), 0, 1)
    depth = depths[after - 1] + part * land.step
    ground = level + camera.eye * LENS / depth  # above the water, in pixels
    cover = np.clip(top - above + 0.5, 0, 1) * np.clip(ground + 0.5, 0, 1)
    return depth.T.astype(np.float32), cover.T.astype(np.float32)


class Country:
    """All that does not move by itself, and the sky."""

    def __init__(self, rng: Rng) -> None:
        self.lands = [summits(rng), downs(rng), headland(rng)]
        self.clouds = Clouds(rng)
        self.leaves = noise(rng, (1024, 1024), 8, 3)

    def view(self, camera: Camera, across: Floats, above: Floats, seconds: float) -> Floats:
        """The picture (H, W, 4) of land and sky; its last channel is how much land there is."""
        picture = self.clouds.sky(camera, across, above, seconds)
        covered = np.zeros(picture.shape[:2], np.float32)
        way_x, way_z = camera.ways(across)
        for land in self.lands:
            depth, cover = seen(land, camera, across, above)
            paint = cv2.remap(
                land.paint,
                (camera.x + depth * way_x - land.left) / land.cell,
                (camera.z + depth * way_z - land.near) / land.cell,
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            up = np.maximum(camera.eye + above[:, None] * depth / LENS, 0)
            # A map seen from above has only streaks for what stands upright.
            leaf = cv2.remap(
                self.leaves,
                (camera.x + depth * (way_x + 0.6 * way_z)) / land.cell / 0.6,
                up / land.cell / 0.6,
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REFLECT,
            )
            paint = (
                paint[..., :3] * (1 + 0.28 * leaf * smoothstep(0, 0.3, paint[..., 3]))[..., None]
            )
            air = 1 - np.exp(-depth / 6500) * (
                1 - 0.30 * np.exp(-up / 30) * (1 - np.exp(-depth / 900))
            )
            picture = mix(picture, mix(paint, HAZE, air), cover)
            covered = np.maximum(covered, cover)
        return np.dstack([picture, covered])


class Lake:
    """The water: a sum of waves, each of its own length and heading."""

    def __init__(self, rng: Rng) -> None:
        lengths = np.geomspace(0.6, 11, 30)
        heading = rng.normal(0.5, 0.75, len(lengths))
        number = 2 * np.pi / lengths
        self.numbers = number[:, None] * toward(heading)  # to the right, away
        self.speeds = np.sqrt(9.81 * number)
        self.phases = rng.uniform(0, 2 * np.pi, len(lengths))
        self.steep = 0.0140 * np.clip(lengths, 0.6, 1.6) ** 0.3 * np.minimum(1, 5 / lengths)
        self.gusts = noise(rng, (1024, 1024), 90, 4)

    def slopes(self, x: Floats, z: Floats, depth: Floats, eye: float, seconds: float) -> Floats:
        """How steep the water is at x, z (H, W): (2, H, W), to the right and away.

        Waves that a pixel at `depth` (H, 1) cannot show are left out, bit by bit.
        """
        out = np.zeros((2, *x.shape), np.float32)
        aside, along = depth / LENS, depth**2 / (eye * LENS)
        for (kx, kz), speed, phase, steep in zip(
            self.numbers, self.speeds, self.phases, self.steep, strict=True
        ):
            left = np.exp(-((kx * aside) ** 2 + (kz * along) ** 2) / 3)[:, 0]
            if left[-1] < 0.02:
                continue
            rows = np.s_[int(np.argmax(left > 0.02)) :]
            wave = np.cos(
                np.float32(kx) * x[rows] + np.float32(kz) * z[rows]
                + np.float32(phase - speed * seconds)
            )  # fmt: skip
            wave *= (steep * left[rows, None]).astype(np.float32)
            number = np.hypot(kx, kz)
            out[0, rows] += np.float32(kx / number) * wave
            out[1, rows] += np.float32(kz / number) * wave
        gust = cv2.remap(
            self.gusts,
            (x - 1.5 * seconds) / 0.35,
            np.broadcast_to(z / 0.9, x.shape),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        calm = smoothstep(40, 250, depth)
        out *= 1 + (0.38 * (1 - calm)) * np.clip(gust, -1.8, 1.8)
        return out

    def picture(
        self,
        mirror: Floats,
        camera: Camera,
        across: Floats,
        below: Floats,
        seconds: float,
        boat: float,
    ) -> Floats:
        """The water at pixels `across` (W) the middle and `below` (H) the horizon.

        `mirror` is the picture that it reflects, half as large, from the horizon upwards; `boat`
        is how far to the right the boat is.
        """
        depth = (LENS * camera.eye / below)[:, None]
        way_x, way_z = camera.ways(across)
        x, z = camera.x + depth * way_x, camera.z + depth * way_z
        aside, away = self.slopes(x, z, depth, camera.eye, seconds)
        # The wake: two arms that part behind the bow.
        past = boat + 2.6 - x
        arm = (np.abs(z - BOAT_AWAY) - 0.26 * past - 0.2) / (0.35 + 0.03 * np.abs(past))
        churn = np.exp(-(arm**2) - np.abs(past) / 9) * (past > 0)
        away = away + 0.10 * churn * np.sin(5 * arm + 1)
        height = below[:, None] + 1.7 * LENS * away
        column = (across + PLATE[1] / 2)[None] + 0.35 * LENS * aside * below[:, None] / 300
        u, v = column / 2, np.abs(height) / 2
        v, u = v.astype(np.float32), np.broadcast_to(u, v.shape).astype(np.float32)
        sharp, soft = (
            cv2.remap(m, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for m in (blur(mirror, 1), cv2.GaussianBlur(mirror, (0, 0), 1.5, sigmaY=6))
        )
        far = np.broadcast_to(0.25 + 0.75 * smoothstep(30, 160, depth), v.shape)
        image = mix(sharp, soft, far)
        glance = below[:, None] / np.hypot(below, LENS)[:, None] + 0.9 * away
        fresnel = 0.03 + 0.97 * (1 - np.clip(glance, 0, 1)) ** 5
        deep = ramp(0.3 + 4 * away + 0.8 * glance, colours("143a44 22525c 39747a"))
        water = mix(deep, image * 0.96, np.clip(fresnel, 0, 0.95))
        trail = np.exp(-np.maximum(past, 0) / 9) * smoothstep(-1.4, -0.6, past)
        foam = np.exp(-(((z - BOAT_AWAY + 1.3) / 1.5) ** 2)) * trail
        foam = np.clip(1.3 * foam * smoothstep(-0.06, 0.06, away + 0.5 * aside), 0, 0.8)
        return mix(water, colours("e6ecec"), foam)


class Sprite:
    """A cut-out: premultiplied RGBA, drawn upright at `density` pixels a metre."""

    def __init__(self, shape: Shape, foot: tuple[float, float], density: float) -> None:
        self.canvas: Bytes = np.zeros((*shape, 4), np.uint8)
        self.foot, self.density = np.array(foot, np.float32), density

    def block(self, corners: Sequence[tuple[float, float]] | Floats, tone: str | Floats) -> None:
        """Fill a polygon; its corners are metres to the right of the foot and above it."""
        outline = np.array(corners, np.float32) * (self.density, -self.density) + self.foot
        paint = colours(tone)[0] * 255 if isinstance(tone, str) else tone
        fill(self.canvas, outline.astype(np.float32), [*paint, 255])

    def stamp(self, picture: Floats, at: Floats, turn: Floats) -> None:
        """Lay it on a picture (H, W, 3), its foot `at`; `turn` (2, 2) makes metres pixels."""
        to_picture = np.empty((2, 3), np.float32)
        to_picture[:, :2] = turn / self.density
        to_picture[:, 2] = at - to_picture[:, :2] @ self.foot
        height, width = self.canvas.shape[:2]
        corners = np.array([(0, 0), (width, 0), (0, height), (width, height)], np.float32)
        corners = corners @ to_picture[:, :2].T + to_picture[:, 2]
        box, mask = stencil([corners], picture.shape[:2])
        if not mask.size:
            return
        to_picture[:, 2] -= box[1].start, box[0].start
        cut = self.canvas.astype(np.float32) / 255
        laid = cv2.warpAffine(cut, to_picture, mask.shape[::-1])
        picture[box] = picture[box] * (1 - laid[..., 3:]) + laid[..., :3]


def boat(rng: Rng) -> Sprite:
    """A small sailing boat under full sail, bound to the right."""
    sprite = Sprite((400, 330), (165, 375), 30)
    t = np.linspace(0, 1, 20)
    bulge = np.sin(np.pi * t)
    leech = np.stack([-3.0 + 3.5 * t - 0.45 * bulge, 1.5 + 8.9 * t + 0.1 * bulge], 1)
    sprite.block(np.concatenate([leech, [(0.55, 10.4), (0.55, 1.45)]]), "f6ecd6")
    sail = sprite.canvas[..., 3] > 0
    for height in (3.2, 5.0, 6.8, 8.4):
        seam = [(-4, height), (0.5, height), (0.5, height + 0.05), (-4, height + 0.05)]
        sprite.block(seam, "c0b090")
    sprite.canvas[~sail] = 0
    fore = np.stack([3.6 - 2.8 * t, 1.05 + 8.3 * t], 1)
    back = np.stack([0.85 - 0.55 * bulge * (1 - t), 9.3 - 7.9 * t], 1)
    sprite.block(np.concatenate([fore, back]), "c9583a")
    rows, columns = np.indices(sprite.canvas.shape[:2], np.float32)
    fold = 0.84 + 0.15 * np.cos((columns - 185) / 42 + rows / 160)
    fold += 0.015 * noise(rng, fold.shape, 20, 3)
    sprite.canvas[..., :3] = np.round(sprite.canvas[..., :3] * np.minimum(fold, 1)[..., None])

    sprite.block([(-0.95, 0.5), (-0.9, 1.4), (-0.6, 1.7), (-0.3, 1.4), (-0.25, 0.5)], "34506e")
    sprite.block(toward(2 * np.pi * t) * (0.19, 0.23) + (-0.56, 1.9), "d0a684")
    sheer = np.stack([-3.4 + 7.2 * t, 0.62 + 0.5 * (t - 0.35) ** 2], 1)
    keel = np.stack([3.3 - 6.5 * t, -0.08 * bulge**0.5], 1)
    sprite.block(np.concatenate([sheer, keel]), "ece4d2")
    sprite.block(np.concatenate([sheer - (0, 0.12), sheer[::-1] - (0, 0.26)]), "2c5a86")
    sprite.block(np.concatenate([sheer - (0, -0.05), sheer[::-1] - (0, 0.05)]), "7a4a28")
    sprite.block(np.concatenate([keel - (0, -0.13), keel[::-1]]), "7c2c22")
    sprite.block([(0.60, 0.6), (0.62, 10.6), (0.74, 10.6), (0.78, 0.6)], "6a4a30")
    sprite.block([(-3.1, 1.32), (0.6, 1.3), (0.6, 1.44), (-3.1, 1.46)], "6a4a30")
    return sprite


class Mill:
    """A windmill; its sails turn."""

    def __init__(self, rng: Rng) -> None:
        self.sprite = Sprite((330, 330), (165, 310), 14)
        tower = self.sprite
        tower.block([(-3.4, -1), (-2.0, 10), (2.0, 10), (3.4, -1)], "efe4cc")
        tower.block([(-3.6, 3.0), (-3.6, 3.4), (3.6, 3.4), (3.6, 3.0)], "6a4a34")
        for x in np.linspace(-3.5, 3.5, 9):
            tower.block([(x, 3.3), (x, 4.2), (x + 0.14, 4.2), (x + 0.14, 3.3)], "6a4a34")
        for x, y, tone in ((-0.6, 0, "5a3a28"), (-0.5, 5.2, "3f4a56"), (-0.4, 7.6, "3f4a56")):
            tower.block([(x, y), (x, y + 1.5), (x + 1, y + 1.5), (x + 1, y)], tone)
        turn = np.linspace(0, np.pi, 20)
        cap = np.stack([2.5 * np.cos(turn), 9.8 + 2.6 * np.sin(turn) ** 0.8], 1)
        tower.block(cap, "7a4432")
        x = np.indices(tower.canvas.shape[:2], np.float32)[1] - 165
        shade = ramp(0.5 + x / 84, colours("e8dcc8 fffaf0 d8d0cc 8c90a0"))
        shade = shade * (1 + 0.04 * noise(rng, x.shape, 10, 3))[..., None]
        self.plain = np.dstack(
            [np.clip(tower.canvas[..., :3] * shade, 0, 255), tower.canvas[..., 3]]
        ).astype(np.uint8)

    def at(self, seconds: float) -> Sprite:
        """The mill at a moment."""
        self.sprite.canvas = self.plain.copy()
        hub = np.array([-0.3, 10.6])
        for quarter in range(4):
            angle = 0.5 - 0.85 * seconds + quarter * np.pi / 2
            way = toward(np.float32(angle)) * (0.86, 1)
            side = toward(np.float32(angle + np.pi / 2)) * (0.86, 1)

            def bar(r0: float, r1: float, s0: float, s1: float, tone: str,
                    way: Floats = way, side: Floats = side) -> None:  # fmt: skip
                corners = [hub + way * r + side * s
                           for r, s in ((r0, s0), (r1, s0), (r1, s1), (r0, s1))]  # fmt: skip
                self.sprite.block(np.array(corners), tone)

            bar(1.6, 8.6, 0.1, 1.45, "f2e6cc")
            for r in np.arange(1.6, 8.8, 1.0):
                bar(r, r + 0.16, -0.35, 1.5, "7a5238")
            bar(1.6, 8.7, 1.4, 1.55, "7a5238")
            bar(0, 8.8, -0.13, 0.13, "5a3a28")
        self.sprite.block(
            [(hub[0] - 0.4, 10.2), (hub[0] + 0.4, 10.2), (hub[0] + 0.4, 11), (hub[0] - 0.4, 11)],
            "4a3226",
        )
        self.sprite.canvas = cv2.GaussianBlur(self.sprite.canvas, (0, 0), 0.8)
        return self.sprite


class Gulls:
    """A loose flock that flies to the left."""

    def __init__(self, rng: Rng) -> None:
        count = 7
        self.start = np.stack([rng.uniform(820, 1420, count), rng.uniform(60, 190, count)], 1)
        self.speed = np.stack([rng.uniform(-105, -85, count), rng.uniform(-7, 5, count)], 1)
        self.span = rng.uniform(15, 27, count)
        self.beat, self.phase = rng.uniform(2.0, 2.7, count), rng.uniform(0, 7, count)

    def stamp(self, picture: Floats, seconds: float) -> None:
        """Draw them on a picture (H, W, 3)."""
        white, grey, dark = colours("fbf8f0 c3c8d0 4a5058")
        for start, speed, span, beat, phase in zip(
            self.start, self.speed, self.span, self.beat, self.phase, strict=True
        ):
            centre = start + speed * seconds
            turn = 2 * np.pi * beat * seconds + phase
            flap = 0.42 * np.sin(turn) + 0.12
            bend = flap - 0.35 - 0.25 * np.cos(turn)
            centre = centre - (0, -0.10 * span * np.sin(turn))
            for side, tone in ((-1, white), (1, grey)):
                joint = np.array([side * 0.5, -flap * 0.55]) * span
                tip = joint + np.array([side * 0.52, -bend * 0.55]) * span
                chord = np.array([0.17 * span, 0.04 * span])
                near = joint + 0.6 * (tip - joint)
                wing = np.array([-chord, joint - 0.8 * chord, near, joint + 0.6 * chord, chord])
                black = np.array([joint + 0.35 * (tip - joint) - 0.4 * chord, tip,
                                  joint + 0.35 * (tip - joint) + 0.5 * chord])  # fmt: skip
                for outline, paint in ((black, dark), (wing, tone)):
                    box, mask = stencil([(outline + centre).astype(np.float32)], picture.shape[:2])
                    if mask.size:
                        picture[box] = mix(picture[box], paint[None], mask)
            ring = toward(np.linspace(0, 2 * np.pi, 16)) * (0.30, 0.075) * span
            box, mask = stencil([(ring + centre).astype(np.float32)], picture.shape[:2])
            if mask.size:
                picture[box] = mix(picture[box], white[None], mask)


class Bank:
    """A strip of grass and flowers before the camera, which the wind sways."""

    def __init__(
        self, rng: Rng, away: float, up: float, tall: float, spacing: float, soft: float
    ) -> None:
        self.away, self.up, self.density = away, up, LENS / away
        width = int(1280 + 7.5 * self.density)
        self.shape = (420, width)
        self.foot = (640 + 2.5 * self.density, 300.0)
        canvas = np.zeros((*self.shape, 4), np.uint8)
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(420, dtype=np.float32))
        edge = np.broadcast_to(noise(rng, (3, width), 260, 3)[1], self.shape)
        self.top = 250 - 16 * edge - 30 * np.cos(x / width * 12)
        soil = ramp(0.5 + 0.2 * noise(rng, self.shape, 30, 4), colours("202c14 33451c 4c5826"))
        cover = smoothstep(-4, 6, y - self.top - 12)
        canvas[..., :3] = as_bytes(soil * cover[..., None])
        canvas[..., 3] = np.round(cover * 255)
        greens = colours("2c451c 46622a 6b7f30 93963f b8a954") * 255
        roots = scatter(rng, self.shape, spacing)
        roots = roots[pick(y - self.top, roots) > 0]
        petals = colours("f5f0e2 edc84e d8604c a98ad0") * 255
        clump = noise(rng, self.shape, 120, 2)
        for root in roots[np.argsort(roots[:, 1])]:
            size = tall * rng.uniform(0.45, 1.0) * (0.8 + 0.25 * float(pick(clump, root)))
            sun = rng.uniform(0.75, 1.15)
            angle, bend = rng.normal(-np.pi / 2, 0.2), rng.normal(0.15, 0.4)
            green = greens[min(4, int(rng.exponential(1.5)))] * sun
            leaf = blade(root, angle, max(size, 8), 0.055 * tall + 3, bend)
            fill(canvas, leaf, [*np.minimum(green, 255), 255])
            if rng.random() < 0.035:
                petal = [*petals[rng.integers(4)], 255]
                ring = toward(np.linspace(0, 2 * np.pi, 14)) * rng.uniform(4, 8)
                fill(canvas, (leaf[23] + ring * (1, 0.7)).astype(np.float32), petal)
        self.canvas = cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), soft)

    def stamp(self, picture: Floats, camera: Camera, seconds: float) -> None:
        """Draw it on a picture (H, W, 3)."""
        at, scale = camera.place(0, self.up, self.away)
        first = int(at[1] - 300 * scale / self.density)
        y, x = np.mgrid[first : PLATE[0], : PLATE[1]].astype(np.float32)
        u = (x - at[0]) * (self.density / scale) + self.foot[0]
        v = (y - at[1]) * (self.density / scale) + self.foot[1]
        stands = np.clip(300 - v, 0, None) / 100
        wind = np.sin(1.9 * seconds - u / 240) + 0.5 * np.sin(4.3 * seconds - u / 90 + 1)
        laid = cv2.remap(self.canvas, u - 5 * wind * stands**1.5, v, cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        picture[first:] = picture[first:] * (1 - laid[..., 3:]) + laid[..., :3]


def sailing(rng: Rng) -> Iterator[Floats]:
    """A boat crosses a mountain lake, past a windmill: the frames (H, W, 3) in [0, 1]."""
    country, water, vessel, mill = Country(rng), Lake(rng), boat(rng), Mill(rng)
    gulls = Gulls(rng)
    banks = [Bank(rng, 10.5, 1.35, 60, 7, 0.8), Bank(rng, 7.0, 2.35, 120, 15, 1.6)]
    across = np.arange(PLATE[1], dtype=np.float32) - PLATE[1] / 2 + 0.5
    above = HORIZON - np.arange(HORIZON + 60, dtype=np.float32) - 0.5
    below = np.arange(PLATE[0] - HORIZON, dtype=np.float32) + 0.5
    ground = country.lands[-1]
    place = (np.array(MILL) - (ground.left, ground.near)) / ground.cell
    foot = float(pick(ground.height, place)) - 0.3
    y, x = np.mgrid[-1 : 1 : PLATE[0] * 1j, -1 : 1 : PLATE[1] * 1j]
    corner = (1 - 0.08 * (x * x + y * y) ** 1.2).astype(np.float32)[..., None]
    soften = np.full((PLATE[0] // OVERSAMPLING, PLATE[1] // OVERSAMPLING), 0.08, np.float32)
    for number in range(FRAMES):
        seconds, part = number / RATE, number / (FRAMES - 1)
        part = 0.5 * part + 0.5 * part * part * (3 - 2 * part)
        camera = Camera(3.4 * part, 4.9 + 0.08 * part, 0.7 * part, -0.035 + 0.075 * part)
        under = camera._replace(eye=-camera.eye)
        spot = -15.5 + 2.3 * seconds
        lean = np.radians(3.5 + 1.5 * np.sin(1.7 * seconds))
        bob = 0.05 * np.sin(2.3 * seconds) - 0.02
        tilt = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
        actors = [
            (mill.at(seconds), (MILL[0], foot, MILL[1]), np.eye(2)),
            (vessel, (spot, bob, BOAT_AWAY), tilt),
        ]
        up = np.arange(1, 560, 2, dtype=np.float32)
        mirror = country.view(under, across[::2] + 0.5, up[::-1].copy(), seconds)[::-1, :, :3]
        mirror = np.ascontiguousarray(mirror)
        for sprite, where, turn in actors:
            at, scale = under.place(*where)
            flip = np.diag([0.5, -0.5]) @ turn * scale
            sprite.stamp(mirror, np.array([at[0], HORIZON - at[1]]) / 2, flip)
        picture = np.empty((*PLATE, 3), np.float32)
        picture[HORIZON:] = water.picture(mirror, camera, across, below, seconds, spot)
        land = country.view(camera, across, above, seconds)
        picture[:HORIZON] = land[:HORIZON, :, :3]
        shore = np.s_[HORIZON : len(above)]
        picture[shore] = mix(picture[shore], land[shore][..., :3], land[shore][..., 3])
        gulls.stamp(picture, seconds)
        for sprite, where, turn in actors:
            at, scale = camera.place(*where)
            sprite.stamp(picture, at, turn * scale)
        for bank in banks:
            bank.stamp(picture, camera, seconds)
        frame = cv2.resize(picture * corner, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        frame = np.clip(frame, 0, 1)
        frame = mix(frame, frame.mean(2, keepdims=True), soften)
        frame = frame + 0.25 * (frame * frame * (3 - 2 * frame) - frame)
        yield frame + GRAIN * rng.standard_normal((*frame.shape[:2], 1), np.float32)


def band(rng: Rng, count: int, low: float, high: float) -> Floats:
    """`count` samples of noise of deviation 1 between two frequencies, with soft ends."""
    hertz = np.fft.rfftfreq(count, 1 / SOUND_RATE)
    share = 1 / (1 + (low / np.maximum(hertz, 1)) ** 4) / (1 + (hertz / high) ** 4)
    out = np.fft.irfft(np.fft.rfft(rng.standard_normal(count)) * share, count)
    return (out / out.std()).astype(np.float32)


def lapping(rng: Rng) -> Floats:
    """What is heard by the lake: samples (n, 2) of water, wind, and a few notes over a chord."""
    count = FRAMES * SOUND_RATE // RATE
    t = np.arange(count) / SOUND_RATE
    sound = np.zeros((count, 2))
    for ear in range(2):
        breath = 1 + 0.35 * np.clip(band(rng, count, 0.1, 0.6), -2, 2)
        sound[:, ear] += 0.020 * breath * band(rng, count, 110, 480)
    for start in np.arange(-0.3, t[-1], 0.62):
        since = t - start - rng.uniform(0, 0.3)
        swell = np.exp(-((since / np.where(since < 0, 0.10, 0.24)) ** 2))
        splash = band(rng, count, 380, 1500) + 0.3 * band(rng, count, 1500, 4200)
        ears = np.array([1, 1]) + rng.uniform(-0.7, 0.7) * np.array([1, -1])
        sound += 0.020 * rng.uniform(0.5, 1) * (swell * splash)[:, None] * ears
    for number, pitch in enumerate((146.83, 220.0, 293.66, 369.99, 440.0)):
        for ear in range(2):
            turn = 2 * np.pi * (pitch + 0.35 * (ear - 0.5) * (number + 1)) * t
            tremble = 1 + 0.15 * np.sin(2 * np.pi * (0.21 + 0.05 * number) * t + number + ear)
            tone = np.sin(turn) + 0.25 * np.sin(2 * turn) + 0.08 * np.sin(3 * turn)
            sound[:, ear] += 0.020 * tremble * tone * np.minimum(1, t / 1.5)
    for start, pitch, ears in (
        (0.5, 587.33, (0.9, 0.5)), (1.4, 880.0, (0.5, 0.9)), (2.3, 739.99, (0.8, 0.6)),
        (3.2, 659.26, (0.6, 0.8)), (4.1, 587.33, (0.9, 0.6)),
    ):  # fmt: skip
        since = np.maximum(t - start, 0)
        bell = sum(
            loud * np.sin(2 * np.pi * pitch * part * since) * np.exp(-since * fall)
            for part, loud, fall in ((1, 1.0, 1.8), (2, 0.35, 2.8), (3.01, 0.12, 4.5))
        )
        sound += 0.045 * (bell * np.minimum(1, since / 0.008))[:, None] * np.array(ears)
    ends = np.minimum(np.minimum(1, t / 0.4), np.minimum(1, (t[-1] - t) / 1.0))
    return (sound * (np.sin(ends * np.pi / 2) ** 2)[:, None]).astype(np.float32)


# --- The command ------------------------------------------------------------------------------


class Example(NamedTuple):
    """One picture: what paints it and where it belongs."""

    paint: Callable[[Rng], Floats]
    folder: str


EXAMPLES: dict[str, Example] = {
    **{
        paint.__name__: Example(paint, "style")
        for paint in (swirls, tiles, waves, glass, ink, dots, planes, blooms)
    },
    "lake": Example(lake, "content"),
}


class Film(NamedTuple):
    """One clip: what paints its frames (H, W, 3) and what makes its sound (n, 2)."""

    paint: Callable[[Rng], Iterator[Floats]]
    sound: Callable[[Rng], Floats]


FILMS: dict[str, Film] = {"sailing": Film(sailing, lapping)}
NAMES = (*EXAMPLES, *FILMS)


def make(name: str) -> Image.Image:
    """Paint the example called `name`, as an RGB picture of its final size."""
    sheet = EXAMPLES[name].paint(np.random.default_rng(SEED))
    return Image.fromarray(as_bytes(sheet)).reduce(OVERSAMPLING)


def save_film(name: str, path: Path) -> None:
    """Paint the clip called `name` and write it as an MP4 that browsers play."""
    film = FILMS[name]
    sound = np.ascontiguousarray(film.sound(np.random.default_rng(SEED)).T)
    with av.open(str(path), "w", "mp4", options={"movflags": "+faststart"}) as container:
        pictures = container.add_stream(
            "libx264", rate=RATE, options={"preset": "slow", "crf": str(RATE_FACTOR)}
        )
        pictures.height, pictures.width = (side // OVERSAMPLING for side in PLATE)
        pictures.pix_fmt = "yuv420p"
        context = pictures.codec_context
        context.thread_count = 1  # with more, x264 decides otherwise
        context.gop_size = FRAMES  # a second key frame would be seen as a jolt
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = ColorRange.MPEG
        voice = container.add_stream("aac", rate=SOUND_RATE, layout="stereo", bit_rate=SOUND_BITS)
        for number, picture in enumerate(film.paint(np.random.default_rng(SEED))):
            frame = av.VideoFrame.from_ndarray(as_bytes(picture), format="rgb24").reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
                interpolation=SCALING,
            )
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(pictures.encode(frame))
            start = number * SOUND_RATE // RATE
            part = np.ascontiguousarray(sound[:, start : start + SOUND_RATE // RATE])
            heard = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            heard.sample_rate, heard.pts = SOUND_RATE, start
            heard.time_base = Fraction(1, SOUND_RATE)
            container.mux(voice.encode(heard))
        container.mux(pictures.encode(None))
        container.mux(voice.encode(None))


def path_of(name: str, root: Path) -> Path:
    """Where the example called `name` lies under the folder `root`."""
    if name in FILMS:
        return root / "content" / f"{name}.mp4"
    return root / EXAMPLES[name].folder / f"{name}.jpg"


def main() -> None:
    parser = argparse.ArgumentParser(description="Paint the example pictures.")
    parser.add_argument("--only", metavar="NAME", choices=NAMES, help=", ".join(NAMES))
    parser.add_argument(
        "-o",
        dest="root",
        metavar="DIR",
        type=Path,
        default=Path(__file__).parent,
        help="folder that gets style/ and content/ (default: this script's)",
    )
    arguments = parser.parse_args()
    for name in [arguments.only] if arguments.only else NAMES:
        path = path_of(name, arguments.root)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if name in FILMS:
                save_film(name, path)
            else:
                make(name).save(path, quality=92, subsampling="4:4:4", optimize=True)
        except OSError as error:
            parser.error(f"{path} cannot be written ({error.strerror}); choose another -o folder.")
        print(f"{path}: {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
