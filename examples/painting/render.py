"""A small renderer of solids given by their distance functions: soft light, shadow, haze.

Points and directions are arrays (3, n): x to the right, y up, z away from the viewer. Colours are
linear within, and become sRGB when a picture is developed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from examples.painting.materials import Floats, Rng, Shape, colours

FAR = 1e6
GAMMA = 2.2


def tints(hexes: str) -> Floats:
    """Colours as columns (3, n), linear."""
    out: Floats = (colours(hexes) ** GAMMA).T
    return out


def shades(t: Floats, stops: Floats) -> Floats:
    """Colour (3, n) at `t` between the evenly spaced columns of `stops` (3, m)."""
    at = np.linspace(0, 1, stops.shape[1])
    return np.stack([np.interp(t, at, row) for row in stops]).astype(np.float32)


def blend(a: Floats, b: Floats, t: Floats) -> Floats:
    out: Floats = a + (b - a) * t
    return out


def unit(v: Floats) -> Floats:
    out: Floats = v / (np.sqrt((v * v).sum(0)) + 1e-9)
    return out


class Grain:
    """Fractal noise in the plane and in space, read from one tile that joins with itself."""

    SIZE = 512

    def __init__(self, rng: Rng, fall: float = 1.5) -> None:
        across = np.fft.fftfreq(self.SIZE, 1 / self.SIZE)
        reach = np.hypot(across[:, None], across[: self.SIZE // 2 + 1])
        white = np.fft.rfft2(rng.standard_normal((self.SIZE, self.SIZE)))
        tile = np.fft.irfft2(white * np.where(reach > 7, 1 / np.maximum(reach, 1) ** fall, 0))
        self.tile: Floats = (tile / tile.std()).astype(np.float32)

    def flat(self, x: Floats, y: Floats, cell: float) -> Floats:
        """Noise of deviation 1 whose largest lumps are about `cell` across."""
        scale = self.SIZE / (10 * cell)
        u, v = (np.asarray(x) * scale % self.SIZE), (np.asarray(y) * scale % self.SIZE)
        u, v = np.broadcast_arrays(u, v)
        i, j = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
        fu, fv = (u - i).astype(np.float32), (v - j).astype(np.float32)
        i, j = i % self.SIZE, j % self.SIZE
        k, m = (i + 1) % self.SIZE, (j + 1) % self.SIZE
        above = self.tile[j, i] + (self.tile[j, k] - self.tile[j, i]) * fu
        below = self.tile[m, i] + (self.tile[m, k] - self.tile[m, i]) * fu
        out: Floats = above + (below - above) * fv
        return out

    def solid(self, p: Floats, cell: float) -> Floats:
        x, y, z = p
        out: Floats = self.flat(x, y, cell) + self.flat(y + 3.7 * cell, z, cell)
        return (out + self.flat(z + 1.9 * cell, x + 5.1 * cell, cell)) * 0.577


# --- Distances ----------------------------------------------------------------------------------


def length(*parts: Floats) -> Floats:
    out: Floats = np.sqrt(sum(part * part for part in parts))
    return out


def box(x: Floats, y: Floats, z: Floats, a: float, b: float, c: float, r: float = 0) -> Floats:
    """A box of half sides `a`, `b`, `c`, its edges rounded by `r`."""
    u, v, w = np.abs(x) - a + r, np.abs(y) - b + r, np.abs(z) - c + r
    outside = length(np.maximum(u, 0), np.maximum(v, 0), np.maximum(w, 0))
    out: Floats = outside + np.minimum(np.maximum(np.maximum(u, v), w), 0) - r
    return out


def egg(x: Floats, y: Floats, z: Floats, a: float, b: float, c: float) -> Floats:
    """An ellipsoid of radii `a`, `b`, `c`."""
    k = length(x / a, y / b, z / c)
    m = length(x / (a * a), y / (b * b), z / (c * c))
    out: Floats = k * (k - 1) / (m + 1e-6)
    return out


def drum(
    x: Floats, y: Floats, z: Floats, radius: Floats | float, half: float, r: float = 0
) -> Floats:
    """An upright cylinder; its radius may change with y."""
    u, v = np.sqrt(x * x + z * z) - radius + r, np.abs(y) - half + r
    out: Floats = np.minimum(np.maximum(u, v), 0) + length(np.maximum(u, 0), np.maximum(v, 0)) - r
    return out


def rod(p: Floats, a: Sequence[float], b: Sequence[float], ra: float, rb: float) -> Floats:
    """A rod with round ends from `a` to `b`, of radius `ra` there and `rb` here."""
    a0, way = np.array(a, np.float32)[:, None], (np.array(b) - np.array(a)).astype(np.float32)
    off = p - a0
    t = np.clip((off * way[:, None]).sum(0) / (way @ way), 0, 1)
    out: Floats = length(*(off - way[:, None] * t)) - (ra + (rb - ra) * t)
    return out


def merge(a: Floats, b: Floats, k: float) -> Floats:
    """The union of two solids that flow into each other over a width of `k`."""
    h = np.clip(0.5 + 0.5 * (b - a) / k, 0, 1)
    out: Floats = b + (a - b) * h - k * h * (1 - h)
    return out


# --- Scenes -------------------------------------------------------------------------------------


@dataclass
class Solid:
    """A thing to be seen.

    Attributes:
        distance: from points, how far they are from its surface; negative within.
        paint: from points and normals, its colour (3, n), linear.
        centre, radius: a ball that holds it.
        relief: how far its surface rises, for the shading alone.
        glow: light of its own (3, n).
        gloss: how much of the surroundings it mirrors at a steep look, 0 to 1.
        polish: how tight its highlight is.
        step: the share of the distance that may be gone without passing through.
        mirrors: whether what it mirrors is looked up among the solids, too.
        casts: whether it throws shadows.
        rays: its distance along rays, where arithmetic knows it.
    """

    distance: Callable[[Floats], Floats]
    paint: Callable[[Floats, Floats], Floats]
    centre: Sequence[float] = (0, 0, 0)
    radius: float = FAR
    relief: Callable[[Floats], Floats] | None = None
    glow: Callable[[Floats, Floats], Floats] | None = None
    gloss: float = 0.0
    polish: float = 40.0
    step: float = 0.95
    mirrors: bool = False
    casts: bool = True
    rays: Callable[[Floats, Floats], Floats] | None = None
    steps: int = 72


@dataclass
class Lamp:
    """A light near by: where it is, its colour, and how far it reaches."""

    at: tuple[float, float, float]
    tint: Floats
    reach: float


@dataclass
class Scene:
    """Solids under a sky, a sun, and lamps."""

    solids: list[Solid]
    sky: Callable[[Floats], Floats]  # colour (3, n) of directions
    sun: Floats  # the direction towards it (3,)
    sunlight: Floats
    skylight: Floats
    bounce: Floats
    haze: float = 0.0  # per unit of distance
    soft: float = 14.0  # sharpness of shadows
    reach: float = 1.0  # of the shade in corners
    lamps: list[Lamp] = field(default_factory=list)
    hazed: Callable[[Floats], Floats] | None = None  # colour of the haze; the sky's, if not given

    def span(self, solid: Solid, origin: Floats, way: Floats) -> tuple[Floats, Floats]:
        """Where rays enter and leave the ball that holds a solid; enter > leave where they miss."""
        off = origin - np.array(solid.centre, np.float32)[:, None]
        b = (off * way).sum(0)
        under = b * b - (off * off).sum(0) + solid.radius**2
        root = np.sqrt(np.maximum(under, 0))
        return np.where(under > 0, -b - root, FAR), -b + root

    def first(self, origin: Floats, way: Floats) -> tuple[Floats, Floats]:
        """How far each ray goes, and the number of the solid that it meets, -1 for none."""
        best = np.full(way.shape[1], FAR, np.float32)
        which = np.full(way.shape[1], -1)
        for number, solid in enumerate(self.solids):
            if solid.rays is not None:
                t = solid.rays(origin, way)
                nearer = (t > 0) & (t < best)
                best, which = np.where(nearer, t, best), np.where(nearer, number, which)
                continue
            enter, leave = self.span(solid, origin, way)
            enter = np.maximum(enter, 0.02)
            live = np.flatnonzero(enter < np.minimum(leave, best))
            t, start, course = enter[live], origin[:, live], way[:, live]
            end = np.minimum(leave, best)[live]
            for _ in range(solid.steps):
                if not live.size:
                    break
                apart = solid.distance(start + course * t)
                met = apart < 0.0006 * t + 1e-5
                best[live[met]], which[live[met]] = t[met], number
                t = t + np.maximum(apart, 0.0003 * t) * solid.step
                on = ~met & (t < end)
                live, t, end = live[on], t[on], end[on]
                start, course = start[:, on], course[:, on]
        return best, which

    def sunny(
        self, p: Floats, towards: Floats, sharp: float, limit: Floats | None = None
    ) -> Floats:
        """The share of the light from `towards` (3, n) that reaches points."""
        share = np.ones(p.shape[1], np.float32)
        for solid in self.solids:
            if not solid.casts:
                continue
            enter, leave = self.span(solid, p, towards)
            if limit is not None:
                leave = np.minimum(leave, limit)
            t = np.maximum(enter, 0.012)
            live = np.flatnonzero((t < leave) & (share > 0.02))
            t, start, course, end = t[live], p[:, live], towards[:, live], leave[live]
            for _ in range(36):
                if not live.size:
                    break
                apart = solid.distance(start + course * t)
                share[live] = np.minimum(share[live], np.clip(sharp * apart / t, 0, 1))
                t = t + np.clip(apart * solid.step, 0.012 * t + 0.004, None)
                on = (t < end) & (share[live] > 0.02)
                live, t, end = live[on], t[on], end[on]
                start, course = start[:, on], course[:, on]
        return share * share * (3 - 2 * share)

    def open(self, p: Floats, normal: Floats) -> Floats:
        """How much of the sky points see past what is close by."""
        shut = np.zeros(p.shape[1], np.float32)
        for weight, share in ((0.55, 0.08), (0.40, 0.25), (0.32, 0.55), (0.26, 1.0)):
            away = share * self.reach
            at = p + normal * away
            free = np.full(p.shape[1], away, np.float32)
            for solid in self.solids:
                off = at - np.array(solid.centre, np.float32)[:, None]
                near = np.flatnonzero((off * off).sum(0) < (solid.radius + away) ** 2)
                if near.size:
                    free[near] = np.minimum(free[near], solid.distance(at[:, near]))
            shut += weight * np.clip(1 - free / away, 0, 1)
        return np.clip(1 - shut, 0.06, 1)

    def normal(self, solid: Solid, p: Floats, t: Floats) -> Floats:
        out = np.zeros_like(p)
        small = 0.0007 * t + 1e-4
        for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
            way = np.array(corner, np.float32)[:, None]
            at = p + way * small
            rise = solid.distance(at)
            if solid.relief is not None:
                rise = rise - solid.relief(at)
            out += way * rise
        return unit(out)

    def look(self, origin: Floats, way: Floats, bounces: int = 1) -> tuple[Floats, Floats]:
        """The light that comes along rays (3, n), and which solid each meets."""
        t, which = self.first(origin, way)
        light = self.sky(way)
        met = np.flatnonzero(which >= 0)
        if not met.size:
            return light, which
        t, way, number = t[met], way[:, met], which[met]
        p = origin[:, met] + way * t
        normal, paint, own = (np.zeros_like(p) for _ in range(3))
        gloss, polish = np.zeros_like(t), np.ones_like(t)
        for k in np.unique(number):
            of, solid = np.flatnonzero(number == k), self.solids[k]
            normal[:, of] = self.normal(solid, p[:, of], t[of])
            paint[:, of] = solid.paint(p[:, of], normal[:, of])
            if solid.glow is not None:
                own[:, of] = solid.glow(p[:, of], normal[:, of])
            gloss[of], polish[of] = solid.gloss, solid.polish
        clear = p + normal * (0.002 * t + 0.002)
        sun = np.broadcast_to(self.sun.astype(np.float32)[:, None], p.shape)
        facing = np.maximum((normal * sun).sum(0), 0)
        lit = np.zeros_like(t)
        front = np.flatnonzero(facing > 0.001)
        lit[front] = self.sunny(clear[:, front], sun[:, front], self.soft)
        free = self.open(p, normal)
        glance = 1 - np.clip(-(normal * way).sum(0), 0, 1)
        back = unit(way - 2 * (normal * way).sum(0) * normal)
        shine = np.maximum((back * sun).sum(0), 0) ** polish * (polish + 8) / 30
        total = self.sunlight[:, None] * (facing * lit)
        total = total + self.skylight[:, None] * ((0.55 + 0.45 * normal[1]) * free)
        total = total + self.bounce[:, None] * ((0.5 - 0.5 * normal[1]) * free)
        for lamp in self.lamps:
            off = np.array(lamp.at, np.float32)[:, None] - p
            apart = np.sqrt((off * off).sum(0))
            cone = np.maximum((off * normal).sum(0) / apart, 0) * 0.85 + 0.15
            total = total + lamp.tint[:, None] * (
                cone * free / (1 + (apart / lamp.reach) ** 2) ** 2
            )
        seen = paint * total + own
        fresnel = gloss + (1 - gloss) * glance**5 * np.minimum(1, gloss * 12)
        mirror = np.flatnonzero(gloss > 0)
        if mirror.size:
            image = self.sky(back[:, mirror]) * np.sqrt(free[mirror])
            deep = [k for k in np.unique(number) if self.solids[k].mirrors]
            sharp = np.flatnonzero(np.isin(number[mirror], deep))
            if bounces and sharp.size:
                at = mirror[sharp]
                image[:, sharp] = self.look(clear[:, at], back[:, at], bounces - 1)[0]
            share = fresnel[mirror]
            seen[:, mirror] = seen[:, mirror] * (1 - share) + image * share
            seen[:, mirror] += self.sunlight[:, None] * (shine * lit * facing * gloss)[mirror]
        if self.haze:
            veil = 1 - np.exp(-self.haze * t)
            seen = blend(seen, (self.hazed or self.sky)(way), veil)
        light[:, met] = seen
        return light, which


@dataclass
class Lens:
    """Where the picture is taken from."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    zoom: float  # picture heights from the eye to the picture
    shift: float = 0.0  # moves the picture up, in picture heights; verticals stay upright

    def rays(self, x: Floats, y: Floats, shape: Shape) -> tuple[Floats, Floats]:
        """Rays through points of a picture of `shape`, given in its pixels."""
        height, width = shape
        ahead = unit(np.array(self.target, np.float32) - np.array(self.eye, np.float32))
        right = unit(np.array([ahead[2], 0, -ahead[0]], np.float32))
        up = np.cross(ahead, right)
        u, v = (x - width / 2) / height, (height / 2 - y) / height + self.shift
        way = ahead[:, None] * self.zoom + right[:, None] * u + up[:, None] * v
        origin = np.broadcast_to(np.array(self.eye, np.float32)[:, None], way.shape)
        return origin, unit(way).astype(np.float32)


def develop(light: Floats, exposure: float = 1.0) -> Floats:
    """Linear light (3, n) as sRGB in [0, 1], its highlights rolled off as film does."""
    x = np.maximum(light * exposure, 0)
    film = x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)
    out: Floats = np.clip(film, 0, 1) ** (1 / GAMMA)
    return out


def expose(scene: Scene, lens: Lens, shape: Shape, exposure: float = 1.0) -> Floats:
    """Take a picture of `shape`, as a sheet (2 H, 2 W, 3) in [0, 1].

    Only pixels whose neighbours differ are looked at four times, as edges need it.
    """
    height, width = shape
    y, x = (g.ravel().astype(np.float32) for g in np.mgrid[:height, :width])
    light, which = scene.look(*lens.rays(x + 0.5, y + 0.5, shape))
    plain = develop(light, exposure).T.reshape(height, width, 3)
    solid = which.reshape(height, width).astype(np.float32)
    cross = np.ones((3, 3), np.uint8)
    varied = (cv2.dilate(plain, cross) - cv2.erode(plain, cross)).max(2) > 0.07
    rough = varied | (cv2.dilate(solid, cross) != cv2.erode(solid, cross))
    sheet = np.repeat(np.repeat(plain, 2, 0), 2, 1)
    rows, columns = np.nonzero(rough)
    for dy in (0, 1):
        for dx in (0, 1):
            at = (columns + 0.25 + 0.5 * dx).astype(np.float32)
            down = (rows + 0.25 + 0.5 * dy).astype(np.float32)
            light, _ = scene.look(*lens.rays(at, down, shape))
            sheet[2 * rows + dy, 2 * columns + dx] = develop(light, exposure).T
    return sheet.astype(np.float32)


def ground(height: float) -> Callable[[Floats, Floats], Floats]:
    """The distance along rays to a level floor, for `Solid.rays`."""

    def rays(origin: Floats, way: Floats) -> Floats:
        out: Floats = np.where(way[1] < -1e-5, (height - origin[1]) / np.minimum(way[1], -1e-5), -1)
        return out.astype(np.float32)

    return rays
