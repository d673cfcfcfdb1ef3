from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from styleswap import engine as engine_module
from styleswap import ops, specs, tensors
from styleswap.engine import Engine, Request, StyleChoice
from styleswap.methods import meta
from styleswap.nets.transformer import TransformerNetwork
from styleswap.specs import MetaParams
from tests.helpers import Writer, colourful, numbered

PHOTO = colourful(90, 60)
SMALL = tensors.from_pil(PHOTO.resize((64, 43), Image.Resampling.LANCZOS))
RED, BLUE = (Image.new("RGB", (50, 40), colour) for colour in ("#f42", "#24c"))


def paint(engine: Engine, *styles: StyleChoice | Image.Image, **knobs: Any) -> Tensor:
    choices = [s if isinstance(s, StyleChoice) else StyleChoice(s) for s in styles]
    (progress,) = engine.run(Request("meta", PHOTO, choices, MetaParams(size=64, **knobs)))
    assert progress.size == (64, 43)
    return progress.image


def close(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().mean() < 1.5 / 255)


def written(picture: Image.Image) -> dict[str, Tensor]:
    return Writer().write(tensors.from_pil(picture))


def network(found: dict[str, Tensor]) -> TransformerNetwork:
    return TransformerNetwork.from_weights(found).eval().requires_grad_(False)


def test_it_paints_with_what_is_written_for_the_picture(writer: Writer) -> None:
    engine = Engine("cpu")
    red, blue = paint(engine, RED), paint(engine, BLUE)
    assert close(red, network(written(RED))(SMALL)) and close(blue, network(written(BLUE))(SMALL))
    assert (red - blue).abs().mean() > 4 / 255


def test_two_pictures_are_the_weighted_mean_of_what_is_written_for_each(writer: Writer) -> None:
    found = paint(Engine("cpu"), StyleChoice(RED, weight=0.5), StyleChoice(BLUE, weight=1.5))
    one, other = written(RED), written(BLUE)
    net = network({name: 0.25 * w + 0.75 * other[name] for name, w in one.items()})
    assert close(found, net(SMALL))


def test_strength_and_colours(writer: Writer) -> None:
    engine = Engine("cpu")
    whole = paint(engine, RED)
    torch.testing.assert_close(paint(engine, RED, strength=0.0), SMALL)
    half = paint(engine, RED, strength=0.5)
    torch.testing.assert_close(half, 0.5 * (SMALL + whole), atol=1e-3, rtol=0)
    kept = paint(engine, RED, keep_colours=True)
    torch.testing.assert_close(ops.luma(kept), ops.luma(whole), atol=1e-3, rtol=0)
    chroma = (kept - ops.luma(kept)) - (SMALL - ops.luma(SMALL))
    assert chroma.abs().mean() < (whole - ops.luma(whole) - SMALL + ops.luma(SMALL)).abs().mean()


def test_the_brush_size_is_that_at_which_the_picture_is_looked_at(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine("cpu")
    for scale in (0.5, 1.0, 2.0):
        paint(engine, RED, style_scale=scale)
    # 32 a side at least; 50 x 40, with the longer side that of the result's.
    assert [shape[2:] for shape in writer.seen] == [(32, 40), (51, 64), (102, 128)]
    monkeypatch.setattr(meta, "LONGEST", 80)
    paint(engine, RED, style_scale=1.9)
    assert writer.seen[-1][2:] == (64, 80)


def test_a_picture_is_written_for_once(writer: Writer) -> None:
    engine = Engine("cpu")
    for strength in (1.0, 0.5):
        paint(engine, RED, strength=strength)
    for weight in (1.0, 2.0):
        paint(engine, RED, StyleChoice(BLUE, weight=weight))
    paint(engine, RED.copy())
    assert len(writer.seen) == 2


def test_what_is_kept_does_not_grow(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "WEIGHTS", 3)
    monkeypatch.setattr(engine_module, "MIXTURES", 2)
    engine = Engine("cpu")
    for grey in range(0, 250, 50):
        paint(engine, Image.new("RGB", (40, 40), (grey, grey, 0)))
    assert len(engine._weights._made) == 3 and len(engine._mixtures._made) == 2


def test_frames_are_painted_as_pictures_are(writer: Writer) -> None:
    engine, frame = Engine("cpu"), numbered(3, 80, 64)
    for knobs in ({}, {"strength": 0.4}, {"keep_colours": True}):
        params = MetaParams(size=80, **knobs)  # type: ignore[arg-type]
        painter = engine.painter("meta", (80, 64), [StyleChoice(RED)], params, threading.Event())
        painter.prepare()
        assert painter.ready()
        (found,) = painter.paint([frame])
        request = Request("meta", Image.fromarray(frame), [StyleChoice(RED)], params)
        (progress,) = engine.run(request)
        assert np.abs(found.astype(int) - tensors.to_pixels(progress.image)).mean() < 3
        assert np.abs(found.astype(int) - frame).mean() > 3
    assert len(writer.seen) == 1


def test_it_is_what_a_picture_is_painted_by_where_nobody_says_how() -> None:
    first = next(spec for spec in specs.stylisers() if spec.style == "image")
    assert first.id == "meta" and first.pace == "live" and first.max_styles == 4
