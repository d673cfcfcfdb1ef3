"""A scatter plot of a handful of named points, as SVG.

Gradio's own cuts points at the edges in half, cannot write names beside them, and has its axes in
one language only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from styleswap.specs import Text
from styleswap.ui.i18n import both

WIDTH, HEIGHT = 560, 330
LEFT, TOP, RIGHT, BOTTOM = 46, 12, 14, 42  # around the area of the points
RADIUS = 7
LETTER, LINE = 13, 20  # width and height that a letter of a name takes, at most: on telephones

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Point:
    """A point, from 0 upwards."""

    name: Text
    x: float
    y: float
    colour: str


def scatter(points: Sequence[Point], across: Text, upwards: Text) -> str:
    """The points in their colours, each with its name beside it; both axes begin with 0.

    It is hidden from screen readers: give its figures as text, too.
    """
    x_step, x_end = scale(max((p.x for p in points), default=0.0))
    y_step, y_end = scale(max((p.y for p in points), default=0.0))
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + x / x_end * (right - LEFT),
            bottom - y / y_end * (bottom - TOP),
        )

    parts = []
    for k in range(round(x_end / x_step) + 1):
        x, _ = at(k * x_step, 0)
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{bottom}"/>')
        parts.append(word(f"{k * x_step:g}", x, bottom + 17, "middle"))
    for k in range(round(y_end / y_step) + 1):
        _, y = at(0, k * y_step)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{right}"/>')
        parts.append(word(f"{k * y_step:g}", LEFT - 8, y + 4, "end"))
    middle = (TOP + bottom) / 2
    parts.append(word(words(across), (LEFT + right) / 2, HEIGHT - 5, "middle"))
    turn = f' transform="rotate(-90 12 {middle})"'
    parts.append(word(words(upwards), 12, middle, "middle", turn))

    places = [at(p.x, p.y) for p in points]
    taken = [around(x, y) for x, y in places]
    for point, (x, y) in zip(points, places, strict=True):
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}" fill="{point.colour}"/>')
        anchor, left, base, box = beside(point.name, x, y, taken)
        taken.append(box)
        parts.append(word(words(point.name), left, base, anchor, ' class="name"'))
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )


def scale(most: float) -> tuple[float, float]:
    """The distance of the lines, 1, 2 or 5 times a power of ten, and the last of at most seven."""
    most = most or 1.0
    power = 10 ** math.floor(math.log10(most / 6))
    step = next(k * power for k in (1, 2, 5, 10) if most <= 6 * k * power * (1 + 1e-9))
    return step, step * math.ceil(most / step - 1e-9)


def around(x: float, y: float) -> Box:
    """The room that a point takes."""
    return (x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS)


def beside(name: Text, x: float, y: float, taken: Sequence[Box]) -> tuple[str, float, float, Box]:
    """Where a point's name is written: the first place of six that is free, else the first that is
    inside; as anchor, x and y of the text, and the room that it takes."""
    width = LETTER * max(len(name.en), 2 * len(name.zh))
    gap = RADIUS + 5
    found = []
    for dy in (0.0, -gap, gap):
        for anchor, left in (("start", x + gap), ("end", x - gap - width)):
            box = (left, y + dy - LINE / 2, left + width, y + dy + LINE / 2)
            if box[0] < LEFT or box[2] > WIDTH or box[1] < 0 or box[3] > HEIGHT - BOTTOM + 4:
                continue
            text = (anchor, x + gap if anchor == "start" else x - gap, y + dy + 4.5, box)
            if not any(overlap(box, other) for other in taken):
                return text
            found.append(text)
    return found[0]


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share room."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def words(text: Text) -> str:
    """A text in every language, for SVG."""
    return both(text).replace("<span", "<tspan").replace("</span", "</tspan")


def word(text: str, x: float, y: float, anchor: str, more: str = "") -> str:
    """A line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{text}</text>'
