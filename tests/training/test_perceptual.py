from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from styleswap import losses, ops
from styleswap.errors import StyleSwapError
from styleswap.nets import perceptual as nets
from styleswap.nets.perceptual import PerceptualNetwork
from styleswap.specs import LAYERS, STYLE_LAYERS
from styleswap.training import perceptual
from styleswap.training.perceptual import (
    Heads,
    Moments,
    distillation_loss,
    recoloured,
    total,
    train,
)
from styleswap.training.settings import PerceptualSettings
from styleswap.training.teacher import load_teacher
from tests.helpers import TINY, colourful, noise, random_network

EXACT = {"conv1_1": 4, "conv1_2": 4, "conv2_1": 6, "conv2_2": 6, "conv3_1": 8}
WIDTHS = {n: 4 + 2 * int(n[4]) for n in nets.SMALL_CHANNELS}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of pictures and of a teacher's files."""
    root = tmp_path_factory.mktemp("training")
    for name in ("photos", "paintings", "teacher"):
        (root / name).mkdir()
    for i in range(4):
        colourful(90 + 10 * i, 80).rotate(90 * i).save(root / "photos" / f"{i}.png")
        rough = (noise(12, 12, 3, seed=i) * 255).byte().numpy()
        Image.fromarray(rough).resize((96, 96)).save(root / "paintings" / f"{i}.png")
    save_file(random_network(EXACT, seed=1).named_weights(), root / "teacher" / "exact.safetensors")
    imitation = random_network(TINY, seed=2).named_weights()
    for name in ("conv4_1", "conv5_1"):
        imitation[f"{name}_to_vgg.weight"] = noise(10, TINY[name], 1, 1) - 0.5
        imitation[f"{name}_to_vgg.bias"] = noise(10)
    save_file(imitation, root / "teacher" / "imitation.safetensors")
    return root


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow network and probes that live shortly, so that a few steps see everything."""
    monkeypatch.setattr(nets, "SMALL_CHANNELS", WIDTHS)
    monkeypatch.setattr(nets, "SMALL_READS", {"conv3_2": 6})
    monkeypatch.setattr(perceptual, "PROBE_LIFE", 6)


def settings(world: Path, **changes: object) -> PerceptualSettings:
    pictures = (str(world / "photos"), str(world / "paintings"))
    usual = PerceptualSettings(
        pictures, str(world / "teacher"), steps=10, batch=2, crop=64, lr=0.1, seed=0
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def run(
    chosen: PerceptualSettings,
    folder: Path,
    *,
    every: int = 4,
    resume: bool = False,
    report: Callable[[int, dict[str, float]], None] = lambda step, losses: None,
) -> tuple[PerceptualNetwork, dict[str, float]]:
    return train(chosen, folder, checkpoint_every=every, resume=resume, report=report)


def test_it_learns(world: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, float]] = []
    net, errors = run(
        settings(world, steps=30),
        tmp_path,
        every=10,
        report=lambda step, losses: seen.append((step, losses["loss"])),
    )
    assert [step for step, _ in seen] == list(range(1, 31))
    values = [loss for _, loss in seen]
    assert sum(values[-10:]) < 0.75 * sum(values[:10])
    rows = list(csv.DictReader((tmp_path / "losses.csv").open()))
    assert [int(row["step"]) for row in rows] == [10, 20, 30]
    assert float(rows[-1]["loss"]) == pytest.approx(values[-1], abs=1e-4)
    assert (
        {*LAYERS, *(f"{n}.gram" for n in STYLE_LAYERS)}
        == errors.keys()
        == {k for k in rows[0] if k not in ("step", "seconds", "loss")}
    )
    for name, error in errors.items():
        assert float(rows[-1][name]) == pytest.approx(error, abs=1e-4)
        assert 0 <= error < 1.5
    early = sum(float(rows[0][name]) for name in LAYERS)
    assert sum(errors[name] for name in LAYERS) < early
    assert net.layers == LAYERS and set(net.heads) == set(LAYERS)


class Stopped(Exception):
    pass


def test_resuming_gives_the_same_weights_to_the_bit(world: Path, tmp_path: Path) -> None:
    whole, errors = run(settings(world), tmp_path / "whole")

    def stop(step: int, losses: dict[str, float]) -> None:
        if step == 6:  # after the checkpoint of step 4
            raise Stopped

    with pytest.raises(Stopped):
        run(settings(world), tmp_path / "halves", report=stop)
    steps: list[int] = []
    halves, errors_too = run(
        settings(world),
        tmp_path / "halves",
        resume=True,
        report=lambda step, losses: steps.append(step),
    )
    assert steps == list(range(5, 11))
    wanted = whole.named_weights()
    for name, tensor in halves.named_weights().items():
        assert torch.equal(tensor, wanted[name]), name
    assert errors == errors_too
    rows = list(csv.DictReader((tmp_path / "halves" / "losses.csv").open()))
    assert [int(row["step"]) for row in rows] == [4, 8, 10]


def test_the_seed_decides(world: Path, tmp_path: Path) -> None:
    one, same, other = (
        run(settings(world, steps=2, seed=seed), tmp_path / name)[0].named_weights()
        for name, seed in (("one", 0), ("same", 0), ("other", 1))
    )
    assert all(torch.equal(one[k], same[k]) for k in one)
    assert all(not torch.equal(one[k], other[k]) for k in one)


def test_resuming_with_other_settings(world: Path, tmp_path: Path) -> None:
    run(settings(world, steps=1), tmp_path)
    with pytest.raises(StyleSwapError, match="another batch, lr; give the same"):
        run(settings(world, steps=1, batch=1, lr=0.2), tmp_path, resume=True)
    with pytest.raises(StyleSwapError, match="no checkpoint to resume"):
        run(settings(world, steps=1), tmp_path / "new", resume=True)


def test_a_warm_start_begins_with_the_weights_of_a_file(world: Path, tmp_path: Path) -> None:
    file = tmp_path / "warm.safetensors"
    net = nets.new_small(
        torch.Generator().manual_seed(9), load_teacher(str(world / "teacher")).channels()
    )
    save_file({k: v.half() for k, v in net.named_weights().items()}, file)
    chosen = settings(world, steps=1, warm=str(file), lr=1e-6)  # which hardly moves them
    found = run(chosen, tmp_path / "runs")[0].named_weights()
    for name, tensor in net.named_weights().items():
        if name.startswith("conv"):  # up to their scale; the heads are fitted anew
            mine, theirs = (x / x.norm().clamp_min(1e-9) for x in (found[name], tensor))
            torch.testing.assert_close(mine, theirs, rtol=2e-3, atol=1e-3)
    with pytest.raises(StyleSwapError, match="no weights of this network"):
        run(settings(world, warm=str(tmp_path / "none")), tmp_path / "other")


def test_a_warm_start_from_other_channels(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At first a wider network gives what the narrower one gives; a narrower takes what fits."""
    channels = load_teacher(str(world / "teacher")).channels()
    narrow = nets.new_small(torch.Generator().manual_seed(9), channels)
    file = tmp_path / "narrow.safetensors"
    save_file(narrow.named_weights(), file)
    monkeypatch.setattr(nets, "SMALL_CHANNELS", {n: c + 2 * (c > 9) for n, c in WIDTHS.items()})
    wide = nets.new_small(torch.Generator().manual_seed(1), channels)
    perceptual._start_from(wide, str(file))
    mine, theirs = wide.features(SHOWN, LAYERS), narrow.features(SHOWN, LAYERS)
    for layer, f in theirs.items():
        torch.testing.assert_close(mine[layer][:, : f.shape[1]], f)
        torch.testing.assert_close(wide.head(layer)(mine[layer]), narrow.head(layer)(f))
    assert mine["conv4_2"][:, theirs["conv4_2"].shape[1] :].abs().mean() > 0.01  # there, and alive
    again = nets.new_small(torch.Generator().manual_seed(2), channels)
    save_file(wide.named_weights(), file)
    monkeypatch.setattr(nets, "SMALL_CHANNELS", WIDTHS)
    narrower = nets.new_small(torch.Generator().manual_seed(3), channels)
    perceptual._start_from(narrower, str(file))
    for name, tensor in narrower.named_weights().items():
        torch.testing.assert_close(tensor, narrow.named_weights()[name])
    save_file({k: v for k, v in again.named_weights().items() if "conv4_2" not in k}, file)
    with pytest.raises(StyleSwapError, match="no weights of this network"):
        run(settings(world, steps=1, warm=str(file)), tmp_path / "runs")


def test_every_weight_moves_at_every_step(world: Path, tmp_path: Path) -> None:
    """Also at steps that renew a probe, where the network runs without a graph as well."""
    states: list[dict[str, Tensor]] = []

    def look(step: int, losses: dict[str, float]) -> None:
        file = tmp_path / "checkpoint.safetensors"
        if file.exists():  # that of the step before
            states.append({k: v.clone() for k, v in load_file(file).items()})

    run(settings(world, steps=9), tmp_path, every=1, report=look)
    assert len(states) == 8
    for before, after in itertools.pairwise(states):
        for name in before:
            if name.startswith("model."):
                assert not torch.equal(before[name], after[name]), name


def test_features_that_drifted_fit_into_float16() -> None:
    """Balanced, a network gives the same through its heads, also as it is shipped."""
    net = nets.new_small(torch.Generator().manual_seed(4), dict.fromkeys(LAYERS, 12))
    with torch.no_grad():
        for k, conv in enumerate(net.convs.values()):
            conv.weight.mul_(10 if k % 2 else 6)
            conv.bias.normal_(generator=torch.Generator().manual_seed(k))
        for layer in LAYERS:
            net.head(layer).weight.mul_(1e-12)
    before = {n: net.head(n)(f) for n, f in net.features(SHOWN, LAYERS).items()}
    assert net.features(SHOWN, ["relu5_1"])["relu5_1"].square().mean() > 1e12
    perceptual.balance(net, SHOWN)
    for name in net.convs:
        assert 0.7 < net.features(SHOWN, [name])[name].square().mean().sqrt() < 1.42
    after = {n: net.head(n)(f) for n, f in net.features(SHOWN, LAYERS).items()}
    for name, f in before.items():
        torch.testing.assert_close(after[name], f, rtol=1e-4, atol=0)
    halves = {k: v.half().float() for k, v in net.named_weights().items()}
    shipped = PerceptualNetwork(halves)
    for name, f in shipped.features(SHOWN, LAYERS).items():
        assert losses.relative_error(shipped.head(name)(f), before[name]) < 1e-3


# --- the losses ---------------------------------------------------------------------------------


def pupil(world: Path, seed: int = 0) -> tuple[PerceptualNetwork, dict[str, Tensor]]:
    """A new network and the teacher's features of `SHOWN`."""
    teacher = load_teacher(str(world / "teacher"))
    net = nets.new_small(torch.Generator().manual_seed(seed), teacher.channels())
    return net, teacher.features(SHOWN)


def moments(mine: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, Moments]:
    return {layer: Moments.of(mine[layer], theirs[layer]) for layer in LAYERS}


SHOWN = noise(3, 3, 48, 64, seed=7)


def test_distillation_loss_is_the_literal_one(world: Path) -> None:
    net, theirs = pupil(world)
    mine = net.features(SHOWN, LAYERS)
    parts = distillation_loss(net, moments(mine, theirs))
    assert parts.keys() == {*LAYERS, *(f"{n}.gram" for n in STYLE_LAYERS)}
    for layer in LAYERS:
        mapped = net.head(layer)(mine[layer])
        for i in range(len(SHOWN)):
            wf, f = mapped[i], theirs[layer][i]
            literal = (wf - f).square().sum() / f.square().sum()
            assert parts[layer][i].item() == pytest.approx(literal.item(), rel=1e-3)
            if layer in STYLE_LAYERS:
                g = [ops.gram(x[None]) for x in (wf, f)]
                assert parts[f"{layer}.gram"][i].item() == pytest.approx(
                    losses.relative_error(*g).item(), rel=1e-3
                )


def test_a_perfect_pupil_has_no_loss(world: Path) -> None:
    net, _ = pupil(world)
    mine = net.features(SHOWN, LAYERS)
    theirs = {layer: net.head(layer)(f) for layer, f in mine.items()}
    for values in distillation_loss(net, moments(mine, theirs)).values():
        assert values.abs().max() < 1e-5


def test_gradients_reach_every_convolution(world: Path) -> None:
    net, theirs = pupil(world)
    total(distillation_loss(net, moments(net.features(SHOWN, LAYERS), theirs))).backward()
    for name, p in net.convs.named_parameters():
        assert p.grad is not None and p.grad.isfinite().all() and p.grad.abs().max() > 0, name


def test_total_by_hand() -> None:
    parts = {"relu1_1": torch.tensor([0.2, 0.4]), "relu1_1.gram": torch.tensor([0.25, 0.01])}
    assert total(parts).item() == pytest.approx((0.2 + 0.5 + 0.4 + 0.1) / 2, rel=1e-3)


def test_heads_are_the_least_squares_maps(world: Path) -> None:
    """Over one step's pictures, each weighing by one over its energy: against torch's solver."""
    net, theirs = pupil(world)
    mine = net.features(SHOWN, LAYERS)
    before = distillation_loss(net, moments(mine, theirs))
    Heads().fit(net, moments(mine, theirs), 0.05)
    after = distillation_loss(net, moments(mine, theirs))
    for layer in LAYERS:
        assert after[layer].mean() < before[layer].mean() and after[layer].mean() < 1
        energy = theirs[layer].square().mean((2, 3)).sum(1)
        scale = (1 / (energy + 1e-2 * energy.mean())).sqrt().view(-1, 1, 1, 1)
        f, t = ((x[layer].detach() * scale).transpose(0, 1).flatten(1) for x in (mine, theirs))
        best = torch.linalg.lstsq(f.T, t.T).solution.T
        exact = ((best @ f - t).square().sum() / t.square().sum()).item()
        w = net.head(layer).weight.flatten(1)
        fitted = ((w @ f - t).square().sum() / t.square().sum()).item()
        assert exact - 1e-4 <= fitted < exact + 0.02  # a little ridge keeps it tame


def test_heads_remember_the_steps_before(world: Path) -> None:
    """Two steps weigh alike at first; later ones weigh by the rate."""
    net, theirs = pupil(world)
    found = moments(net.features(SHOWN, LAYERS), theirs)
    other = {k: Moments(2 * m.own, 3 * m.cross, m.truth) for k, m in found.items()}
    heads = Heads()
    heads.fit(net, found, 0.05)
    one = {k: v.clone() for k, v in heads.moments.items()}
    heads.fit(net, other, 0.05)
    for k, v in heads.moments.items():
        torch.testing.assert_close(v, one[k] * (1.5 if k.endswith("own") else 2.0))
    heads.steps = 1000
    heads.fit(net, found, 0.25)
    for k, v in heads.moments.items():
        torch.testing.assert_close(v, one[k] * (1.375 if k.endswith("own") else 1.75))


def test_recoloured_changes_half_of_the_pictures() -> None:
    x = noise(400, 3, 4, 4)
    kept = x.clone()
    y = recoloured(x, torch.Generator().manual_seed(0))
    assert torch.equal(x, kept) and y.shape == x.shape and y.min() >= 0 and y.max() <= 1
    changed = (x != y).flatten(1).any(1)
    assert 160 < changed.sum() < 240
    assert (y[changed] - x[changed]).abs().mean() > 0.05
    assert torch.equal(y, recoloured(x, torch.Generator().manual_seed(0)))
