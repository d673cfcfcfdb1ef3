"""The plot: its scale, and names that stand free."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from styleswap.specs import Text, stylisers
from styleswap.ui import i18n, plot
from styleswap.ui.plot import HEIGHT, LEFT, LETTER, LINE, RADIUS, WIDTH, Box, Point, scatter

NAMES = [i18n.CONTENT, *(spec.name for spec in stylisers())]

values = st.integers(0, 3000).map(lambda n: n / 1000)
clouds = st.lists(st.tuples(values, values), max_size=len(NAMES)).map(
    lambda found: [Point(name, x, y, "#2f846b") for name, (x, y) in zip(NAMES, found, strict=False)]
)


def drawn(points: list[Point]) -> ElementTree.Element:
    return ElementTree.fromstring(scatter(points, Text("Across & <on>", "横"), Text("Up", "竖")))


def number(element: ElementTree.Element, *names: str) -> list[float]:
    return [float(element.attrib[name]) for name in names]


def room(text: ElementTree.Element, name: Text) -> Box:
    """What a name takes at most, in the wider of the languages."""
    (x, y), width = number(text, "x", "y"), LETTER * max(len(name.en), 2 * len(name.zh))
    left = x - {"start": 0.0, "end": width}[text.attrib["text-anchor"]]
    return (left, y - 4.5 - LINE / 2, left + width, y - 4.5 + LINE / 2)


def meet(one: Box, other: Box) -> bool:
    """Whether they share more than the rounding of coordinates."""
    return all(min(one[i + 2], other[i + 2]) - max(one[i], other[i]) > 0.2 for i in range(2))


@given(st.floats(1e-9, 1e9))
def test_the_lines_are_few_round_and_reach_the_most(most: float) -> None:
    step, end = plot.scale(most)
    lines = round(end / step) + 1
    assert 2 <= lines <= 7 and end == pytest.approx((lines - 1) * step)
    assert end >= most * (1 - 1e-6) and end - step < most
    digit = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert any(digit == pytest.approx(k) for k in (1, 2, 5))


def test_nothing_to_show_has_a_scale_too() -> None:
    assert plot.scale(0.0) == plot.scale(1.0)
    svg = drawn([])
    assert not svg.findall("circle") and svg.findall("text")


@given(clouds)
def test_everything_is_inside_the_picture_and_it_is_xml(points: list[Point]) -> None:
    svg = drawn(points)
    assert svg.attrib["viewBox"] == f"0 0 {WIDTH} {HEIGHT}"
    circles = svg.findall("circle")
    assert len(circles) == len(points)
    for circle in circles:
        x, y = number(circle, "cx", "cy")
        assert LEFT <= x <= WIDTH - RADIUS and RADIUS <= y <= HEIGHT - plot.BOTTOM
    names = [text for text in svg.findall("text") if text.get("class") == "name"]
    assert [[span.text for span in text] for text in names] == [
        [p.name.en, p.name.zh] for p in points
    ]
    for text, point in zip(names, points, strict=True):
        left, top, right, bottom = room(text, point.name)
        assert left >= LEFT - 0.1 and top >= -0.1 and right <= WIDTH + 0.1 and bottom <= HEIGHT
    for text in svg.findall("text"):
        x, y = number(text, "x", "y")
        assert 0 <= x <= WIDTH and 8 <= y <= HEIGHT


@given(clouds)
def test_a_name_stands_free_where_a_place_is_free(points: list[Point]) -> None:
    svg = drawn(points)
    texts = [text for text in svg.findall("text") if text.get("class") == "name"]
    boxes = [room(text, point.name) for text, point in zip(texts, points, strict=True)]
    dots = []
    for circle in svg.findall("circle"):
        x, y = number(circle, "cx", "cy")
        dots.append((x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS))
    for i, (mine, dot) in enumerate(zip(boxes, dots, strict=True)):
        taken = [*dots, *boxes[:i]]
        if not any(meet(mine, other) for other in taken):
            continue
        # Right and left of the point, and a little above and below: all are taken or outside.
        wide, aside = mine[2] - mine[0], RADIUS + 5
        x, y = (dot[0] + dot[2]) / 2, (dot[1] + dot[3]) / 2
        for left in (x + aside, x - aside - wide):
            for middle in (y - aside, y, y + aside):
                place = (left, middle - LINE / 2, left + wide, middle + LINE / 2)
                inside = place[0] >= LEFT and place[2] <= WIDTH
                inside = inside and place[1] >= 0 and place[3] <= HEIGHT - plot.BOTTOM + 4
                # By the exact coordinates it may just touch what by the rounded ones it does not.
                near = (place[0] - 0.2, place[1] - 0.2, place[2] + 0.2, place[3] + 0.2)
                assert not inside or any(
                    near[0] < o[2] and o[0] < near[2] and near[1] < o[3] and o[1] < near[3]
                    for o in taken
                )


def test_points_that_are_apart_have_free_names() -> None:
    points = [Point(name, 0.2 * i, 1.0 - 0.15 * i, "red") for i, name in enumerate(NAMES)]
    texts = [text for text in drawn(points).findall("text") if text.get("class") == "name"]
    boxes = [room(text, point.name) for text, point in zip(texts, points, strict=True)]
    assert not any(meet(a, b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_screen_readers_are_given_the_table_instead() -> None:
    assert drawn([]).attrib["aria-hidden"] == "true"
    assert re.search(r"<tspan[^>]*lang=.zh.", scatter([], NAMES[0], NAMES[1]))
