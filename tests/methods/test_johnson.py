from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from styleswap import ops, weights
from styleswap.engine import Engine, Request, StyleChoice
from styleswap.errors import StyleSwapError
from styleswap.methods import johnson
from styleswap.methods.base import Job, Style
from styleswap.nets.transformer import TransformerNetwork, new_transformer
from styleswap.specs import JohnsonParams
from tests.helpers import colourful, noise


@pytest.fixture(scope="module")
def net() -> TransformerNetwork:
    made = new_transformer(torch.Generator().manual_seed(2), 8)
    return made.eval().requires_grad_(False)


def paint(net: TransformerNetwork, content: Tensor, **knobs: Any) -> Tensor:
    job = Job(
        content=content,
        styles=(Style(None, "mine", 1.0),),
        params=JohnsonParams(**knobs),
        device=torch.device("cpu"),
        half=False,
        perceptual=lambda name, pooling: pytest.fail("no perceptual network is needed"),
        inverse=lambda layer: pytest.fail("no inverse network is needed"),
        adain=lambda: pytest.fail("no AdaIN is needed"),
        trained=lambda name: net if name == "mine" else pytest.fail(name),
    )
    (step,) = johnson.run(job)
    assert (step.i, step.n) == (1, 1) and not step.image.requires_grad
    return step.image


def test_strength_goes_from_the_photograph_to_the_network(net: TransformerNetwork) -> None:
    x = noise(1, 3, 30, 41)
    kept = x.clone()
    torch.testing.assert_close(paint(net, x, strength=0.0), x)
    torch.testing.assert_close(paint(net, x), net(x))
    torch.testing.assert_close(paint(net, x, strength=0.25), 0.75 * x + 0.25 * net(x))
    assert torch.equal(x, kept)


def test_the_photographs_colours(net: TransformerNetwork) -> None:
    x = noise(1, 3, 24, 24)
    y = paint(net, x, keep_colours=True)
    torch.testing.assert_close(ops.luma(y), ops.luma(net(x)), rtol=1e-4, atol=1e-4)
    assert y.min() >= -1e-5 and y.max() <= 1 + 1e-5


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, net: TransformerNetwork) -> Iterator[list[str]]:
    """A manifest with one style; the names that were loaded."""
    loaded: list[str] = []
    digest = "0" * 64
    entries = {
        "mine": weights.Entry("mine", "mine.safetensors", "style", "Mine", digest, {}),
        "small": weights.Entry("small", "small.safetensors", "perceptual", "small", digest, {}),
    }
    monkeypatch.setattr(weights, "manifest", lambda folder=None: entries)

    def load(name: str, folder: object = None) -> dict[str, Tensor]:
        loaded.append(name)
        return net.state_dict()

    monkeypatch.setattr(weights, "load", load)
    yield loaded


def test_from_picture_to_picture(shipped: list[str], net: TransformerNetwork) -> None:
    engine = Engine("cpu")
    photo = colourful(90, 60)
    for _ in range(2):
        (progress,) = engine.run(
            Request("johnson", photo, [StyleChoice(name="mine")], JohnsonParams(size=64))
        )
        assert progress.result().size == (64, 43)
    assert shipped == ["mine"]  # kept in memory


def test_a_style_that_is_not_there(shipped: list[str]) -> None:
    for name in ("yours", "small"):
        with pytest.raises(StyleSwapError, match="choose one of mine"):
            list(
                Engine("cpu").run(
                    Request("johnson", colourful(64, 64), [StyleChoice(name=name)], JohnsonParams())
                )
            )
    assert shipped == []
