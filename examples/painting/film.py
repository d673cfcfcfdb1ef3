"""The clip: a boat crosses a mountain lake; its sound is made in the same way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from av.video.reformatter import Interpolation

from examples.painting.materials import (
    OVERSAMPLING,
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
    mix,
    noise,
    pick,
    pieces,
    ramp,
    scatter,
    smoothstep,
    stencil,
    toward,
    voronoi,
)

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
