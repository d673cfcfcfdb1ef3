"""What all the painters share: colour, noise, brushes, washes, light."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# The names say what an array holds; numpy's stubs lose track of it in most arithmetic.
Floats = NDArray[Any]
Bytes = NDArray[Any]
Labels = NDArray[Any]
Rng = np.random.Generator
Shape = tuple[int, int]

OVERSAMPLING = 2  # of a sheet against the picture that it becomes
SUBPIXEL_BITS = 4  # OpenCV's fixed-point coordinates


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
