from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from styleswap import ops
from styleswap.errors import StyleSwapError
from styleswap.nets.transformer import TransformerNetwork, new_transformer
from styleswap.training import style as training
from styleswap.training.style import Objective, Settings, open_painting, train
from tests.helpers import ROOT, STYLES, colourful, noise


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for i in range(6):
        colourful(90 + 10 * i, 80).rotate(60 * i).save(folder / f"{i}.png")
    return folder


def settings(folder: Path, **changes: object) -> Settings:
    usual = Settings(
        **{"painting": str(STYLES[0]), "photos": (str(folder),), "perceptual": "small"},
        **{"steps": 6, "batch": 2, "crop": 48, "style_size": 64, "lr": 0.06},
        **{"content": 1.0, "style": 2.0, "tv": 0.5, "width": 4, "seed": 0},
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def run(
    chosen: Settings,
    folder: Path,
    *,
    warm: dict[str, Tensor] | None = None,
    every: int = 4,
    resume: bool = False,
    report: Callable[[int, dict[str, float]], None] = lambda step, losses: None,
) -> tuple[TransformerNetwork, dict[str, float]]:
    return train(chosen, folder, warm=warm, checkpoint_every=every, resume=resume, report=report)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "HELD_OUT", 2)


def test_it_learns(photos: Path, tmp_path: Path) -> None:
    seen: list[dict[str, float]] = []
    net, found = run(
        settings(photos, steps=60),
        tmp_path,
        every=30,
        report=lambda step, losses: seen.append(losses),
    )
    style = [losses["style"] for losses in seen]
    assert len(seen) == 60 and sum(style[-10:]) < 0.5 * sum(style[:10])
    rows = list(csv.DictReader((tmp_path / "losses.csv").open()))
    assert [int(row["step"]) for row in rows] == [30, 60]
    assert float(rows[-1]["held_out_style"]) == pytest.approx(found["style"], abs=1e-4)
    assert 0 < found["style"] < 0.9 and 0 < found["content"] < 2
    with Image.open(tmp_path / "step-00060.jpg") as sheet:
        assert sheet.size == (2 * 48, 2 * 48)
    assert net.width == 4


class Stopped(Exception):
    pass


def test_resuming_gives_the_same_weights_to_the_bit(photos: Path, tmp_path: Path) -> None:
    whole = run(settings(photos), tmp_path / "whole")[0].state_dict()

    def stop(step: int, losses: dict[str, float]) -> None:
        if step == 5:
            raise Stopped

    with pytest.raises(Stopped):
        run(settings(photos), tmp_path / "halves", every=3, report=stop)
    steps: list[int] = []
    halves = run(
        settings(photos),
        tmp_path / "halves",
        every=3,
        resume=True,
        report=lambda step, losses: steps.append(step),
    )[0].state_dict()
    assert steps == [4, 5, 6]
    assert all(torch.equal(halves[k], whole[k]) for k in whole)


def test_two_processes_train_as_one(photos: Path, tmp_path: Path) -> None:
    """`accelerate launch` over two processes, at the same batch over all of them."""
    command = [
        *("train", "style", str(STYLES[0]), "--photos", str(photos), "-o", "two"),
        *("--steps", "3", "--batch", "4", "--crop", "64", "--style-size", "64"),
        *("--folder", str(tmp_path), "--runs", str(tmp_path / "runs")),
    ]
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "-m"]
    subprocess.run(
        [sys.executable, *launch, "styleswap", *command],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=180,
    )
    command[command.index("two")] = "one"
    subprocess.run(
        [sys.executable, "-m", "styleswap", *command],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=180,
    )
    one, two = (load_file(tmp_path / f"{name}.safetensors") for name in ("one", "two"))
    start = new_transformer(torch.Generator().manual_seed(0), 16).state_dict()
    moved = torch.cat([(one[k].float() - start[k]).flatten() for k in one])
    apart = torch.cat([(one[k].float() - two[k].float()).flatten() for k in one])
    assert moved.norm() > 0.1 and apart.norm() < 0.05 * moved.norm()


def test_a_warm_start_begins_with_the_weights(photos: Path, tmp_path: Path) -> None:
    warm = new_transformer(torch.Generator().manual_seed(5), 8).state_dict()
    found = run(settings(photos, steps=1, lr=1e-6, warm="x"), tmp_path, warm=warm)[0]
    assert found.width == 8  # that of the weights, not of the settings
    for name, tensor in found.state_dict().items():
        torch.testing.assert_close(tensor, warm[name], rtol=1e-4, atol=1e-5)


def test_bad_settings(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(StyleSwapError, match="fewer than two pictures"):
        run(settings(photos, photos=(str(tmp_path),)), tmp_path)
    with pytest.raises(StyleSwapError, match="style picture"):
        run(settings(photos, painting=str(tmp_path / "none.jpg")), tmp_path)
    with pytest.raises(StyleSwapError, match="no checkpoint to resume"):
        run(settings(photos), tmp_path, resume=True)


def test_the_loss_is_the_weighted_sum(photos: Path) -> None:
    chosen = settings(photos, content=0.5, style=3.0, tv=7.0)
    objective = Objective(chosen, torch.device("cpu"))
    y, photo = noise(2, 3, 48, 48), noise(2, 3, 48, 48, seed=1)
    parts = {k: v.item() for k, v in objective(y, photo).items()}
    assert parts["tv"] == pytest.approx(ops.total_variation(y).item())
    literal = 0.5 * parts["content"] + 3.0 * parts["style"] + 7.0 * parts["tv"]
    assert parts["total"] == pytest.approx(literal, rel=1e-4)
    assert objective(photo, photo)["content"].item() == pytest.approx(0, abs=1e-6)


def test_the_painting_has_the_size_asked_for() -> None:
    x = open_painting(STYLES[0], 100)
    assert min(x.shape[2:]) == 100
