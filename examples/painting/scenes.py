"""Content pictures: rendered scenes of clear shapes in soft light."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from examples.painting.materials import Floats, Rng, smoothstep
from examples.painting.render import (
    Grain,
    Lamp,
    Lens,
    Scene,
    Solid,
    blend,
    box,
    drum,
    egg,
    expose,
    ground,
    length,
    merge,
    rod,
    shades,
    tints,
    unit,
)

Paint = Callable[[Floats, Floats], Floats]


def local(
    p: Floats, at: Sequence[float], spin: float = 0, tilt: float = 0
) -> tuple[Floats, Floats, Floats]:
    """Points as a thing sees them that stands `at`, spun about its axis, then tilted aside."""
    x, y, z = p[0] - at[0], p[1] - at[1], p[2] - at[2]
    if tilt:
        c, s = np.cos(tilt), np.sin(tilt)
        x, y = c * x + s * y, c * y - s * x
    if spin:
        c, s = np.cos(spin), np.sin(spin)
        x, z = c * x + s * z, c * z - s * x
    return x, y, z


def plain(tone: str) -> Paint:
    paint = tints(tone)
    return lambda p, _: np.broadcast_to(paint, p.shape)


# --- Fruit --------------------------------------------------------------------------------------


def fruit(rng: Rng) -> Floats:
    """A still life: a bowl of fruit, a jug and a bottle on a wooden table, lit from a window."""
    grain = Grain(rng)
    solids: list[Solid] = []

    def boards(p: Floats, _: Floats) -> Floats:
        x, _, z = p
        board = np.floor(z / 0.92 + 0.3)
        warm = grain.flat(x * 0.10 + board * 7.3, z * 1.4 + board * 3.1, 0.30)
        fine = grain.flat(x * 0.05 + board * 2.7, z * 2.2, 0.05)
        wood = shades(0.5 + 0.13 * warm + 0.045 * fine, tints("4a2c1a 7a4c2a 9c683a b88854"))
        gap = np.abs((z / 0.92 + 0.3) % 1 - 0.5)
        return (
            wood
            * (1 - 0.75 * smoothstep(0.485, 0.496, gap))
            * (0.9 + 0.2 * (np.sin(board * 5) > 0))
        )

    solids.append(
        Solid(
            lambda p: p[1],
            boards,
            rays=ground(0),
            casts=False,
            gloss=0.035,
            polish=14,
            relief=lambda p: 0.0015 * grain.flat(p[0] * 0.08, p[2] * 2, 0.12),
        )
    )

    def plaster(p: Floats, _: Floats) -> Floats:
        x, y, _ = p
        mottle = grain.flat(x, y, 1.6) + 0.5 * grain.flat(y, x, 0.25)
        return shades(0.5 + 0.10 * mottle, tints("56635f 6f7e78 87948a a3a898"))

    def wall(origin: Floats, way: Floats) -> Floats:
        out: Floats = np.where(way[2] > 1e-4, (3.4 - origin[2]) / np.maximum(way[2], 1e-4), -1)
        return out.astype(np.float32)

    solids.append(Solid(lambda p: 3.4 - p[2], plaster, rays=wall, casts=False,
                        relief=lambda p: 0.005 * grain.flat(p[0], p[1], 1.5)))  # fmt: skip

    def cloth_height(x: Floats, z: Floats) -> Floats:
        fold = np.sin(3.1 * x + 1.2 * np.sin(1.7 * z + 0.5) + 0.6) * np.sin(1.3 * z + 0.4)
        crease = np.abs(np.sin(1.6 * x - 2.1 * z + 0.8 * np.sin(2 * x)))
        return 0.05 + 0.045 * fold + 0.05 * (1 - crease) ** 3

    def cloth(p: Floats) -> Floats:
        x, y, z = local(p, (0.55, 0, -0.75), 0.42)
        edge = np.maximum(
            np.abs(x + 0.05 * np.sin(3 * z)) - 1.75, np.abs(z + 0.04 * np.sin(4 * x)) - 1.02
        )
        sheet = np.abs(y - cloth_height(x, z)) - 0.018
        return np.maximum(sheet, edge) * 0.75

    def linen(p: Floats, _: Floats) -> Floats:
        x, _, z = local(p, (0.55, 0, -0.75), 0.42)
        stripe = smoothstep(0.02, 0.0, np.abs(np.abs(z) - 0.78) - 0.07)
        stripe = np.maximum(stripe, smoothstep(0.02, 0.0, np.abs(np.abs(z) - 0.60) - 0.022))
        base = tints("ece2cc") * (1 + 0.05 * grain.flat(x, z, 0.08))
        return blend(base, tints("a8322e"), stripe)

    solids.append(Solid(cloth, linen, (0.55, 0, -0.75), 2.2,
                        relief=lambda p: 0.002 * grain.flat(p[0], p[2], 0.12)))  # fmt: skip

    # The bowl: a shell cut off at the top, on a foot.
    bowl_at = (0.35, 1.02, 0.1)

    def bowl(p: Floats) -> Floats:
        x, y, z = local(p, bowl_at)
        around = np.sqrt(x * x + z * z)
        shell = np.abs(length(around, 1.25 * (y - 0.12)) - 1.22) / 1.18 - 0.04
        rim = length(around - 1.214, y - 0.03) - 0.055
        shell = np.minimum(np.maximum(shell, y - 0.03), rim)
        foot = drum(x, y + 0.93, z, 0.50 + 0.10 * np.clip(-y - 0.9, 0, 1), 0.10, 0.03)
        return merge(shell, foot, 0.08)

    def glaze(p: Floats, _: Floats) -> Floats:
        x, y, z = local(p, bowl_at)
        turn = np.arctan2(z, x)
        white = tints("efece0") * (1 + 0.03 * grain.solid(p, 0.3))
        wave = 0.5 + 0.5 * np.cos(14 * turn)
        petals = smoothstep(0.03, -0.03, np.abs(y + 0.42) - 0.16 * wave**0.7)
        veins = smoothstep(0.02, -0.02, np.abs(y + 0.42) - 0.07 * wave**2)
        bands = smoothstep(0.012, 0, np.abs(np.abs(y + 0.42) - 0.24) - 0.022)
        blue = tints("1d3f8a")
        out = blend(white, blue, 0.9 * np.maximum(petals - veins, bands))
        return blend(out, tints("2a57a8"), smoothstep(0.0, 0.03, y - 0.02) * 0.9)

    solids.append(Solid(bowl, glaze, bowl_at, 1.40, gloss=0.06, polish=160, step=0.8))

    def apple(
        at: tuple[float, float, float], size: float, tilt: float, spin: float, tones: str
    ) -> None:
        stops = tints(tones)

        def shape(p: Floats) -> Floats:
            x, y, z = local(p, at, spin, tilt)
            around = np.sqrt(x * x + z * z) * (1 - 0.13 * y / size)
            return (length(around - 0.30 * size, 0.96 * y) - 0.72 * size) * 0.9

        def skin(p: Floats, _: Floats) -> Floats:
            x, y, z = local(p, at, spin, tilt)
            turn = np.arctan2(z, x)
            streak = grain.flat(turn * 0.5, y * 0.12 / size, 0.10)
            blush = 0.55 * np.sin(turn + 0.8) + 0.35 * grain.solid(p, 0.5 * size)
            t = 0.52 + 0.26 * blush + 0.12 * streak - 0.25 * smoothstep(0.45, 0.75, y / size)
            speck = smoothstep(1.7, 2.2, grain.solid(p, 0.035))
            return blend(shades(t, stops), tints("f2dfa0"), 0.5 * speck)

        def stalk(p: Floats) -> Floats:
            q = np.stack(local(p, at, spin, tilt))
            return rod(
                q, (0, 0.50 * size, 0), (0.10 * size, 1.02 * size, 0.04), 0.03 * size, 0.045 * size
            )

        solids.append(Solid(shape, skin, at, 1.06 * size, gloss=0.05, polish=70))
        solids.append(Solid(stalk, plain("4a3018"), at, 1.15 * size))

    def citrus(at: tuple[float, float, float], size: float, long: float, tilt: float, spin: float,
               tones: str) -> None:  # fmt: skip
        stops = tints(tones)

        def shape(p: Floats) -> Floats:
            x, y, z = local(p, at, spin, tilt)
            body = egg(x, y, z, size, size * long, size)
            if long > 1.05:
                tip = egg(
                    x, np.abs(y) - size * long * 0.93, z, 0.25 * size, 0.24 * size, 0.25 * size
                )
                body = merge(body, tip, 0.25 * size)
            return body

        def pores(p: Floats) -> Floats:
            return -0.004 * smoothstep(0.4, 1.6, grain.solid(p, 0.035))

        def skin(p: Floats, _: Floats) -> Floats:
            _, y, _ = local(p, at, spin, tilt)
            t = 0.5 + 0.10 * grain.solid(p, 0.8) + 0.03 * grain.solid(p, 0.05)
            navel = smoothstep(0.93, 0.97, y / (size * long)) * (long < 1.05)
            return blend(shades(t, stops), tints("5a5a22"), 0.8 * navel)

        solids.append(Solid(shape, skin, at, size * max(long, 1) * 1.2, relief=pores, gloss=0.04,
                            polish=36))  # fmt: skip

    def pear(at: tuple[float, float, float], size: float, tilt: float, spin: float) -> None:
        def shape(p: Floats) -> Floats:
            x, y, z = local(p, at, spin, tilt)
            low = egg(x, y, z, 0.60 * size, 0.60 * size, 0.60 * size)
            high = length(x - 0.03, y - 0.80 * size, z) - 0.27 * size
            return merge(low, high, 0.55 * size)

        def skin(p: Floats, _: Floats) -> Floats:
            x, y, _ = local(p, at, spin, tilt)
            t = 0.5 + 0.30 * x / size + 0.14 * grain.solid(p, 0.45)
            rust = smoothstep(0.7, 2.0, grain.solid(p, 0.09) + 0.5 * smoothstep(0.6, 1.0, y / size))
            return blend(
                shades(t, tints("7a8a2a a8aa38 d0c050 d8a040")), tints("7a5426"), 0.55 * rust
            )

        def stalk(p: Floats) -> Floats:
            q = np.stack(local(p, at, spin, tilt))
            return rod(q, (0.02, 0.98 * size, 0), (0.12 * size, 1.34 * size, 0.05), 0.035, 0.030)

        solids.append(Solid(shape, skin, at, 1.25 * size, gloss=0.035, polish=40))
        solids.append(Solid(stalk, plain("42301c"), at, 1.5 * size))

    red = "7a0f18 a81a1e c8342a d87a3a e0b050"
    apple((-0.12, 1.36, -0.38), 0.50, 0.25, 0.4, red)
    apple((0.98, 1.30, -0.20), 0.47, -0.35, 2.6, "a81a1e c84a2a d8a03a c8b848 a8b040")
    apple((-0.22, 1.32, 0.55), 0.46, 0.1, 1.0, "6a8a22 8aa52e a8b83a c0c04a")
    citrus((0.44, 1.40, -0.52), 0.44, 0.96, 0.5, 0.3, "c85a0a e8780f f5921e f8a838")
    citrus((0.60, 1.45, 0.42), 0.46, 0.96, -0.3, 0.3, "c85a0a e8780f f5921e f8a838")
    citrus((0.36, 1.86, 0.02), 0.42, 0.96, 0.2, 1.3, "d0620c ee8012 f89a24 fab040")
    pear((1.98, 0.555, -0.75), 0.95, -0.14, 0.5)
    citrus((-0.72, 0.375, -1.45), 0.36, 1.22, 1.45, 0.6, "d8a010 eec020 f6d23a fae060")
    apple((1.15, 0.52, -1.62), 0.50, -0.3, 2.2, red)

    # Grapes hang over the rim.
    berries = []
    for row, (count, across, down, out) in enumerate(
        [
            (4, 0.20, 1.40, -0.92),
            (5, 0.27, 1.24, -1.14),
            (5, 0.26, 1.03, -1.24),
            (4, 0.21, 0.84, -1.24),
            (3, 0.15, 0.66, -1.20),
            (2, 0.08, 0.50, -1.16),
            (1, 0, 0.35, -1.12),
        ]
    ):
        for k in range(count):
            angle = np.pi * (k + 0.5 * (row % 2)) / max(count - 1, 1)
            spot = (-0.42 + across * np.cos(angle), down + rng.uniform(-0.04, 0.04),
                    out * 0.92 + 0.12 - 0.16 * np.sin(angle))  # fmt: skip
            berries.append((*spot, 0.125 * rng.uniform(0.9, 1.1)))

    def grapes(p: Floats) -> Floats:
        best = np.full(p.shape[1], 9, np.float32)
        for x, y, z, r in berries:
            best = np.minimum(best, length(p[0] - x, p[1] - y, p[2] - z) - r)
        return best

    def bloom(p: Floats, normal: Floats) -> Floats:
        t = 0.35 + 0.2 * grain.solid(p, 0.3) + 0.25 * normal[1] + 0.1 * grain.solid(p, 0.06)
        return shades(t, tints("2a1030 45204e 5f3a72 8a74a0"))

    solids.append(Solid(grapes, bloom, (-0.42, 0.86, -1.0), 0.95, gloss=0.05, polish=50))

    # The jug, turned to a profile, with a handle and a lip.
    jug_at = (-1.62, 0, 0.75)
    profile_y = np.array([0, 0.04, 0.12, 0.45, 0.95, 1.45, 1.85, 2.15, 2.42, 2.62])
    profile_r = np.array([0.50, 0.56, 0.60, 0.78, 0.92, 0.84, 0.60, 0.44, 0.46, 0.56])
    smooth_y = np.linspace(0, 2.62, 120)
    smooth_r = np.convolve(np.pad(np.interp(smooth_y, profile_y, profile_r), 6, "edge"),
                           np.hanning(15)[1:-1] / np.hanning(15).sum(), "valid")  # fmt: skip
    smooth_r = smooth_r[: len(smooth_y)]

    def jug(p: Floats) -> Floats:
        x, y, z = local(p, jug_at, 0.75)
        lip = smoothstep(2.2, 2.62, y) * 0.16 * np.exp(-((z / 0.22) ** 2)) * (x > 0)
        radius = np.interp(y, smooth_y, smooth_r).astype(np.float32) + lip
        around = np.sqrt(x * x + z * z)
        skin = np.abs(around - radius + 0.035) - 0.035
        body = np.where(y < 0.2, around - radius, skin)
        body = np.maximum(np.maximum(body, -y), y - 2.62) * 0.72
        arch = length(np.sqrt(((x + 0.72) / 0.85) ** 2 + ((y - 1.72) / 1.28) ** 2) - 0.52, z / 0.9)
        handle = np.maximum(arch * 0.8 - 0.075, x + 0.42)
        return merge(body, handle, 0.06)

    def slip(p: Floats, _: Floats) -> Floats:
        x, y, z = local(p, jug_at, 0.75)
        run = 1.55 + 0.10 * np.sin(5 * np.arctan2(z, x)) + 0.05 * grain.solid(p, 0.4)
        t = 0.5 + 0.08 * grain.solid(p, 0.35) + 0.03 * grain.solid(p, 0.05)
        raw = shades(t, tints("b58a5a cfa878 e0c096"))
        teal = shades(t, tints("0f4a52 1f6f72 3f9490"))
        return blend(raw, teal, smoothstep(-0.015, 0.015, y - run))

    solids.append(Solid(jug, slip, (-1.75, 1.31, 0.75), 1.75, gloss=0.05, polish=90, step=0.8))

    # The bottle, dark green.
    bottle_at = (1.85, 0, 1.35)

    def bottle(p: Floats) -> Floats:
        x, y, z = local(p, bottle_at)
        radius = 0.17 + 0.36 * smoothstep(2.45, 1.80, y) + 0.05 * (np.abs(y - 3.22) < 0.07)
        body = np.maximum(np.sqrt(x * x + z * z) - radius, np.abs(y - 1.68) - 1.68)
        return body * 0.7 - 0.015

    def green(p: Floats, normal: Floats) -> Floats:
        edge = np.abs(normal[2])
        cork = smoothstep(3.28, 3.30, p[1])
        return blend(shades(edge, tints("3a6a2c 1a3a1c 0a1c10")), tints("b08a5a"), cork)

    def label(p: Floats) -> Floats:
        x, y, z = local(p, bottle_at)
        return (
            np.maximum(np.abs(np.sqrt(x * x + z * z) - 0.58) - 0.006, np.abs(y - 1.05) - 0.42) * 0.9
        )

    def paper(p: Floats, _: Floats) -> Floats:
        x, y, z = local(p, bottle_at)
        t = np.abs(y - 1.05)
        frame = smoothstep(0.012, 0, np.abs(t - 0.34) - 0.012)
        sun = smoothstep(0.01, 0, length(x + 0.15, y - 1.12) - 0.13)
        out = blend(tints("e6d8b4") * (1 + 0.04 * grain.flat(x, y, 0.1)), tints("8a2a22"), frame)
        return blend(out, tints("b8862c"), sun * (z < 0))

    solids.append(Solid(bottle, green, (1.85, 1.68, 1.35), 1.85, gloss=0.09, polish=240, step=0.8))
    solids.append(Solid(label, paper, (1.85, 1.05, 1.35), 0.75))

    sun = unit(np.array([-0.62, 0.66, -0.52], np.float32))

    def room(way: Floats) -> Floats:
        """What shines in the glazes: a dim warm room and a window with four panes."""
        dim = blend(tints("2a241e"), tints("7a746a"), np.clip(0.5 + 0.5 * way[1], 0, 1))
        across = way[2] * sun[0] - way[0] * sun[2]
        up = way[1] - sun[1]
        front = (way * sun[:, None]).sum(0) > 0.4
        pane = smoothstep(0.22, 0.20, np.abs(across)) * smoothstep(0.26, 0.24, np.abs(up))
        bars = smoothstep(0.012, 0.022, np.abs(across)) * smoothstep(
            0.012, 0.022, np.abs(up - 0.03)
        )
        return dim + tints("fff4e0") * (9 * pane * bars * front)

    scene = Scene(solids, room, sun, 3.1 * tints("ffe6c4")[:, 0], 1.05 * tints("ccd8ec")[:, 0],
                  0.65 * tints("d8a878")[:, 0], soft=4.5, reach=0.9)  # fmt: skip
    lens = Lens((0.1, 3.1, -8.4), (0.10, 1.30, 0), 1.70)
    return expose(scene, lens, (680, 720), 0.62)


# --- A street ------------------------------------------------------------------------------------


def heavens(
    grain: Grain, stops: str, lit: str, shaded: str, sun: Floats, cover: float
) -> Callable[[Floats], Floats]:
    """A sky whose colour climbs through `stops`, with clouds lit from the side of the `sun`."""
    climb, bright, dark = tints(stops), tints(lit), tints(shaded)

    def sky(way: Floats) -> Floats:
        up = np.clip(way[1], 0, 1)
        out = shades(np.sqrt(up), climb)
        near = np.maximum((way * sun[:, None]).sum(0), 0)
        out = out + bright * (0.35 * near**8 + 0.5 * near**60)
        u, v = way[0] / (up + 0.14), way[2] / (up + 0.14)
        billow = grain.flat(u, v * 1.5, 1.5)
        toward_sun = grain.flat(u + 0.16 * sun[0], v * 1.5 + 0.16 * sun[2], 1.5)
        body = smoothstep(cover, cover + 1.0, billow) * smoothstep(0.015, 0.12, way[1])
        side = np.clip(
            0.5 + 0.55 * (billow - toward_sun) - 0.25 * smoothstep(cover + 0.5, cover + 2, billow),
            0,
            1,
        )
        return blend(out, blend(dark, bright, side), 0.92 * body)

    return sky


def street(rng: Rng) -> Floats:
    """A cobbled street at the end of a day: gabled houses, lit windows, a church."""
    grain = Grain(rng)
    solids: list[Solid] = []
    sun = unit(np.array([-0.60, 0.50, -0.40], np.float32))

    def cobbles(p: Floats) -> tuple[Floats, Floats, Floats]:
        """Where on its stone a point lies, -1 to 1 each way, and a number that marks the stone."""
        x, z = p[0] + 0.05 * grain.flat(p[0], p[2], 1.2), p[2] + 0.05 * grain.flat(p[2], p[0], 1.2)
        row = np.floor(z / 0.30)
        place = x / 0.24 + 0.5 * (row % 2)
        mark = np.sin(np.floor(place) * 12.9898 + row * 78.233) * 43758.5
        return 2 * (place % 1) - 1, 2 * (z / 0.30 % 1) - 1, mark - np.floor(mark)

    def setts(p: Floats, _: Floats) -> Floats:
        u, v, mark = cobbles(p)
        t = 0.15 + 0.6 * mark + 0.08 * grain.flat(p[0], p[2], 0.4)
        stone = shades(t, tints("4c4a50 68625f 857a70 9c8e80"))
        joint = smoothstep(0.62, 0.95, np.maximum(np.abs(u), np.abs(v)))
        return stone * (1 - 0.65 * joint)

    def domes(p: Floats) -> Floats:
        u, v, _ = cobbles(p)
        return 0.030 * (1 - u**4) * (1 - v**4)

    solids.append(Solid(lambda p: p[1], setts, rays=ground(0), casts=False, relief=domes,
                        gloss=0.05, polish=20, mirrors=True))  # fmt: skip
    for side in (-1, 1):

        def curb(p: Floats, side: int = side) -> Floats:
            return box(p[0] - side * 3.3, p[1], p[2] - 20, 0.75, 0.16, 40, 0.03)

        def slabs(p: Floats, _: Floats) -> Floats:
            joint = np.abs(p[2] / 1.1 % 1 - 0.5)
            t = 0.5 + 0.12 * grain.flat(p[0], p[2], 0.8)
            return shades(t, tints("6f6a66 8f8880 aaa094")) * (
                1 - 0.6 * smoothstep(0.485, 0.5, joint)
            )

        solids.append(Solid(curb, slabs, (side * 3.3, 0, 20), 41, casts=False))

    def house(side: int, z0: float, z1: float, high: float, rise: float, front: bool, wall: str,
              tiles: str, shutter: str, columns: int, door: int) -> None:  # fmt: skip
        middle, half = (z0 + z1) / 2, (z1 - z0) / 2 - 0.02
        pitch = 2 * half / columns
        across = half if front else 3.5
        slope = rise / across
        chance = rng.random((12, columns))
        walls, roof, wood = tints(wall), tints(tiles), tints(shutter)

        def place(p: Floats) -> tuple[Floats, Floats, Floats, Floats]:
            """Depth behind the front, height, way along it, and height over the roof's face."""
            a, u = side * p[0] - 3.6, p[2] - middle
            run = np.abs(u) if front else np.abs(a - 3.5)
            return a, p[1], u, (run * slope + p[1] - high - rise) / np.hypot(1, slope)

        def bays(y: Floats, u: Floats) -> tuple[Floats, Floats, Floats, Floats]:
            column = np.clip(np.floor((u + half) / pitch), 0, columns - 1)
            floor = np.floor((y - 0.1) / 3)
            return u + half - (column + 0.5) * pitch, (y - 0.1) - floor * 3 - 1.5, column, floor

        def shape(p: Floats) -> Floats:
            a, y, u, above = place(p)
            cu, cy, column, floor = bays(y, u)
            body = box(a - 3.5, y - high / 2, u, 3.5, high / 2, half)
            attic = np.maximum(np.maximum(above + 0.05, high - 0.1 - y),
                               np.maximum(np.abs(a - 3.5) - 3.5, np.abs(u) - half))  # fmt: skip
            body = np.minimum(body, attic)
            entry = (column == door) & (floor == 0)
            low = np.where(entry, 1.6, 0.80)
            hole = np.maximum(np.abs(cu) - 0.50, np.maximum(cy - 0.80, -low - cy))
            hole = np.maximum(np.maximum(hole, a - 0.20), y - high + 0.35)
            body = np.maximum(body, -hole)
            sill = box(a + 0.04, cy + 0.90, cu, 0.10, 0.05, 0.62)
            body = np.minimum(body, np.where(entry | (y > high - 0.6), 9, sill))
            over = np.maximum(np.abs(above - 0.02) - 0.10, high - 0.42 - y)
            ends = np.maximum(np.abs(a - 3.5) - 3.85, np.abs(u) - (half + (0.05 if front else 0)))
            return np.minimum(body, np.maximum(over, ends))

        def paint(p: Floats, _: Floats) -> Floats:
            a, y, u, above = place(p)
            cu, cy, column, floor = bays(y, u)
            base = walls * (1 + 0.07 * grain.flat(u, y, 1.5) + 0.04 * grain.flat(u, y, 0.15))
            stain = smoothstep(0.8, 0.0, y) + 0.5 * smoothstep(0.8, 0, high - y)
            base = base * (1 - 0.30 * stain * (0.7 + 0.3 * grain.flat(u, y, 0.5)))
            base = blend(base, tints("7f756c"), smoothstep(0.62, 0.58, y) * 0.8)
            windowed = (y < high - 0.35) & (a < 0.3)
            entry = (column == door) & (floor == 0)
            low = np.where(entry, 1.6, 0.80)
            trim = (np.abs(cu) < 0.62) & (cy < 0.94) & (cy > -low - 0.12) & windowed
            base = np.where(trim, tints("d8cdb8"), base)
            leafs = (np.abs(cu) > 0.62) & (np.abs(cu) < 1.02) & (np.abs(cy) < 0.82) & windowed
            leafs &= (a < 0.05) & ~entry & (floor > 0)
            slat = 0.75 + 0.25 * (cy * 12 % 1)
            base = np.where(leafs, wood * slat, base)
            deep = (a > 0.12) & windowed & (np.abs(cu) < 0.50)
            frame = (
                (np.abs(cu) < 0.045)
                | (np.abs(cy - 0.25) < 0.035)
                | (np.abs(cu) > 0.43)
                | (cy > 0.73)
            )
            pane = blend(tints("1c2632"), tints("4a5a70"), np.clip(0.5 + 0.5 * cy, 0, 1))
            inside = np.where(frame, tints("ded6c6"), pane)
            panel = (np.abs(np.abs(cu) - 0.23) < 0.15) & (np.abs((cy + 0.4) % 0.75 - 0.37) < 0.28)
            leaf = wood * np.where(panel, 0.65, 1.0)
            inside = np.where(entry & (cy < 0.45), leaf, inside)
            base = np.where(deep, inside, base)
            row = np.where(front, np.abs(u), np.abs(a - 3.5)) * np.hypot(1, slope) / 0.26
            along = np.where(front, a, u) / 0.24 + 0.5 * (np.floor(row) % 2)
            mark = np.sin(np.floor(along) * 17.1 + np.floor(row) * 57.7) * 4375.5
            t = 0.5 + 0.35 * ((mark % 1) - 0.5) + 0.12 * grain.flat(u, a, 1.0)
            tiled = (
                shades(t, roof)
                * (0.62 + 0.38 * (row % 1))
                * (0.8 + 0.2 * np.abs(np.sin(np.pi * along)))
            )
            return np.where(above > -0.11, tiled, base)

        def glow(p: Floats, _: Floats) -> Floats:
            a, y, u, above = place(p)
            cu, cy, column, floor = bays(y, u)
            rows = np.clip(floor, 0, 11).astype(int)
            on = (
                (chance[rows, column.astype(int)] < 0.42)
                & (a > 0.12)
                & (a < 0.3)
                & (y < high - 0.35)
            )
            entry = (column == door) & (floor == 0)
            on &= (np.abs(cu) < 0.43) & (np.abs(cu) > 0.045) & (cy < 0.73) & ~(entry & (cy < 0.45))
            on &= np.abs(cy - 0.25) > 0.035
            curtain = 0.55 + 0.45 * np.cos(cu * 5) + 0.25 * (cy < 0.0)
            return tints("ffb04a") * (on * (above < -0.2) * 2.0 * curtain)

        reach = float(np.hypot(np.hypot(3.9, half + 0.2), (high + rise) / 2 + 0.3))
        centre = (side * 7.1, (high + rise) / 2, middle)
        solids.append(Solid(shape, paint, centre, reach, glow=glow, step=0.8))
        # A chimney, beside the ridge.
        cx, cz = side * (3.6 + rng.uniform(1.2, 2.2)), middle + rng.uniform(-0.3, 0.3) * half
        top = high + rise + 0.5

        def chimney(p: Floats) -> Floats:
            stack = box(p[0] - cx, p[1] - top + 1.4, p[2] - cz, 0.38, 1.6, 0.38, 0.03)
            return np.minimum(
                stack, box(p[0] - cx, p[1] - top - 0.12, p[2] - cz, 0.46, 0.10, 0.46, 0.03)
            )

        def brick(p: Floats, _: Floats) -> Floats:
            course = np.floor(p[1] / 0.15)
            joint = np.abs(p[1] / 0.15 % 1 - 0.5)
            t = 0.5 + 0.3 * np.sin(course * 7.7) * 0.5 + 0.15 * grain.solid(p, 0.3)
            return shades(t, tints("6a3a2c 8a4e3a a0644a")) * (
                1 - 0.4 * smoothstep(0.38, 0.48, joint)
            )

        solids.append(Solid(chimney, brick, (cx, top - 1.3, cz), 1.9))

    red, slate, brown = "6a2a1e 8f3d28 b0583a", "3a404a 525a64 6a727a", "4f3526 6f4a32 8c6244"
    for row in [
        (-1, -5.0, 1.8, 6.8, 3.0, True, "c9a878", red, "3f5f50", 3, 1),
        (-1, 1.8, 7.0, 9.3, 3.6, True, "b8786a", slate, "e0d4bc", 2, 0),
        (-1, 7.0, 13.6, 6.6, 3.0, False, "d8bc80", red, "4a6a80", 3, 2),
        (-1, 13.6, 18.8, 9.6, 3.4, True, "8fa0a8", brown, "7a3a30", 2, 1),
        (-1, 18.8, 25.8, 7.0, 3.4, True, "cf9a70", red, "3a4a40", 3, 0),
        (-1, 25.8, 33.0, 9.0, 3.0, False, "b4b090", slate, "6a3028", 3, 1),
        (1, -5.0, 3.2, 9.2, 3.2, False, "d9c6a0", slate, "3a5a78", 4, 1),
        (1, 3.2, 8.6, 6.6, 3.4, True, "d08a5c", red, "35504a", 2, 1),
        (1, 8.6, 13.6, 9.8, 3.4, True, "e2d2ac", brown, "7f3428", 2, 0),
        (1, 13.6, 20.4, 7.0, 3.0, False, "a8b49c", red, "5a4030", 3, 2),
        (1, 20.4, 26.0, 9.4, 3.6, True, "d8a68c", slate, "40586a", 2, 0),
        (1, 26.0, 33.0, 7.0, 3.4, True, "d0b878", red, "3c5040", 3, 1),
    ]:
        house(*row)

    # The church across the end of the street.
    tower_x, tower_z = 1.3, 43.0

    def church(p: Floats) -> Floats:
        x, y, z = p[0] - tower_x, p[1], p[2] - tower_z
        tower = box(x, y - 10, z, 2.7, 10, 2.7, 0.05)
        cornice = np.minimum(
            box(x, y - 20, z, 3.0, 0.3, 3.0, 0.05), box(x, y - 13.5, z, 2.85, 0.15, 2.85, 0.05)
        )
        eight = np.maximum(
            np.maximum(np.abs(x), np.abs(z)), (np.abs(x) + np.abs(z)) * 0.7071 * 1.02
        )
        spire = np.maximum(eight + (y - 20.2) * 0.195 - 2.65, 20 - y) * 0.9
        cross = np.minimum(
            box(x, y - 34.3, z, 0.09, 1.1, 0.09), box(x, y - 34.6, z, 0.5, 0.09, 0.09)
        )
        nave = box(x + 0.5, y - 4.5, z - 9, 6.2, 4.5, 8.0)
        gable = (
            np.maximum(
                np.abs(x + 0.5) * 0.8 + (y - 14) * 0.62, np.maximum(8.9 - y, np.abs(z - 9) - 8.2)
            )
            * 0.95
        )
        arch = np.maximum(
            np.abs(x) - 0.75, np.where(y > 17.5, length(x, y - 17.5) - 0.75, 15.2 - y)
        )
        door = np.maximum(np.abs(x) - 1.0, np.where(y > 2.6, length(x, y - 2.6) - 1.0, -y))
        carve = np.maximum(np.minimum(arch, door), z + 2.35)
        body = np.maximum(np.minimum(tower, cornice), -carve)
        return np.minimum(np.minimum(body, np.minimum(spire, cross)), np.minimum(nave, gable))

    def ashlar(p: Floats, normal: Floats) -> Floats:
        x, y, z = p[0] - tower_x, p[1], p[2] - tower_z
        course = np.floor(y / 0.55)
        joint = np.maximum(
            np.abs(y / 0.55 % 1 - 0.5), np.abs((x + z) / 1.1 + 0.5 * (course % 2)) % 1 - 0.5
        )
        mark = np.sin(course * 31.7 + np.floor((x + z) / 1.1 + 0.5 * (course % 2)) * 17.3) * 437.5
        t = 0.5 + 0.22 * ((mark % 1) - 0.5) + 0.13 * grain.solid(p, 2.0)
        stone = shades(t, tints("b4a68e d8c8a8 f2e4c6")) * (
            1 - 0.25 * smoothstep(0.44, 0.49, joint)
        )
        far = length(x, y - 11.6)
        dial = (z < -2.6) & (far < 1.15)
        hand = (np.abs(x + 0.0) < 0.07) & (y > 11.5) & (y < 12.5)
        hand |= (np.abs(y - 11.6 - 0.5 * x) < 0.09) & (x > -0.05) & (x < 0.62)
        ring = (far > 0.95) | hand
        face = np.where(ring, tints("3a2c20"), tints("f0e2c0"))
        stone = np.where(dial, face, stone)
        deep = (z > -2.5) & (z < -2.2) & (np.abs(x) < 1) & ((y < 3.7) | (y > 15))
        stone = np.where(deep, blend(tints("2a221c"), tints("4a3a2c"), (y * 2.2 % 1)), stone)
        roofed = ((y > 20.35) & (y < 33.4)) | ((normal[1] > 0.2) & (y > 8.8) & (z > 0.5))
        copper = shades(
            0.5 + 0.2 * grain.solid(p, 1.2) + 0.2 * (y * 1.7 % 1 - 0.5),
            tints("5a9280 88c0aa bce0cc"),
        )
        return np.where(roofed, copper, stone)

    solids.append(Solid(church, ashlar, (1.3, 15, 48), 24, step=0.9))

    # Lanterns on posts, to both sides.
    lamps = []
    for x, y, z in [(-2.75, 3.5, 3.4), (2.75, 3.5, 10.0), (-2.75, 3.5, 19.0)]:

        def iron(p: Floats, x: float = x, y: float = y, z: float = z) -> Floats:
            q = p - np.array([[x], [0], [z]], np.float32)
            pole = rod(q, (0, 0, 0), (0, y - 0.3, 0), 0.075, 0.05)
            foot = drum(q[0], q[1] - 0.25, q[2], 0.14, 0.28, 0.03)
            cap = drum(
                q[0],
                q[1] - y - 0.36,
                q[2],
                np.clip(0.34 - (q[1] - y - 0.28) * 1.2, 0.02, 0.4),
                0.13,
            )
            floor = drum(q[0], q[1] - y + 0.30, q[2], 0.15, 0.03)
            return np.minimum(np.minimum(pole, foot), np.minimum(cap * 0.7, floor))

        def lantern(p: Floats, x: float = x, y: float = y, z: float = z) -> Floats:
            wide = 0.20 + 0.12 * (p[1] - y)
            return (np.maximum(np.abs(p[0] - x), np.abs(p[2] - z)) - wide) * 0.9 + 9 * np.maximum(
                np.abs(p[1] - y) - 0.27, 0
            )

        solids.append(Solid(iron, plain("1c2024"), (x, y / 2, z), y / 2 + 0.6))
        solids.append(
            Solid(
                lantern,
                plain("fff0c8"),
                (x, y, z),
                0.5,
                casts=False,
                glow=lambda p, _: np.broadcast_to(2.2 * tints("ffc878"), p.shape),
            )
        )
        lamps.append(Lamp((x, y, z), 2.6 * tints("ffa850")[:, 0], 2.2))

    sky = heavens(grain, "e89468 b06a78 6a5490 40488c 28387a 182556", "ffc898", "7f74a0", sun, 1.0)
    scene = Scene(solids, sky, sun, 2.5 * tints("ffc48c")[:, 0], 0.72 * tints("a4b4dc")[:, 0],
                  0.30 * tints("d0a080")[:, 0], haze=0.004, soft=16, reach=1.3, lamps=lamps,
                  hazed=lambda way: np.broadcast_to(tints("e8b08c"), way.shape))  # fmt: skip
    lens = Lens((-0.9, 2.3, -8.5), (0.15, 2.3, 20), 1.12, shift=0.26)
    return expose(scene, lens, (800, 600), 0.85)


# --- A lighthouse ---------------------------------------------------------------------------------


def cliff_rock(grain: Grain, p: Floats, lumps: Sequence[Sequence[float]]) -> Floats:
    """Rock: `lumps` (x, y, z and half sides a, b, c) grown together, cracked, in ledges."""
    x, y, z = p
    out = np.full(p.shape[1], 1e3, np.float32)
    for cx, cy, cz, a, b, c in lumps:
        out = merge(out, box(x - cx, y - cy, z - cz, a, b, c, 0.45 * min(a, c)), 2.2)
    ledge = grain.flat(x * 0.30 + z * 0.20, y, 1.5)
    return out + 0.45 * grain.solid(p, 4.5) + 0.20 * ledge


def lighthouse(rng: Rng) -> Floats:
    """A lighthouse on a cliff above the sea, a cottage beside it, a sail far out."""
    grain, smooth = Grain(rng), Grain(rng, 2.3)
    solids: list[Solid] = []
    sun = unit(np.array([-0.72, 0.50, -0.38], np.float32))
    lumps = [
        (11.0, 2.0, 6.0, 11.0, 6.0, 8.0),
        (20, 4.0, 12.0, 12.0, 7.0, 10.0),
        (3.5, 0.0, 3.0, 5.0, 3.2, 4.5),
        (-3.0, -0.8, 1.5, 2.4, 1.9, 2.2),
        (-6.6, -0.6, 3.4, 1.4, 1.3, 1.3),
        (9.0, -0.6, -3.4, 3.0, 2.2, 2.0),
        (16, 0.0, -5.0, 4.5, 3.2, 3.5),
        (3.0, -0.9, -3.8, 1.5, 1.5, 1.2),
    ]

    def rock(p: Floats) -> Floats:
        return cliff_rock(smooth, p, lumps) * 0.75

    def turf(p: Floats, normal: Floats) -> Floats:
        x, y, z = p
        band = 0.5 + 0.16 * grain.flat(x * 0.3 + z * 0.2, y, 1.1) + 0.12 * grain.solid(p, 0.9)
        stone = shades(band, tints("4f463e 7a6a5a a08c74 c4ae90"))
        stone = stone * (0.45 + 0.55 * smoothstep(0.2, 1.3, y + 0.2 * grain.flat(x, z, 0.8)))[None]
        t = 0.5 + 0.18 * grain.flat(x, z, 3) + 0.12 * grain.flat(x, z, 0.35)
        grass = shades(t, tints("3a5a22 5f7f2e 8a9a40 b4ac58"))
        over = smoothstep(0.62, 0.80, normal[1] + 0.06 * grain.solid(p, 0.6)) * smoothstep(
            3.0, 4.2, y
        )
        lit = blend(stone, grass, over)
        walk = np.abs(x - 10.0 - 0.28 * z + 0.8 * np.sin(0.5 * z)) < 0.42
        return np.where(walk & (over > 0.8), tints("b8a07c"), lit)

    def rough(p: Floats) -> Floats:
        return 0.05 * grain.solid(p, 1.1)

    solids.append(Solid(rock, turf, (10, 3, 6), 30, relief=rough, step=0.85, steps=110))

    base_x, base_y, base_z = 9.0, 7.6, 4.0

    def tower(p: Floats) -> Floats:
        x, y, z = p[0] - base_x, p[1] - base_y, p[2] - base_z
        wide = 1.55 - 0.052 * np.clip(y, 0, 11) + 0.35 * smoothstep(0.8, 0.0, y)
        shaft = drum(x, y - 5, z, wide, 6.0)
        lips = np.minimum(
            drum(x, y - 10.9, z, 1.22, 0.16, 0.05), drum(x, y - 11.15, z, 1.62, 0.10, 0.03)
        )
        room = drum(x, y - 12.9, z, 0.10, 0.1)
        cap_y = y - 13.05
        dome = np.maximum(length(x, cap_y * 1.1, z) - 0.98, -cap_y)
        ball = length(x, y - 14.15, z) - 0.17
        spike = drum(x, y - 14.7, z, 0.035, 0.6)
        eave = drum(x, y - 13.05, z, 1.12, 0.06, 0.03)
        entry = box(x + 0.25, y - 0.9, z + 1.75, 0.48, 0.95, 0.5, 0.03)
        out = np.minimum(np.minimum(shaft, lips), np.minimum(dome, np.minimum(ball, spike)))
        return np.minimum(np.minimum(out, room), np.minimum(eave, entry)) * 0.92

    def bands(p: Floats, _: Floats) -> Floats:
        x, y, z = p[0] - base_x, p[1] - base_y, p[2] - base_z
        turn = np.arctan2(x, -z)
        red = (np.floor((y + 0.3) / 2.25) % 2 == 1) & (y < 10.7)
        t = 0.5 + 0.12 * grain.flat(turn, y, 0.9) + 0.16 * grain.flat(turn * 3, y * 0.25, 0.5)
        out = np.where(
            red, shades(t, tints("8f2a22 b83a2c cc4a38")), shades(t, tints("cfc6b4 ece6d8 faf6ec"))
        )
        for at_y, at_turn in ((2.9, 0.1), (5.6, -0.5), (8.2, 0.3)):
            off = np.maximum(np.abs(turn - at_turn) * 1.3 - 0.20, np.abs(y - at_y) - 0.38)
            out = np.where(off < 0.09, tints("f4efe4"), out)
            out = np.where(off < 0, tints("1e2a36"), out)
        leaf = (z < -2.2) & (np.abs(x + 0.25) < 0.34) & (y < 1.65)
        out = np.where(leaf, tints("2a4a5f"), out)
        out = np.where((y > 10.95) & (y < 12), tints("3a3f46"), out)
        return np.where(y > 12.9, tints("8f2a22"), out)

    solids.append(Solid(tower, bands, (base_x, base_y + 6.5, base_z), 9.2, gloss=0.02))

    def cage(p: Floats) -> Floats:
        x, y, z = p[0] - base_x, p[1] - base_y, p[2] - base_z
        turn = np.arctan2(z, x)
        bar = (turn / (2 * np.pi) * 10 % 1 - 0.5) * (2 * np.pi / 10)
        around = np.sqrt(x * x + z * z)
        upright = np.maximum(length(around - 0.92, bar * 0.92) - 0.035, np.abs(y - 12.1) - 0.95)
        rail = np.minimum(length(around - 1.56, y - 12.0), length(around - 1.56, y - 11.65)) - 0.03
        rest = (turn / (2 * np.pi) * 16 % 1 - 0.5) * (2 * np.pi / 16)
        posts = np.maximum(length(around - 1.56, rest * 1.56) - 0.03, np.abs(y - 11.6) - 0.4)
        return np.minimum(upright, np.minimum(rail, posts)) * 0.8

    solids.append(Solid(cage, plain("2c3036"), (base_x, base_y + 12.1, base_z), 2.1))

    def flame(p: Floats) -> Floats:
        x, y, z = p[0] - base_x, p[1] - base_y, p[2] - base_z
        return drum(x, y - 12.05, z, 0.55, 0.62, 0.25)

    solids.append(
        Solid(
            flame,
            plain("f0e8c8"),
            (base_x, base_y + 12.05, base_z),
            1.0,
            gloss=0.05,
            glow=lambda p, _: np.broadcast_to(1.5 * tints("ffdc90"), p.shape),
        )
    )

    def cottage(p: Floats) -> Floats:
        x, y, z = local(p, (14.6, 8.7, 4.0), 0.25)
        body = box(x, y - 0.2, z, 2.5, 2.0, 1.5)
        over = (np.abs(z) * 0.9 + y - 3.55) / 1.345
        gable = np.maximum(np.maximum(over + 0.06, 2.0 - y), np.abs(x) - 2.5)
        slab = np.maximum(np.maximum(np.abs(over) - 0.09, np.abs(x) - 2.75), 1.95 - y)
        stack = box(x - 1.6, y - 3.6, z, 0.32, 0.85, 0.32, 0.03)
        return np.minimum(np.minimum(body, gable), np.minimum(slab, stack))

    def lime(p: Floats, _: Floats) -> Floats:
        x, y, z = local(p, (14.6, 8.7, 4.0), 0.25)
        over = (np.abs(z) * 0.9 + y - 3.55) / 1.345
        wall = tints("efe8d8") * (1 + 0.05 * grain.flat(x, y, 0.5))
        for cx, cy, a, b, tone in (
            (-1.45, 1.05, 0.36, 0.45, "22303e"),
            (1.45, 1.05, 0.36, 0.45, "22303e"),
            (0.0, 0.75, 0.38, 0.85, "2a4a5f"),
        ):
            off = np.maximum(np.abs(x - cx) - a, np.abs(y - cy) - b)
            wall = np.where((off < 0.10) & (z < -1.4), tints("c8bda6"), wall)
            wall = np.where((off < 0) & (z < -1.4), tints(tone), wall)
        row = np.abs(z) * 1.345 / 0.22
        t = 0.5 + 0.2 * grain.flat(np.floor(row) * 3.3 + x, row * 0.05, 0.4)
        tiled = shades(t, tints("7a2c20 a04030 bc6046")) * (0.65 + 0.35 * (row % 1))
        stack = (y > 2.75) & (np.abs(x - 1.6) < 0.36) & (np.abs(z) < 0.36)
        return np.where(stack, tints("a89880"), np.where(over > -0.10, tiled, wall))

    solids.append(Solid(cottage, lime, (14.6, 10.2, 4.0), 4.3))

    # Far headlands, one paler than the other by the haze alone.
    for cx, cz, a, b in ((-70, 190, 60, 15), (-20, 330, 70, 22), (95, 240, 60, 20)):

        def hill(p: Floats, cx: float = cx, cz: float = cz, a: float = a, b: float = b) -> Floats:
            body = egg(p[0] - cx, p[1] + 1, p[2] - cz, a, b, 30)
            return (body + 1.7 * smooth.flat(p[0], p[1] + 0.3 * p[2], 26)) * 0.7

        def moor(p: Floats, _: Floats) -> Floats:
            return shades(0.5 + 0.2 * grain.flat(p[0], p[1] * 3, 12), tints("4a5f3a 6f7a4a 8f8a60"))

        solids.append(Solid(hill, moor, (cx, 0, cz), max(a, 30) + 4, casts=False))

    def sail(p: Floats) -> Floats:
        x, y, z = local(p, (-6.5, 0, 42), 0.35, 0.05)
        hull = np.maximum(egg(x, y - 0.75, z, 2.5, 1.15, 0.8), y - 0.75)
        bulge = 0.35 * np.sin(np.clip((y - 1.5) / 6, 0, 1) * np.pi)
        main = np.maximum(
            np.abs(z + bulge * 0.6 - 0.1) - 0.06,
            np.maximum(x - 0.15, np.maximum(1.4 - y, (-x * 2.9 + y - 8.4) / 3.1)),
        )
        jib = np.maximum(
            np.abs(z + bulge * 0.6 - 0.1) - 0.06,
            np.maximum(0.35 - x, np.maximum(1.2 - y, (x * 3.1 + y - 8.0) / 3.3)),
        )
        mast = rod(np.stack([x, y, z]), (0.25, 0.5, 0), (0.25, 8.8, 0), 0.07, 0.05)
        return np.minimum(np.minimum(hull, mast), np.minimum(main, jib)) * 0.8

    def canvas(p: Floats, _: Floats) -> Floats:
        x, y, _ = local(p, (-6.5, 0, 42), 0.35, 0.05)
        cloth = np.where(x > 0.3, tints("c8503a"), tints("f6eedc"))
        return np.where(y < 0.45, tints("f0ead8"), np.where(y < 0.8, tints("2c4a6a"), cloth))

    solids.append(Solid(sail, canvas, (-6.5, 4, 42), 5.5))

    def swell(p: Floats) -> Floats:
        x, _, z = p
        long = 0.16 * grain.flat(x * 0.35, z * 1.0, 2.6) + 0.05 * grain.flat(
            x * 0.5, z * 1.1 + 9, 0.8
        )
        return long * np.exp(-np.maximum(z + 14, 0) / 60)

    def sea(p: Floats, _: Floats) -> Floats:
        x, _, z = p
        shore = rock(np.stack([x, np.zeros_like(x), z]))
        t = 0.30 + 0.13 * grain.flat(x * 0.3, z, 7) + 0.45 * np.exp(-np.maximum(shore, 0) / 2.6)
        water = shades(t, tints("0c3450 145272 2a7c90 5fb0ac"))
        lace = np.abs(grain.flat(x, z, 1.8)) + 0.5 * np.abs(grain.flat(x, z, 0.5))
        wash = smoothstep(0.62, 0.10, lace * 0.55 + shore * 0.24 - 0.08)
        fringe = smoothstep(0.55, 0.05, shore + 0.22 * grain.flat(x, z, 0.6))
        crest = smoothstep(1.7, 2.4, grain.flat(x * 0.3, z, 1.6)) * 0.7
        return blend(
            water, tints("f2f6f2"), np.clip(np.maximum(np.maximum(wash, fringe), crest), 0, 1)
        )

    solids.append(Solid(lambda p: p[1], sea, rays=ground(0), relief=swell, casts=False, gloss=0.05,
                        polish=60, mirrors=True))  # fmt: skip
    sky = heavens(grain, "f8e0bc dcd8d0 a8c4dc 6f9fd0 4478b8 2c5898", "fff4e0", "94a0b8", sun, 0.1)
    scene = Scene(solids, sky, sun, 2.7 * tints("ffe2b8")[:, 0], 0.72 * tints("b0ccf0")[:, 0],
                  0.25 * tints("c0b090")[:, 0], haze=0.0016, soft=18, reach=2.0,
                  hazed=lambda way: np.broadcast_to(tints("dcdcdc"), way.shape))  # fmt: skip
    lens = Lens((-10.0, 6.2, -30), (4.9, 9.6, 6.0), 1.36)
    return expose(scene, lens, (560, 800), 0.80)


# --- Balloons ------------------------------------------------------------------------------------


def balloons(rng: Rng) -> Floats:
    """Hot-air balloons in the morning over fields, woods and a winding river."""
    grain, smooth = Grain(rng), Grain(rng, 3.0)
    solids: list[Solid] = []
    sun = unit(np.array([-0.70, 0.42, -0.20], np.float32))

    def course(z: Floats) -> Floats:
        """Where the river runs."""
        return 10 + 30 * np.sin(z / 62 + 0.4) + 14 * np.sin(z / 27 + 1.0)

    def height(x: Floats, z: Floats) -> Floats:
        off = np.abs(x - course(z))
        rolling = 5.5 * smooth.flat(x, z, 85) + 2.2 * smooth.flat(x + 300, z, 34)
        rise = 16 * smoothstep(150, 420, z) * (1 + 0.8 * smooth.flat(x, z * 0.6 + 100, 120))
        return (rolling + rise + 9) * smoothstep(6, 46, off) + 60 * smoothstep(380, 760, z) * (
            0.8 + 0.35 * smooth.flat(x + 70, z, 150))  # fmt: skip

    def land(p: Floats) -> Floats:
        return (p[1] - height(p[0], p[2])) * 0.72

    def fields(p: Floats, _: Floats) -> Floats:
        x, _, z = p
        u = x + 9 * smooth.flat(x, z, 70)
        v = z + 9 * smooth.flat(z, x, 70)
        c, s = np.cos(0.4), np.sin(0.4)
        u, v = (c * u + s * v) / 34, (c * v - s * u) / 26
        u = u + 0.37 * np.floor(v)
        mark = np.sin(np.floor(u) * 12.98 + np.floor(v) * 78.23) * 437.58
        mark = mark - np.floor(mark)
        crops = tints("6f8f34 9fae48 d8bc58 c89a44 5a7f30 b8b854 8a6a44 7fa040 e0cc74")
        crop = crops[:, (mark * 9).astype(int) % 9]
        furrow = np.sin(np.where(mark > 0.5, u * 34, v * 26) * 3.2)
        t = (
            1
            + 0.10 * furrow * np.exp(-z / 120)
            + 0.07 * grain.flat(x, z, 3)
            + 0.06 * grain.flat(x, z, 14)
        )
        crop = crop * t
        hedge = np.maximum(np.abs(u % 1 - 0.5), np.abs(v % 1 - 0.5)) > 0.462
        crop = np.where(hedge, tints("2f4a20") * (1 + 0.2 * grain.flat(x, z, 1.5)), crop)
        off = np.abs(x - course(z))
        bank = smoothstep(17, 12, off + 1.5 * grain.flat(x, z, 8))
        crop = blend(crop, tints("5a7a34") * (1 + 0.12 * grain.flat(x, z, 2)), bank)
        wild = smoothstep(330, 420, z + 20 * smooth.flat(x, z, 50))
        return blend(crop, tints("3f5a34") * (1 + 0.2 * grain.flat(x, z, 12)), wild)

    solids.append(Solid(land, fields, casts=False, step=1.0, steps=120,
                        relief=lambda p: 0.02 * grain.flat(p[0], p[2], 1.6)))  # fmt: skip

    def river(p: Floats, _: Floats) -> Floats:
        return shades(0.5 + 0.2 * grain.flat(p[0], p[2], 14), tints("2c5a70 3f7488 5a90a0"))

    solids.append(
        Solid(
            lambda p: p[1] - 1.2,
            river,
            rays=ground(1.2),
            casts=False,
            gloss=0.25,
            mirrors=True,
            relief=lambda p: 0.02 * grain.flat(p[0] * 0.5, p[2], 2),
        )
    )

    # Woods: crowns that stand together, each group one solid.
    def wood(spots: Floats) -> None:
        low, high = spots[:, :3].min(0) - 4, spots[:, :3].max(0) + 4
        centre = (low + high) / 2
        reach = float(np.hypot(*(high - low)[[0, 2]]) / 2 + 3)

        def crowns(p: Floats) -> Floats:
            best = np.full(p.shape[1], 1e3, np.float32)
            for x, y, z, size in spots:
                best = np.minimum(best, length(p[0] - x, (p[1] - y) * 0.82, p[2] - z) - size)
            return (best + 0.45 * grain.solid(p, 2.0)) * 0.8

        def leaves(p: Floats, normal: Floats) -> Floats:
            t = (
                0.42
                + 0.16 * grain.solid(p, 0.8)
                + 0.15 * grain.flat(p[0], p[2], 18)
                + 0.2 * normal[1]
            )
            return shades(t, tints("1c3416 34521f 55702c 86903c b09a48"))

        solids.append(Solid(crowns, leaves, tuple(centre), reach, steps=60))

    for cx, cz, count, wide in [
        (-30, 42, 9, 9),
        (44, 50, 10, 9),
        (-58, 80, 14, 13),
        (6, 66, 6, 7),
        (72, 96, 14, 14),
        (-22, 120, 12, 12),
        (-95, 130, 16, 18),
        (52, 150, 14, 15),
        (112, 165, 16, 18),
        (-50, 185, 16, 18),
        (10, 215, 14, 18),
        (-130, 230, 18, 24),
        (90, 245, 18, 24),
        (-30, 290, 18, 26),
        (160, 290, 18, 26),
    ]:
        spots = np.stack(
            [
                cx + rng.normal(0, 0.55, count) * wide,
                np.zeros(count),
                cz + rng.normal(0, 0.45, count) * wide,
                rng.uniform(2.0, 3.6, count),
            ],
            1,
        )
        spots = spots[np.abs(spots[:, 0] - course(spots[:, 2])) > 13]
        if len(spots):
            spots[:, 1] = height(spots[:, 0], spots[:, 2]) + spots[:, 3] * 0.75
            wood(spots.astype(np.float32))

    def balloon(
        at: tuple[float, float, float], size: float, tones: str, manner: int, spin: float
    ) -> None:
        cloth = tints(tones)
        gores = 24

        def profile(y: Floats) -> Floats:
            """The radius of the hull, its mouth at y = -1.35."""
            top = np.sqrt(np.clip(1 - np.clip(y, 0, 1) ** 2, 0, 1))
            taper = np.cos(np.clip(-y / 1.38, 0, 1) * np.pi / 2 * 0.93) ** 0.86
            return np.where(y > 0, top, taper)

        def hull(p: Floats) -> Floats:
            x, y, z = (q / size for q in local(p, at, spin))
            around = np.sqrt(x * x + z * z)
            puff = 0.018 * np.abs(np.cos(np.arctan2(z, x) * gores / 2))
            side = (around - profile(y) * (1 + puff)) * 0.62
            ball = length(around, y) - 1.018
            body = np.where(y > 0, ball, side)
            return np.maximum(np.maximum(body, -1.36 - y), y - 1.1) * size * 0.9

        def dye(p: Floats, _: Floats) -> Floats:
            x, y, z = (q / size for q in local(p, at, spin))
            turn = np.arctan2(z, x) / (2 * np.pi) * gores
            gore = np.floor(turn).astype(int)
            if manner == 0:  # upright stripes with a belt
                out = cloth[:, gore // 2 % 3]
                out = np.where(np.abs(y + 0.02) < 0.16, cloth[:, [3]], out)
                out = np.where(np.abs(np.abs(y + 0.02) - 0.20) < 0.03, cloth[:, [4]], out)
            elif manner == 1:  # stripes that climb around
                out = cloth[:, np.floor(turn / 2 + y * 3.2).astype(int) % 4]
            elif manner == 2:  # zigzag
                zig = np.abs((turn / 2) % 1 - 0.5)
                out = cloth[:, np.floor(y * 4.2 + zig * 1.6).astype(int) % 5]
            else:  # chequers
                out = cloth[:, (gore // 2 + np.floor(y * 4).astype(int)) % 3]
            seam = smoothstep(0.44, 0.5, np.abs(turn % 1 - 0.5))
            ring = smoothstep(0.47, 0.5, np.abs(y * 7 % 1 - 0.5))
            out = np.where(y < -1.22, cloth[:, [4]], out)
            out = np.where(y > 0.93, cloth[:, [4]], out)
            return out * (1 - 0.28 * np.maximum(seam, 0.6 * ring))

        def warm(p: Floats, normal: Floats) -> Floats:
            # The flame and the sun shine through the cloth.
            y = (p[1] - at[1]) / size
            return dye(p, normal) * (0.03 + 0.30 * np.exp(-((y + 1.2) ** 2) * 3))

        def basket(p: Floats) -> Floats:
            x, y, z = (q / size for q in local(p, at, spin))
            car = np.abs(box(x, y + 1.86, z, 0.16, 0.13, 0.16, 0.03)) - 0.012
            car = np.maximum(car, y + 1.76)
            rope = np.full(p.shape[1], 9, np.float32)
            for sx in (-1, 1):
                for sz in (-1, 1):
                    q = np.stack([x, y, z])
                    rope = np.minimum(
                        rope,
                        rod(
                            q,
                            (0.14 * sx, -1.78, 0.14 * sz),
                            (0.15 * sx, -1.34, 0.15 * sz),
                            0.010,
                            0.010,
                        ),
                    )
            crew = np.minimum(
                length(x - 0.05, y + 1.66, z) - 0.045, length(x + 0.07, y + 1.67, z) - 0.042
            )
            bodies = np.minimum(box(x - 0.05, y + 1.78, z, 0.05, 0.09, 0.04, 0.03),
                                box(x + 0.07, y + 1.78, z, 0.05, 0.09, 0.04, 0.03))  # fmt: skip
            return np.minimum(np.minimum(car, rope), np.minimum(crew, bodies)) * size * 0.9

        def wicker(p: Floats, _: Floats) -> Floats:
            x, y, z = (q / size for q in local(p, at, spin))
            weave = np.sin(y * 160) * np.sin((x + z) * 120)
            out = tints("8a5a2c") * (1 + 0.25 * weave)
            out = np.where(y > -1.70, tints("c89a78"), out)
            out = np.where((y > -1.755) & (y < -1.70), tints("a03a30"), out)
            return np.where(y > -1.61, tints("3a2c20"), out)

        solids.append(Solid(hull, dye, (at[0], at[1] - 0.15 * size, at[2]), 1.28 * size, glow=warm,
                            gloss=0.02, polish=24, step=0.9, steps=90))  # fmt: skip
        solids.append(Solid(basket, wicker, (at[0], at[1] - 1.65 * size, at[2]), 0.48 * size))

    balloon((-7.5, 31.5, 30), 7.6, "d8342c f6efe0 f2a72c 1f4f8f f6efe0", 0, 0.3)
    balloon((24, 26.5, 62), 7.4, "f2b52c e0602c b8283a 5a2f6a fbe6a0", 1, 0.5)
    balloon((6, 48, 105), 7.6, "2f8f8a f4ecd8 e8703a f4ecd8 1f5a6a", 2, 0.1)
    balloon((-44, 39, 120), 7.2, "5a3f94 f2d04a d86a9a 3a2c6a f6efe0", 3, 0.2)
    balloon((60, 60, 170), 7.4, "3a6fc0 f6efe0 d8342c f2c83c 24407a", 0, 0.4)
    balloon((-22, 34, 210), 6.8, "e0602c f6e0a0 7a2f5a f6e0a0 e0602c", 1, 0.9)
    balloon((34, 36, 260), 6.8, "d83a4a f8f0e0 3a9a8a f8f0e0 a02a3a", 3, 0.7)

    sky = heavens(grain, "ffe2b4 f8dcc0 c8d4e0 8fb8e0 5f96d4 3f78c0", "fff2dc", "a8b0cc", sun, 0.35)
    scene = Scene(solids, sky, sun, 2.7 * tints("ffd8a4")[:, 0], 0.85 * tints("b4ccf0")[:, 0],
                  0.28 * tints("c0b880")[:, 0], haze=0.0016, soft=20, reach=2.2,
                  hazed=lambda way: np.broadcast_to(tints("ecdcc8"), way.shape))  # fmt: skip
    lens = Lens((0, 27, -14), (2.5, 28.2, 60), 1.18)
    return expose(scene, lens, (580, 760), 0.80)
