"""What the etching shows, as tones and directions: a windmill and a cottage among trees."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from examples.painting.materials import Bytes, Floats, Rng, blur, noise, smoothstep
from examples.painting.render import (
    Grain,
    Lens,
    Scene,
    Solid,
    box,
    develop,
    drum,
    length,
    rod,
    tints,
    unit,
)

Paint = Callable[[Floats, Floats], Floats]

SIZE = 640  # of the view that the plate is drawn after, in pixels


def vignette(rng: Rng, side: int = 2 * SIZE) -> tuple[Floats, Floats, Bytes]:
    """Tone (0 is black), direction of the lines in radians, and outlines, as maps of `side`."""
    grain, smooth = Grain(rng), Grain(rng, 2.8)
    solids: list[Solid] = []
    angles: list[float | None] = []  # of the lines on each solid; None follows its form

    def plain(tone: str) -> Paint:
        paint = tints(tone)
        return lambda p, _: paint * (1 + 0.10 * grain.solid(p, 1.0))

    def height(x: Floats, z: Floats) -> Floats:
        knoll = 3.4 * np.exp(-(((x - 4) / 13) ** 2) - ((z - 17) / 9) ** 2)
        far = 11 * smoothstep(55, 150, z) * (1 + 0.7 * smooth.flat(x, z, 60))
        return knoll + 0.55 * smooth.flat(x, z, 13) + far

    def land(p: Floats) -> Floats:
        return (p[1] - height(p[0], p[2])) * 0.7

    def meadow(p: Floats, _: Floats) -> Floats:
        path = np.abs(p[0] - 1.2 - 0.9 * np.sin(p[2] / 5.5) - 0.05 * p[2])
        worn = smoothstep(1.5, 0.7, path + 0.25 * grain.flat(p[0], p[2], 1.0)) * (p[2] < 15)
        grass = tints("8c8668") * (1 + 0.22 * grain.flat(p[0], p[2], 2.2))
        return grass + (tints("c4bca4") * (1 + 0.15 * grain.flat(p[0], p[2], 1.2)) - grass) * worn

    solids.append(Solid(land, meadow, casts=False, steps=110))
    angles.append(None)
    mx, mz = 3.4, 15.0
    my = float(height(np.array(mx), np.array(mz))) - 0.3

    def tower(p: Floats) -> Floats:
        x, y, z = p[0] - mx, p[1] - my, p[2] - mz
        shaft = drum(x, y - 4, z, 2.5 - 0.11 * y, 4.2)
        deck = drum(x, y - 3.0, z, 3.0, 0.10)
        eave = drum(x, y - 8.1, z, 1.95, 0.16)
        cap = np.maximum(length(x / 1.75, (y - 8.1) / 2.1, z / 1.75) - 1, (8.1 - y)) * 1.2
        return np.minimum(np.minimum(shaft, deck), np.minimum(eave, cap)) * 0.85

    def bricks(p: Floats, _: Floats) -> Floats:
        x, y, z = p[0] - mx, p[1] - my, p[2] - mz
        base = tints("d8d0bc") * (1 + 0.12 * grain.solid(p, 0.8))
        dark = np.zeros_like(x, bool)
        for wx, wy, half, tall in (
            (-0.5, 5.8, 0.36, 0.5),
            (0.7, 4.4, 0.36, 0.5),
            (-0.3, 1.3, 0.55, 1.2),
        ):
            dark |= (np.abs(x - wx) < half) & (np.abs(y - wy) < tall) & (z < 0)
        base = np.where(dark, tints("201a16"), base)
        return np.where(y > 8.0, tints("6a6258"), base)

    solids.append(Solid(tower, bricks, (mx, my + 5, mz), 6.5))
    angles.append(1.52)

    def sails(p: Floats) -> Floats:
        x, y, z = p[0] - mx, p[1] - my - 8.6, p[2] - mz + 2.6
        c, s = np.cos(0.5), np.sin(0.5)
        x, y = c * x + s * y, c * y - s * x
        out = length(x, y, z) - 0.35
        for _ in range(4):
            x, y = y, -x
            arm = box(x, y - 3.4, z, 0.13, 3.4, 0.10)
            frame = box(x + 0.62, y - 4.1, z, 0.52, 2.5, 0.04)
            bars = (
                np.minimum(np.abs((y - 1.6) / 0.5 % 1 - 0.5) * 0.5, np.abs(np.abs(x + 0.62) - 0.48))
                - 0.055
            )
            cloth = box(x + 0.62, y - 5.2, z, 0.52, 1.4, 0.05)
            out = np.minimum(out, np.minimum(arm, np.minimum(np.maximum(frame, bars), cloth)))
        axle = rod(np.stack([x, y, z]), (0, 0, 0), (0, 0, 2.0), 0.2, 0.2)
        return np.minimum(out, axle) * 0.9

    solids.append(Solid(sails, plain("94887a"), (mx, my + 8.6, mz - 1.8), 7.4))
    angles.append(1.0)

    def cottage(p: Floats) -> Floats:
        x, y, z = p[0] + 1.9, p[1] - my + 0.6, p[2] - mz + 1.5
        x, z = 0.93 * x + 0.37 * z, 0.93 * z - 0.37 * x
        over = (np.abs(z) * 1.1 + y - 4.2) / 1.487
        gable = np.maximum(np.maximum(over + 0.05, -y - 2), np.abs(x) - 2.2)
        body = np.maximum(gable, np.abs(z) - 1.6)
        slab = np.maximum(np.maximum(np.abs(over) - 0.10, np.abs(x) - 2.5), 2.1 - y)
        stack = box(x - 1.3, y - 4.2, z, 0.3, 0.9, 0.3)
        door = box(x + 0.3, y - 0.9, z + 1.6, 0.45, 0.95, 0.3)
        panes = np.minimum(
            box(x - 1.2, y - 1.5, z + 1.6, 0.32, 0.4, 0.3),
            box(x + 1.4, y - 1.5, z + 1.6, 0.32, 0.4, 0.3),
        )
        body = np.maximum(body, -np.minimum(door, panes))
        return np.minimum(np.minimum(body, slab), stack) * 0.95

    def thatch(p: Floats, _: Floats) -> Floats:
        y = p[1] - my + 0.6
        return np.where(y > 2.15, tints("7a7060"), tints("e4dcc8")) * (
            1 + 0.12 * grain.solid(p, 0.5)
        )

    solids.append(Solid(cottage, thatch, (-1.9, my + 1.7, mz - 1.5), 4.6))
    angles.append(1.15)

    def tree(x0: float, z0: float, tall: float, wide: float, lobes: int) -> None:
        y0 = float(height(np.array(x0), np.array(z0)))
        spots = []
        for k in range(lobes):
            turn, up = 2.4 * k, (k + 0.5) / lobes
            reach = wide * np.sqrt(np.sin(np.pi * (0.18 + 0.75 * up))) * 0.62
            spots.append((x0 + reach * np.cos(turn), y0 + tall * (0.42 + 0.52 * up),
                          z0 + reach * np.sin(turn), wide * rng.uniform(0.42, 0.58)))  # fmt: skip

        def crown(p: Floats) -> Floats:
            best = np.full(p.shape[1], 1e3, np.float32)
            for x, y, z, size in spots:
                best = np.minimum(best, length(p[0] - x, p[1] - y, p[2] - z) - size)
            return (best + 0.22 * wide / 2.6 * grain.solid(p, 1.6 * wide / 2.6)) * 0.75

        def trunk(p: Floats) -> Floats:
            stem = rod(
                p, (x0, y0 - 0.5, z0), (x0 + 0.3, y0 + 0.6 * tall, z0), 0.11 * wide, 0.06 * wide
            )
            bough = rod(
                p,
                (x0, y0 + 0.35 * tall, z0),
                (x0 - 0.5 * wide, y0 + 0.62 * tall, z0),
                0.06 * wide,
                0.03 * wide,
            )
            return np.minimum(stem, bough) + 0.02 * grain.solid(p, 0.5)

        solids.append(
            Solid(crown, plain("7c7a62"), (x0, y0 + 0.70 * tall, z0), 0.50 * tall + 0.6 * wide)
        )
        angles.append(None)
        solids.append(Solid(trunk, plain("8a7c68"), (x0, y0 + 0.3 * tall, z0), 0.55 * tall))
        angles.append(0.2)

    tree(-7.6, 10.5, 9.6, 3.3, 15)
    tree(11.4, 17.0, 6.6, 2.3, 10)
    tree(14.0, 24.0, 7.0, 2.6, 9)
    tree(-4.5, 27.0, 5.6, 2.3, 9)
    tree(-9.5, 36.0, 7.0, 3.0, 10)
    tree(-17.0, 44.0, 7.5, 3.2, 10)
    tree(22.0, 50.0, 8.0, 3.6, 10)
    tree(6.6, 4.2, 2.4, 1.15, 8)

    for x0, z0 in [(-6.4 + 1.5 * k, 6.5 + 0.55 * k) for k in range(4)]:
        y0 = float(height(np.array(x0), np.array(z0)))

        def post(p: Floats, x0: float = x0, y0: float = y0, z0: float = z0) -> Floats:
            upright = rod(p, (x0, y0 - 0.3, z0), (x0 + 0.06, y0 + 1.1, z0), 0.10, 0.09)
            return np.minimum(
                upright, rod(p, (x0, y0 + 0.8, z0), (x0 + 1.5, y0 + 0.85, z0 + 0.55), 0.05, 0.05)
            )

        solids.append(Solid(post, plain("8a7c68"), (x0 + 0.6, y0 + 0.4, z0 + 0.4), 1.7))
        angles.append(1.4)

    sun = unit(np.array([-0.72, 0.55, -0.42], np.float32))

    def sky(way: Floats) -> Floats:
        up = np.clip(way[1], 0, 1)
        u, v = way[0] / (up + 0.25), 1.6 * up
        billow = smooth.flat(u, v * 2.2, 0.75) + 0.35 * grain.flat(u, v * 2.2, 0.45)
        shifted = smooth.flat(u - 0.10, v * 2.2 + 0.12, 0.75) + 0.35 * grain.flat(
            u - 0.10, v * 2.2 + 0.12, 0.45
        )
        body = smoothstep(-0.1, 0.5, billow)
        blue = 0.62 - 0.42 * smoothstep(0.05, 0.6, up)
        cloud = np.clip(0.85 + 0.75 * (billow - shifted), 0.30, 1.15)
        out = blue + (cloud - blue) * body
        return np.broadcast_to(out, way.shape).astype(np.float32)

    scene = Scene(solids, sky, sun, 2.7 * tints("ffffff")[:, 0], 0.55 * tints("ffffff")[:, 0],
                  0.2 * tints("ffffff")[:, 0], haze=0.005, soft=20, reach=1.6,
                  hazed=lambda way: np.full(way.shape, 0.85, np.float32))  # fmt: skip
    lens = Lens((0.6, 2.9, -8.0), (1.6, 7.5, 15), 1.08)
    y, x = (g.ravel().astype(np.float32) + 0.5 for g in np.mgrid[:SIZE, :SIZE])
    origin, way = lens.rays(x, y, (SIZE, SIZE))
    light, which = scene.look(origin, way)
    tone = develop(light, 0.75).mean(0).reshape(SIZE, SIZE)
    tone = np.clip((tone - 0.10) / 0.82, 0, 1) ** 1.25
    far, _ = scene.first(origin, way)
    solid, depth = which.reshape(SIZE, SIZE), far.reshape(SIZE, SIZE)
    return compose(rng, tone, solid, depth, angles, side)


def compose(
    rng: Rng, tone: Floats, solid: Floats, depth: Floats, angles: list[float | None], side: int
) -> tuple[Floats, Floats, Bytes]:
    """Turn what was seen into tones, directions and outlines of the plate's size."""
    # Lines run along the contours of the ground, curl in leaves, and are level in the sky.
    near = blur(np.log(np.minimum(depth, 400)).astype(np.float32), 2.5)
    gx, gy = (cv2.Sobel(near, cv2.CV_32F, *d) for d in ((1, 0), (0, 1)))
    leafy = 0.9 + 0.75 * noise(rng, tone.shape, 34, 2)
    angle = 0.16 * noise(rng, tone.shape, 110, 2)
    for number, fixed in enumerate(angles):
        here = solid == number
        own = np.arctan2(gy, gx) + np.pi / 2 if number == 0 else leafy
        angle = np.where(
            here, own if fixed is None else fixed + 0.10 * noise(rng, tone.shape, 60, 2), angle
        )
    # Doubled angles, because a line has no head: so they can be smoothed.
    c, s = (blur(f(2 * angle).astype(np.float32), 1.0) for f in (np.cos, np.sin))
    angle = np.arctan2(s, c) / 2
    # What lies behind an edge is left lighter along it, so that the nearer thing stands out.
    away = np.log(np.minimum(depth, 4000)).astype(np.float32)
    behind = away - cv2.erode(away, np.ones((9, 9), np.uint8)) > 0.05
    tone = tone + 0.35 * blur(behind.astype(np.float32), 1.2)
    large = (side, side)
    tone = cv2.resize(tone.astype(np.float32), large, interpolation=cv2.INTER_CUBIC)
    c, s = (cv2.resize(f(2 * angle).astype(np.float32), large) for f in (np.cos, np.sin))
    edge = np.zeros(solid.shape, bool)
    for axis in (0, 1):
        jump = np.abs(np.diff(np.log(depth), axis=axis)) > 0.035
        change = np.diff(solid, axis=axis) != 0
        pad = [(0, 1), (0, 0)] if axis == 0 else [(0, 0), (0, 1)]
        edge |= np.pad(jump | change, pad)
    outline = cv2.resize(edge.astype(np.float32), large, interpolation=cv2.INTER_LINEAR)
    outline = smoothstep(0.2, 0.6, blur(outline, 0.8)) * (0.8 + 0.2 * noise(rng, large, 50, 2))
    return (
        np.clip(tone, 0, 1),
        np.arctan2(s, c) / 2,
        np.round(np.clip(outline, 0, 0.9) * 255).astype(np.uint8),
    )
