from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from styleswap import ops
from styleswap.errors import StyleSwapError
from styleswap.losses import relative_error
from styleswap.nets import adain
from styleswap.nets.inverse import LAYERS, new_inverse
from styleswap.training import inverse as training
from styleswap.training.inverse import TRANSFERS, task_of, train
from styleswap.training.settings import InverseSettings
from tests.helpers import colourful, small

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    found = []
    for name in ("photos", "paintings"):
        folder = tmp_path_factory.mktemp(name)
        for i in range(6):
            turned = colourful(90 + 10 * i, 80).rotate(60 * i + 25 * (name == "photos"))
            turned.save(folder / f"{i}.png")
        found.append(str(folder))
    return found[0], found[1]


def settings(folders: tuple[str, str], **changes: object) -> InverseSettings:
    photos, paintings = folders
    usual = InverseSettings("relu2_1", (photos,), (paintings,), steps=6, batch=2, crop=48)
    return replace(usual, **changes)  # type: ignore[arg-type]


def run(
    chosen: InverseSettings,
    folder: Path,
    *,
    every: int = 4,
    resume: bool = False,
    report: Callable[[int, dict[str, float]], None] = lambda step, losses: None,
) -> tuple[nn.Module, dict[str, float]]:
    return train(chosen, folder, checkpoint_every=every, resume=resume, report=report)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "HELD_OUT", 2)


@pytest.mark.parametrize("layer", [min(LAYERS), max(LAYERS), adain.KEY])
def test_it_learns(folders: tuple[str, str], tmp_path: Path, layer: str) -> None:
    seen: list[dict[str, float]] = []
    net, found = run(
        settings(folders, layer=layer, steps=80, batch=4),
        tmp_path,
        every=40,
        report=lambda step, losses: seen.append(losses),
    )
    assert isinstance(net, adain.Decoder) == (layer == adain.KEY) and len(seen) == 80
    first, last = (statistics.median(s["total"] for s in part) for part in (seen[:20], seen[-20:]))
    assert last < 0.9 * first
    untrained = run(settings(folders, layer=layer, steps=1, batch=4, lr=1e-9), tmp_path / "new")[1]
    assert found["style"] < 0.93 * untrained["style"]
    assert set(found) == {"content", "style", "pixels"} and 0 < found["pixels"] < 0.2
    with Image.open(tmp_path / "step-00080.jpg") as sheet:
        assert sheet.size == (2 * 48, (3 + len(TRANSFERS.get(layer, [1]))) * 48)


def test_resuming_gives_the_same_weights_to_the_bit(
    folders: tuple[str, str], tmp_path: Path
) -> None:
    class Stopped(Exception):
        pass

    def stop(step: int, losses: dict[str, float]) -> None:
        if step == 5:
            raise Stopped

    chosen = settings(folders, layer="relu3_1")
    whole, found = run(chosen, tmp_path / "whole")
    with pytest.raises(Stopped):
        run(chosen, tmp_path / "halves", every=3, report=stop)
    halves, again = run(chosen, tmp_path / "halves", every=3, resume=True)
    theirs = halves.state_dict()
    assert all(torch.equal(theirs[k], w) for k, w in whole.state_dict().items())
    assert again == found


def test_all_pairs_of_two_photographs_and_two_paintings(folders: tuple[str, str]) -> None:
    task = task_of(settings(folders, batch=4), CPU)
    photos, paintings = task.draw(torch.Generator().manual_seed(3), 0)
    pairs = {(x.sum().item(), y.sum().item()) for x, y in zip(photos, paintings, strict=True)}
    assert len(pairs) == 4
    assert len({p for p, _ in pairs}) == 2 == len({q for _, q in pairs})


def test_the_loss_is_the_weighted_sum(folders: tuple[str, str]) -> None:
    weights = {"content": 0.5, "style": 3.0, "pixels": 2.0, "tv": 7.0}
    task = task_of(settings(folders, batch=4, layer="relu1_1", **weights), CPU)
    net = new_inverse(torch.Generator().manual_seed(0), "relu1_1").eval().requires_grad_(False)
    batch = task.draw(torch.Generator().manual_seed(3), 0)
    parts = {k: v.item() for k, v in task.losses(net, *batch).items()}
    total = sum(weight * parts[name] for name, weight in weights.items())
    total += training.GRID * parts["grid"]
    assert parts["total"] == pytest.approx(total, rel=1e-4)
    # By hand, in float32: photographs come back of the first pair of each two, paintings of the
    # second.
    photos, paintings = batch
    features = [small().features(x, ["relu1_1"])["relu1_1"] for x in batch]
    plain = torch.stack([photos[0], paintings[1], photos[2], paintings[3]])
    back = net(small().features(plain, ["relu1_1"])["relu1_1"])
    assert parts["pixels"] == pytest.approx((back - plain).square().mean().item(), rel=0.05)
    assert plain.flatten(1).sum(1).unique().numel() == 4  # none twice
    made = net(
        torch.cat([ops.whiten_and_colour(c[None], s[None]) for c, s in zip(*features, strict=True)])
    )
    style = 0.0
    for layer in ("relu1_1", "relu2_1"):  # its own, and the one behind it
        grams = [
            small().style_matrix(layer, small().features(x, [layer])[layer])
            for x in (torch.cat([made, back]), torch.cat([paintings, plain]))
        ]
        style += relative_error(*grams).item()
    assert parts["style"] == pytest.approx(style, rel=0.05)
    assert parts["tv"] == pytest.approx(ops.total_variation(made).item(), rel=0.05)


def test_transfers_take_turns(folders: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def spy(name: str) -> training.Transfer:
        return lambda content, style: called.append(name) or content

    monkeypatch.setitem(TRANSFERS, "relu2_1", (spy("a"), spy("b")))
    run(settings(folders, steps=3), tmp := Path(folders[0]).parent / "turns", every=100)
    # Two pairs each; in the end held-out pairs by each of them, once for the log and the sheet.
    assert "".join(called).startswith("aabbaa") and tmp.exists()


def test_bad_settings(folders: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(StyleSwapError, match="fewer than two pictures"):
        run(settings((str(tmp_path), folders[1])), tmp_path)
    with pytest.raises(StyleSwapError, match="no checkpoint to resume"):
        run(settings(folders), tmp_path, resume=True)


def test_it_starts_from_earlier_weights(folders: tuple[str, str], tmp_path: Path) -> None:
    for layer, earlier in (
        ("relu2_1", new_inverse(torch.Generator().manual_seed(7), "relu2_1")),
        (adain.KEY, adain.new_decoder(torch.Generator().manual_seed(7))),
    ):
        file = tmp_path / f"{layer}.safetensors"
        save_file(earlier.state_dict(), file)
        warm = settings(folders, layer=layer, steps=1, lr=1e-9, warm=str(file))
        net, _ = run(warm, tmp_path / layer)
        for name, weight in net.state_dict().items():
            torch.testing.assert_close(weight, earlier.state_dict()[name])
        with pytest.raises(StyleSwapError, match="no weights of this network to start from at"):
            run(replace(warm, layer="relu1_1"), tmp_path / "other")
    with pytest.raises(StyleSwapError, match="no weights of this network to start from at"):
        run(replace(warm, warm=str(tmp_path / "none")), tmp_path / "other")


def test_adains_decoder_is_given_what_the_method_gives_it(folders: tuple[str, str]) -> None:
    task = task_of(settings(folders, layer=adain.KEY), CPU)
    photo, painting = task.held
    own, theirs = (small().features(x, task.layers) for x in (photo, painting))
    seen: list[tuple[torch.Tensor, ...]] = []

    class Spy(adain.Decoder):
        def forward(self, *given: torch.Tensor) -> torch.Tensor:
            seen.append(given)
            return super().forward(*given)

    net = adain.AdainNetwork(small(), Spy()).eval()
    for i in range(len(photo)):
        wanted = [x[i : i + 1] for x in task.given(ops.adain, own, theirs)]
        net.set_style(*wanted[2:], 1.0)
        with torch.no_grad():
            net(photo[i : i + 1])
        given = seen.pop()
        # The method sees a margin around, so that its own statistics differ a little.
        for x, y in zip(given[2:], wanted[2:], strict=True):
            torch.testing.assert_close(x, y)
        for x, y in zip(given[:2], wanted[:2], strict=True):
            inner = x[..., x.shape[2] // 6 : -(x.shape[2] // 6), x.shape[3] // 6 :]
            assert x.shape[1] == y.shape[1] and (inner.mean() - y.mean()).abs() < 0.3 * y.mean()
