"""A portrait to try the styles on: an owl, laid feather by feather."""

from __future__ import annotations

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
    light,
    line,
    mix,
    noise,
    ramp,
    scatter,
    smoothstep,
    toward,
)

SHEET: Shape = (1520, 1200)


class Plumage:
    """A canvas and, beside it, what of it the bird covers."""

    def __init__(self, rng: Rng, picture: Floats) -> None:
        self.rng = rng
        self.canvas: Bytes = as_bytes(picture)
        self.bird = np.zeros(SHEET, np.uint8)

    def feather(
        self, foot: Floats, angle: float, length: float, width: float, tones: Floats,
        bars: int = 0, bend: float = 0, streak: bool = False,
    ) -> None:  # fmt: skip
        """One feather; `tones` are its ground, its bars or streak, and its edge."""
        rng = self.rng
        t = np.linspace(0, 1, 18)
        spine = foot + np.cumsum(toward(angle + bend * t), 0) * length / len(t)
        half = width / 2 * (1 - np.clip((t - 0.5) / 0.5, 0, 0.999) ** 2) ** 0.7
        half = half * np.clip(0.35 + 1.6 * t, 0, 1)
        side = toward(angle + bend * t + np.pi / 2) * half[:, None]
        left, right = spine + side, spine - side
        outline = np.concatenate([left, right[::-1]]).astype(np.float32)
        own = rng.normal(1, 0.05)
        ground, mark, edge = tones * 255 * own
        size = min(1.0, width / 40)
        fill(self.canvas, outline + np.array([3, 5], np.float32) * size, ground * 0.55)
        fill(self.bird, outline, [255])
        fill(self.canvas, outline, edge)
        inner = np.concatenate([spine + side * 0.86, (spine - side * 0.86)[::-1]])
        fill(
            self.canvas,
            (inner - toward(np.array(angle)) * 0.05 * length).astype(np.float32),
            ground,
        )
        for k in range(bars):
            at = 0.34 + 0.58 * (k + 0.5) / bars
            a, b = (min(int((at + s) * 17), 17) for s in (-0.045, 0.05))
            tip = min(b + 1, 17)
            for rim in (left, right):
                shape = [
                    spine[a],
                    spine[b],
                    (rim * 0.9 + spine * 0.1)[tip],
                    (rim * 0.9 + spine * 0.1)[a],
                ]
                fill(self.canvas, np.array(shape, np.float32), mark)
        if streak:
            fill(
                self.canvas,
                blade(spine[4].astype(np.float32), angle, length * 0.62, width * 0.24, bend),
                mark,
            )
        count = max(3, int(length / 5))
        for at in rng.permutation(count):
            n = 2 + at / count * 12
            root = np.array([np.interp(n, np.arange(18), spine[:, c]) for c in range(2)])
            for rim in (left, right):
                tip = np.array([np.interp(n + 3, np.arange(18), rim[:, c]) for c in range(2)])
                seen = self.canvas[
                    int(np.clip(root[1] * 0.5 + tip[1] * 0.5, 0, SHEET[0] - 1)),
                    int(np.clip(root[0] * 0.5 + tip[0] * 0.5, 0, SHEET[1] - 1)),
                ]
                line(
                    self.canvas,
                    np.stack([root, tip]),
                    np.clip(seen * rng.normal(1, 0.07), 0, 255),
                    1.6,
                )
        line(self.canvas, spine[:15].astype(np.float32), ground * 0.6, max(1.4, width / 22))


def forest(rng: Rng) -> Floats:
    """A wood at dusk, far out of focus."""
    y, x = np.mgrid[: SHEET[0], : SHEET[1]].astype(np.float32) / SHEET[1]
    warm = np.exp(-(((x - 0.82) / 0.55) ** 2 + ((y - 0.30) / 0.5) ** 2))
    base = ramp(
        warm + 0.10 * noise(rng, SHEET, 420, 3),
        colours("0e2226 1a3a38 37614a 8a9a58 dcc074 f6e0a0"),
    )
    for trunk, wide, dark in (
        (0.10, 0.06, 0.5),
        (0.30, 0.035, 0.35),
        (0.93, 0.05, 0.45),
        (0.70, 0.03, 0.3),
    ):
        off = np.abs(x - trunk - 0.03 * np.sin(2.5 * y + 9 * trunk)) / wide
        base = mix(base, colours("14201e"), dark * smoothstep(1.3, 0.7, off))
    canvas = np.zeros((*SHEET, 3), np.float32)
    for spot in scatter(rng, SHEET, 105):
        at = spot / SHEET[1]
        glow = float(np.exp(-(((at[0] - 0.82) / 0.5) ** 2 + ((at[1] - 0.30) / 0.5) ** 2)))
        size = rng.uniform(16, 52)
        disc = np.zeros(SHEET, np.uint8)
        cv2.circle(disc, tuple(int(v) for v in spot), int(size), 255, -1, cv2.LINE_AA)
        x0, y0 = np.maximum(spot - size - 4, 0).astype(int)
        box = np.s_[y0 : int(spot[1] + size + 4), x0 : int(spot[0] + size + 4)]
        tone = ramp(np.array(glow + rng.normal(0, 0.12)), colours("2a5a4a 5f8a4a c8b050 ffd888"))
        share = rng.uniform(0.03, 0.16) * (0.5 + 1.4 * glow)
        canvas[box] += (disc[box] / 255.0 * share)[..., None] * tone
    return np.clip(blur(base, 16) + blur(canvas, 4), 0, 1)


def bough(rng: Rng, picture: Floats) -> Floats:
    """The branch that it sits on: bark in ridges, moss on top."""
    y, x = np.mgrid[: SHEET[0], : SHEET[1]].astype(np.float32)
    middle = 1330 + 0.07 * (x - 600) + 14 * np.sin(x / 170) + 5 * np.sin(x / 60)
    thick = 82 - 0.018 * x + 7 * np.sin(x / 95 + 1) + 4 * noise(rng, SHEET, 40, 3)
    v = (y - middle) / thick
    inside = smoothstep(1.0, 0.96, np.abs(v))
    ridges = noise(rng, SHEET, 26, 4, 7) + 0.5 * noise(rng, SHEET, 60, 2, 4)
    bark = ramp(0.48 + 0.17 * ridges, colours("241a14 4a382a 75604a a08c70"))
    round_off = np.sqrt(np.clip(1 - v * v, 0, 1))
    lit = light(bark, blur(ridges, 1.5) * 3.2, 0.05)
    lit = lit * (0.25 + 0.95 * np.clip(0.55 * round_off - 0.62 * v, 0, 1))[..., None]
    tuft = smoothstep(-0.15, -0.75, v + 0.22 * noise(rng, SHEET, 70, 3))
    moss = ramp(0.5 + 0.2 * noise(rng, SHEET, 9, 3), colours("26381a 4f6a2a 8a9a44"))
    lit = mix(lit, moss * (0.55 + 0.6 * np.clip(-v, 0, 1))[..., None], tuft * 0.9)
    return mix(picture, lit, inside)


def owl(rng: Rng) -> Floats:
    """An owl on a mossy branch at dusk, looking out of the picture."""
    picture = bough(rng, forest(rng))
    bird = Plumage(rng, picture)
    down = np.pi / 2
    rust = colours("94643a 4a2e1c cc9c66")
    umber = colours("745236 38241a b88e60")
    chest = colours("ecdab4 6a4428 fcf2dc")
    buff = colours("c89c66 4a2e1c e4c490")

    # The tail hangs behind the branch, so that it comes first and the branch again over it.
    for k in rng.permutation(9):
        off = (k - 4) / 4
        foot = np.array([600 + 90 * off, 1180.0])
        bird.feather(foot, down - 0.16 * off, 330 - 40 * abs(off), 78, umber, 5)
    tail = bird.canvas.astype(np.float32) / 255
    wood = bough(np.random.default_rng(rng.integers(2**32)), tail)
    bird.canvas = as_bytes(wood)
    bird.bird[:] = 0
    circle = toward(np.linspace(0, 2 * np.pi, 60))
    skull = (circle * (270, 235) + (600, 455)).astype(np.float32)
    trunk = (circle * (250, 380) + (600, 840)).astype(np.float32)
    for outline, tone in ((trunk, "6a4a30"), (skull, "a87c4c")):
        fill(bird.canvas, outline, colours(tone)[0] * 255)
        fill(bird.bird, outline, [255])

    # Wings: three rows of quills to each side, the long ones first.
    for side in (-1, 1):
        for row, (count, long, wide, top, out) in enumerate(
            [
                (8, 520, 74, 800, 296),
                (8, 360, 70, 720, 300),
                (7, 250, 64, 650, 290),
                (7, 170, 56, 590, 268),
            ]
        ):
            for k in range(count):
                part = k / (count - 1)
                foot = np.array([600 + side * (out + 36 - 120 * part), top + 80 * part - 20 * row])
                lean = down + side * (0.10 + 0.16 * part - 0.03 * row)
                tones = umber if (row + k) % 3 == 0 else rust
                bird.feather(
                    foot, lean, long * (1 - 0.10 * part), wide, tones, 5 - row, side * 0.16
                )

    # The breast, in rows from below: each row covers the feet of the one under it.
    for y in np.arange(1200, 570, -36.0):
        part = (y - 890) / 430
        half = 222 * np.sqrt(max(0.06, 1 - part * part)) + 10
        count = int(half / 36)
        for k in rng.permutation(2 * count + 1):
            off = (k - count + 0.5 * (int(y / 36) % 2)) / max(count, 1)
            foot = np.array([600 + off * half, y + 26 * (1 - off * off) - 30]) + rng.normal(0, 5, 2)
            size = (0.72 + 0.36 * (y - 560) / 640) * rng.uniform(0.9, 1.1)
            shade = np.clip(abs(off) ** 1.6 * 1.1, 0, 1)
            tones = chest * (1 - shade) + rust * shade
            bird.feather(
                foot,
                down + 0.34 * off + rng.normal(0, 0.09),
                124 * size,
                66 * size,
                tones,
                0,
                rng.normal(0, 0.1),
                True,
            )

    # The head: small feathers that lead away from the beak, the outermost first.
    middle = np.array([600.0, 455.0])
    spots = scatter(rng, (620, 760), 18) + np.array([220, 160], np.float32)
    away = (spots - middle) / (305, 262)
    reach = np.hypot(*away.T)
    spots, reach = spots[reach < 1], reach[reach < 1]
    for tuft in (-1, 1):
        for k in rng.permutation(26):
            part = k / 25
            foot = np.array([600 + tuft * (150 + 95 * part), 318 + 34 * part + rng.normal(0, 6)])
            lean = -down + tuft * (0.34 + 0.22 * part)
            long = 262 * (0.32 + 0.68 * np.sin(np.pi * (0.06 + 0.80 * part)) ** 2)
            bird.feather(foot, lean, long, 30, umber if k % 2 else rust, 0, 0.18 * tuft, True)
    for n in np.argsort(-reach):
        foot = spots[n]
        # Away from the beak, and combed down at the sides.
        way = np.arctan2(foot[1] - 520, foot[0] - 600)
        way = way + 0.5 * np.cos(way) * np.sin(np.pi / 2 - way) * (foot[1] < 560)
        crown = foot[1] < 400
        tones = (rust if rng.random() < 0.6 else umber) if crown else buff
        bird.feather(foot, way, 58 + rng.uniform(-8, 14), 25, tones, 0, rng.normal(0, 0.2), True)

    # Discs of fine feathers around the eyes, ringed with dark.
    ring = colours("3a261a 20140e 6a4a30")
    disc = colours("d8bc90 8a6440 f0dcb8")
    pale = colours("f4e6c8 c8a878 fff6e2")
    eyes = [np.array([600 + s * 132, 470.0]) for s in (-1, 1)]
    for s, eye in zip((-1, 1), eyes, strict=True):
        for radius, tones, long, wide, count in [
            (146, ring, 40, 19, 84), (112, disc, 54, 17, 90), (82, disc, 56, 15, 78),
            (58, pale, 50, 13, 60), (44, pale, 38, 11, 48),
        ]:  # fmt: skip
            for k in rng.permutation(count):
                turn = 2 * np.pi * k / count
                # The discs are flattened where they meet above the beak.
                squash = 1 - 0.34 * np.exp(-(((np.cos(turn) * s + 1) / 0.42) ** 2))
                foot = (
                    eye + toward(np.array(turn)) * radius * squash * (1, 1.08) + rng.normal(0, 2, 2)
                )
                fade = tones * rng.normal(1, 0.04)
                bird.feather(
                    foot, turn + 0.12 * np.sin(turn) * s, long * squash, wide, np.clip(fade, 0, 1)
                )
    # Brows: pale plumes from the beak up and outwards.
    for s in (-1, 1):
        for k in range(22):
            part = k / 21
            foot = np.array([600 + s * (14 + 120 * part), 468 - 118 * part**0.8 + rng.normal(0, 4)])
            bird.feather(
                foot, -down + s * (0.35 + 0.75 * part), 84 - 22 * part, 17, pale * 0.96, 0, 0.3 * s
            )
        for _ in range(16):
            foot = np.array([600 + s * rng.uniform(4, 34), rng.uniform(500, 585)])
            bird.feather(foot, down - s * rng.uniform(0.1, 0.9), 62, 14, pale)

    canvas = bird.canvas
    for eye in eyes:
        fill(canvas, (eye + circle * 70 * (1, 0.97)).astype(np.float32), colours("140c08")[0] * 255)
        for r in np.linspace(60, 24, 40):
            t = (r - 24) / 36
            tone = ramp(np.array(t), colours("ffc83a f8a41c e07c10 8a3c08"))
            fill(canvas, (eye + circle * r).astype(np.float32), tone * 255)
        for angle in rng.uniform(0, 2 * np.pi, 150):
            a, b = np.sort(rng.uniform(30, 57, 2))
            way = toward(np.array(angle))
            tone = colours("ffe27a c86410")[rng.integers(2)] * 255
            line(canvas, np.stack([eye + way * a, eye + way * b]), tone, 1)
        fill(canvas, (eye + circle * 33).astype(np.float32), colours("060404")[0] * 255)
    shade = bird.canvas.astype(np.float32) / 255
    y, x = np.mgrid[: SHEET[0], : SHEET[1]].astype(np.float32)
    for eye in eyes:
        within = smoothstep(64, 58, np.hypot(x - eye[0], y - eye[1]))
        lid = smoothstep(eye[1] - 14, eye[1] - 56, y)
        shade = mix(shade, shade * 0.35, within * lid)
        for dx, dy, r, share in ((-19, -22, 11, 0.95), (17, 22, 20, 0.16)):
            spot = smoothstep(r, r * 0.6, np.hypot(x - eye[0] - dx, y - eye[1] - dy))
            shade = mix(shade, colours("f4f8ff"), share * spot)

    # The beak: a hooked cone with a ridge that catches the light.
    beak = np.array(
        [
            (578, 505),
            (600, 488),
            (622, 505),
            (629, 552),
            (612, 606),
            (600, 628),
            (590, 606),
            (571, 552),
        ]
    )
    mask = np.zeros(SHEET, np.uint8)
    fill(mask, beak.astype(np.float32), [255])
    hook = blur(mask / np.float32(255), 2)
    curve = np.clip((x - 600) / 30, -1, 1)
    horn = ramp(
        0.62 - 0.45 * curve - 0.16 * np.abs(curve) - (y - 560) / 420,
        colours("1a1612 3c3630 75695a c8bca4"),
    )
    shadow = np.roll(blur(hook, 8), (12, 8), (0, 1)) * bird.bird / 255
    shade = mix(shade, shade * 0.45, np.clip(shadow - hook, 0, 1))
    shade = mix(shade, horn, hook)

    # The whole is rounded: a ball for the head and one for the body, lit from the upper right.
    lamp = np.array([0.50, -0.62, 0.60])
    lamp /= np.linalg.norm(lamp)
    height = np.full(SHEET, -9.0, np.float32)
    glow = np.zeros(SHEET, np.float32)
    for cx, cy, rx, ry, depth in [(600, 900, 400, 470, 0.0), (600, 450, 345, 300, 0.30)]:
        u, v = (x - cx) / rx, (y - cy) / ry
        w = np.sqrt(np.clip(1 - u * u - v * v, 0.02, 1))
        lit = np.clip(u * lamp[0] + v * lamp[1] + w * lamp[2], 0, 1)
        front = w + depth > height
        blend = smoothstep(-0.10, 0.14, w + depth - height)
        glow = np.where(front | (blend > 0), glow + (lit - glow) * blend, glow)
        height = np.maximum(height, w + depth)
    # The chin shades the breast.
    under = (
        smoothstep(640, 720, y) * smoothstep(900, 700, y) * smoothstep(330, 120, np.abs(x - 600))
    )
    tone = (0.42 + 0.98 * glow) * (1 - 0.36 * under)
    body = shade * tone[..., None] * colours("fff2de")
    body = body + (colours("5f8aa0") * 0.10 * smoothstep(0.45, 0.05, glow)[..., None])
    mask = blur(bird.bird / np.float32(255), 1.2)
    out = mix(shade, np.clip(body, 0, 1), mask)

    # Its shadow on the branch, then the talons over it.
    cast = np.exp(-(((x - 575) / 230) ** 2 + ((y - 1290) / 46) ** 2))
    out = mix(out, out * 0.35, 0.8 * cast * smoothstep(1240, 1275, y) * (mask < 0.5))
    canvas = as_bytes(out)
    for s in (-1, 1):
        for toe in (-1, 0, 1):
            foot = np.array([600 + s * 105 + toe * 42, 1244 + 0.07 * s * 105])
            for share, tone in (
                (1.0, "3a2a18"),
                (0.84, "8a6a3c"),
                (0.5, "b8935a"),
                (0.22, "dcbc84"),
            ):
                for k in np.linspace(0, 1, 40):
                    wide = 23 - 5 * k + 1.6 * np.cos(k * 24)
                    at = foot + np.array([toe * 10 * k + wide * 0.3 * (1 - share), 92 * k])
                    dim = 0.62 + 0.38 * np.sin(np.pi * min(1, k * 0.9 + 0.12))
                    fill(
                        canvas,
                        (at + circle * wide * share).astype(np.float32),
                        colours(tone)[0] * 255 * dim,
                    )
            claw = blade(foot + np.array([toe * 10, 84]), down + 0.1 * toe, 52, 24, 0.2)
            fill(canvas, claw, colours("17120e")[0] * 255)
    final = canvas.astype(np.float32) / 255
    return final + 0.008 * noise(rng, SHEET, 2, 1)[..., None]
