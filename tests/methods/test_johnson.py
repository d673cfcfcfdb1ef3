from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from styleswap import engine as engine_module
from styleswap import ops, tensors, weights
from styleswap.engine import Engine, Request, StyleChoice
from styleswap.errors import StyleSwapError
from styleswap.methods import johnson
from styleswap.methods.base import Job, Style
from styleswap.nets.transformer import TransformerNetwork, new_transformer
from styleswap.runtimes import available, openvino
from styleswap.runtimes.kept import Kept
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
        weights=lambda name: pytest.fail("no mixture is needed"),
        write=lambda picture: pytest.fail("no picture is needed"),
        written=lambda found: pytest.fail("no mixture is needed"),
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


# --- mixtures -----------------------------------------------------------------------------------


def mix(engine: Engine, **shares: float) -> Image.Image:
    choices = [StyleChoice(name=name, weight=share) for name, share in shares.items()]
    request = Request("johnson", colourful(90, 60), choices, JohnsonParams(size=64))
    (progress,) = engine.run(request)
    return progress.picture()


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Tensor]]:
    """The weights of two trained styles."""
    found = {
        name: dict(new_transformer(torch.Generator().manual_seed(seed), 8).state_dict())
        for seed, name in enumerate(("one", "other"))
    }
    monkeypatch.setattr(weights, "load_style", found.__getitem__)
    return found


def test_a_mixture_is_the_mean_of_the_networks(pair: dict[str, dict[str, Tensor]]) -> None:
    between = {k: 0.25 * w + 0.75 * pair["other"][k] for k, w in pair["one"].items()}
    net = TransformerNetwork.from_weights(between).eval().requires_grad_(False)
    x = tensors.from_pil(colourful(90, 60).resize((64, 43), Image.Resampling.LANCZOS))
    kept = {k: w.clone() for k, w in pair["one"].items()}
    found = tensors.from_pil(mix(Engine("cpu"), one=0.5, other=1.5))
    assert (found - net(x)).abs().mean() < 1.5 / 255
    assert (found - tensors.from_pil(mix(Engine("cpu"), one=1.0))).abs().mean() > 4 / 255
    assert all(torch.equal(w, pair["one"][k]) for k, w in kept.items())


def test_weights_count_only_as_shares(pair: dict[str, dict[str, Tensor]]) -> None:
    engine = Engine("cpu")
    first = mix(engine, one=1.0, other=2.0)
    assert np.array_equal(first, mix(engine, other=1.0, one=0.5))
    assert not np.array_equal(first, mix(engine, one=2.0, other=1.0))
    assert np.array_equal(mix(engine, one=0.3), mix(engine, one=2.0))


def test_networks_of_different_shapes(pair: dict[str, dict[str, Tensor]]) -> None:
    pair["other"] = dict(new_transformer(torch.Generator().manual_seed(3), 4).state_dict())
    with pytest.raises(StyleSwapError, match="different shapes"):
        mix(Engine("cpu"), one=1.0, other=1.0)


@pytest.mark.skipif("openvino" not in available(torch.device("cpu")), reason="no compiling")
def test_another_mixture_compiles_nothing(
    pair: dict[str, dict[str, Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[tuple[int, ...]] = []
    compile = openvino.OpenVinoRuntime._compile
    monkeypatch.setattr(openvino, "REQUESTS", Kept())
    monkeypatch.setattr(
        openvino.OpenVinoRuntime,
        "_compile",
        lambda self, shape: compiled.append(shape) or compile(self, shape),
    )
    engine = Engine("cpu")
    pictures = [mix(engine, one=1.0, other=share) for share in (0.5, 1.0, 2.0, 0.5)]
    assert compiled == [(1, 3, 43, 64)]
    assert np.array_equal(pictures[0], pictures[3])
    assert not np.array_equal(pictures[0], pictures[1])


def test_mixtures_are_kept_and_forgotten(
    pair: dict[str, dict[str, Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[TransformerNetwork] = []
    from_weights = TransformerNetwork.from_weights

    def look(found: dict[str, Tensor]) -> TransformerNetwork:
        made.append(from_weights(found))
        return made[-1]

    monkeypatch.setattr(TransformerNetwork, "from_weights", look)
    engine = Engine("cpu")
    for share in (1.0, 2.0, 1.0):
        mix(engine, one=1.0, other=share)
    assert len(made) == 2
    for step in range(engine_module.MIXTURES):
        mix(engine, one=1.0, other=3.0 + step)
    assert len(engine._mixtures._made) == engine_module.MIXTURES
    mix(engine, one=1.0, other=1.0)
    assert len(made) == 2 + engine_module.MIXTURES + 1
