"""The first eight styles: oil, mosaic, leaded glass, woodcut, ink, dots, facets, watercolour."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from examples.painting.materials import (
    Floats,
    Oil,
    Rng,
    Shape,
    Wash,
    as_bytes,
    blade,
    blob,
    blur,
    colours,
    fill,
    grid,
    light,
    line,
    mix,
    noise,
    pick,
    pieces,
    ramp,
    scatter,
    shards,
    smoothstep,
    stencil,
    stroke,
    toward,
    voronoi,
    warp,
)

SIDE = 1408  # of the sheet that a style is painted on, in pixels
SHEET: Shape = (SIDE, SIDE)


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
