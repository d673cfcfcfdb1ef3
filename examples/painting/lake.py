"""The lake: a plain picture to try the styles on."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from examples.painting.materials import (
    Floats,
    Rng,
    as_bytes,
    blade,
    blur,
    colours,
    fill,
    grid,
    line,
    mix,
    noise,
    pick,
    ramp,
    scatter,
    smoothstep,
    toward,
    warp,
)


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
