from __future__ import annotations

import csv
import math
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from styleswap import cli, losses, ops, weights
from styleswap.errors import StyleSwapError
from styleswap.nets import meta
from styleswap.nets.transformer import TransformerNetwork, new_transformer
from styleswap.training import checkpoint, data
from styleswap.training import style as training
from styleswap.training.loop import GRID
from styleswap.training.settings import StyleSettings
from styleswap.training.style import StyleTask, open_painting, train
from tests.helpers import ROOT, STYLES, colourful, noise


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for i in range(6):
        colourful(90 + 10 * i, 80).rotate(60 * i).save(folder / f"{i}.png")
    return folder


def settings(folder: Path, **changes: object) -> StyleSettings:
    usual = StyleSettings(
        str(STYLES[0]),
        (str(folder),),
        **{"steps": 6, "batch": 2, "crop": 48, "style_size": 64, "balance": 0.0, "width": 4},
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def run(
    chosen: StyleSettings,
    folder: Path,
    *,
    warm: dict[str, Tensor] | None = None,
    every: int = 4,
    resume: bool = False,
    report: Callable[[int, dict[str, float]], None] = lambda step, losses: None,
) -> tuple[TransformerNetwork, dict[str, float]]:
    return train(chosen, folder, warm=warm, checkpoint_every=every, resume=resume, report=report)


HELD_OUT = training.HELD_OUT


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "HELD_OUT", 2)


def test_it_learns(photos: Path, tmp_path: Path) -> None:
    seen: list[dict[str, float]] = []
    net, found = run(
        settings(photos, steps=60, width=16, lr=0.15),
        tmp_path,
        every=30,
        report=lambda step, losses: seen.append(losses),
    )
    style = [losses["style"] for losses in seen]
    assert len(seen) == 60 and sum(style[-10:]) < 0.5 * sum(style[:10])
    rows = list(csv.DictReader((tmp_path / "losses.csv").open()))
    assert [int(row["step"]) for row in rows] == [10, 20, 30, 40, 50, 60]
    assert [bool(row["held_out_style"]) for row in rows] == [False, False, True] * 2
    first = [losses["style"] for losses in seen[:10]]
    assert float(rows[0]["style"]) == pytest.approx(sum(first) / 10, abs=1e-4)
    assert float(rows[-1]["held_out_style"]) == pytest.approx(found["style"], abs=1e-4)
    assert 0 < found["style"] < 0.9 and 0 < found["content"] < 2
    with Image.open(tmp_path / "step-00060.jpg") as sheet:
        assert sheet.size == (2 * 48, 2 * 48)
    with Image.open(tmp_path / "losses.png") as plot:
        assert plot.width > 500 and len(plot.convert("RGB").getcolors(10**6) or []) > 20
    assert net.width == 16


def test_the_styles_weight_is_steered(photos: Path, tmp_path: Path) -> None:
    chosen = settings(photos, balance=0.2)
    weight = StyleTask(chosen, torch.device("cpu")).weight
    weight.steer(0.2)
    assert weight.value == pytest.approx(2.0)
    weight.steer(0.3)  # too little is left of the photograph
    assert weight.value == pytest.approx(2.0 * math.exp(-0.02 * 0.5))
    assert weight.tensor.item() == pytest.approx(weight.value)
    weight.steer(0.1)
    weight.steer(5.0)
    assert weight.value == pytest.approx(2.0 * math.exp(-0.02))
    for content, end in ((9.0, 0.2), (0.0, 20.0)):
        for _ in range(400):
            weight.steer(content)
        assert weight.value == pytest.approx(end)
    still = StyleTask(settings(photos), torch.device("cpu")).weight
    still.steer(9.0)
    assert still.value == 2.0
    # Through training, the content comes out nearer to what was asked for.
    weights = {}
    for balance in (0.05, 0.6):
        found = run(settings(photos, steps=5, balance=balance), tmp_path / str(balance))[1]
        weights[balance] = found["weight"]
    assert weights[0.05] < 2 < weights[0.6]


class Stopped(Exception):
    pass


def test_resuming_gives_the_same_weights_to_the_bit(photos: Path, tmp_path: Path) -> None:
    chosen = settings(photos, balance=0.2)
    whole, found = run(chosen, tmp_path / "whole")

    def stop(step: int, losses: dict[str, float]) -> None:
        if step == 5:
            raise Stopped

    with pytest.raises(Stopped):
        run(chosen, tmp_path / "halves", every=3, report=stop)
    steps: list[int] = []
    halves, again = run(
        chosen,
        tmp_path / "halves",
        every=3,
        resume=True,
        report=lambda step, losses: steps.append(step),
    )
    assert steps == [4, 5, 6]
    theirs = halves.state_dict()
    assert all(torch.equal(theirs[k], w) for k, w in whole.state_dict().items())
    assert again == found and found["weight"] != 2.0


LAUNCHED = """
    import runpy, sys

    for batch in ("3", "4"):
        sys.argv[-1] = batch
        try:
            runpy.run_module("styleswap", run_name="__main__")
        except SystemExit as ended:
            print("ended", batch, ended.code or 0, flush=True)
"""


def command(name: str, photos: Path, folder: Path, *more: str) -> list[str]:
    """What trains the style `name` on the command line."""
    return [
        *("train", "style", str(STYLES[0]), "--photos", str(photos), "-o", name),
        *("--crop", "64", "--style-size", "64", "--card", str(STYLES[0])),
        *("--folder", str(folder), "--runs", str(folder / "runs"), *more),
    ]


def test_two_processes_train_as_one(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`accelerate launch` over two processes, at the same batch over all of them."""
    # Both runs within one launch, as starting each process takes far longer than the training.
    script = tmp_path / "launched.py"
    script.write_text(textwrap.dedent(LAUNCHED))
    done = subprocess.run(
        [
            # accelerate starts one process alone on CPUs unless it is told of several devices.
            *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"),
            *("--num_processes", "2", str(script)),
            *command("two", photos, tmp_path, "--steps", "3", "--batch", "?"),
        ],
        cwd=ROOT,
        env=os.environ | {"ACCELERATE_USE_CPU": "true", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert "A batch of 3 cannot be shared by 2 processes" in done.stderr
    assert done.stdout.count("ended 3 2") == 2 == done.stdout.count("ended 4 0"), done.stderr
    alone = command("one", photos, tmp_path, "--steps", "3", "--batch", "4")
    monkeypatch.setattr(training, "HELD_OUT", HELD_OUT)  # as many as the others took
    monkeypatch.setattr(sys, "argv", ["styleswap", *alone])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    one, two = (load_file(tmp_path / f"{name}.safetensors") for name in ("one", "two"))
    start = new_transformer(torch.Generator().manual_seed(0)).state_dict()
    moved = torch.cat([(one[k].float() - start[k]).flatten() for k in one])
    apart = torch.cat([(one[k].float() - two[k].float()).flatten() for k in one])
    # The gradients' sums are rounded to bfloat16 at other places, which Muon brings out.
    assert moved.norm() > 0.1 and apart.norm() < 0.12 * moved.norm()
    entries = [weights.manifest(tmp_path)[name] for name in ("one", "two")]
    # By which a comparison knows that it was trained from this picture.
    assert entries[0].about["style_sha256"] == weights.sha256_of(STYLES[0])
    losses = [entry.about["losses"] for entry in entries]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_files_that_are_no_pictures_do_not_end_it(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(data, "unreadable", set())
    folder = tmp_path / "photos"
    shutil.copytree(photos, folder)
    for file in photos.iterdir():  # more of them than of the others
        (folder / f"._{file.name}").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        ")
        (folder / f"cut-{file.name}").write_bytes(file.read_bytes()[:500])
    arguments = command("hardy", folder, tmp_path, "--steps", "3", "--width", "4")
    monkeypatch.setattr(sys, "argv", ["styleswap", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code and (tmp_path / "hardy.safetensors").exists()
    assert re.search(r"skipped \d pictures that could not be read", capsys.readouterr().out)


def test_killed_without_warning(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but the steps since the last checkpoint is lost."""
    runs = tmp_path / "runs"
    often = ("--steps", "100000", "--checkpoint-every", "2", "--batch", "1")
    killed = command("killed", photos, tmp_path, *often)

    def saved() -> int:
        try:
            with safe_open(runs / "checkpoint.safetensors", "pt") as file:
                return int(file.metadata()["step"])
        except FileNotFoundError:
            return 0

    deadline = time.monotonic() + 120
    with subprocess.Popen(
        [sys.executable, "-m", "styleswap", *killed],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while saved() < 4:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            process.kill()  # else a failure would wait for all of its steps
    first, save = saved(), checkpoint.save

    def save_two(file: Path, step: int, *more: Any) -> None:
        save(file, step, *more)
        if step == first + 4:
            raise Stopped

    # What goes on need not be a process of its own.
    monkeypatch.setattr(checkpoint, "save", save_two)
    monkeypatch.setattr(sys, "argv", ["styleswap", *killed, "--resume"])
    with pytest.raises(Stopped):
        cli.main()
    rows = list(csv.DictReader((runs / "losses.csv").open()))
    assert [int(row["step"]) for row in rows] == list(range(2, first + 5, 2))
    assert saved() == first + 4 >= 8


def test_a_style_starts_from_what_the_meta_network_writes() -> None:
    found = training.start("meta", STYLES[0], 64, weights.PRETRAINED)
    written = meta.load().write(open_painting(STYLES[0], 64))
    assert found.keys() == written.keys()
    assert all(torch.equal(w, written[name]) for name, w in found.items())


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
    chosen = settings(photos, content=0.5, style=3.0, tv=7.0, colours=11.0, steady=13.0)
    objective = StyleTask(chosen, torch.device("cpu"))
    y, photo = noise(2, 3, 48, 48), noise(2, 3, 48, 48, seed=1)
    found = objective.losses(Fixed(y), photo, torch.zeros_like(photo))
    parts = {k: v.item() for k, v in found.items()}
    assert parts["tv"] == pytest.approx(ops.total_variation(y).item())
    assert parts["grid"] == pytest.approx(ops.grid(y).item())
    painting = losses.colour_quantiles(objective.painting)
    assert parts["colours"] == pytest.approx(losses.colour_distance(y, painting).item())
    literal = 0.5 * parts["content"] + 3.0 * parts["style"] + 7.0 * parts["tv"]
    literal += 11.0 * parts["colours"] + 13.0 * parts["steady"] + GRID * parts["grid"]
    assert parts["total"] == pytest.approx(literal, rel=1e-4)
    same = objective.losses(Fixed(photo), photo, torch.zeros_like(photo))
    assert same["content"].item() == pytest.approx(0, abs=1e-6)


def test_a_network_is_steady_that_follows_motion_and_passes_noise_over(photos: Path) -> None:
    objective = StyleTask(settings(photos), torch.device("cpu"))
    photo, none = noise(4, 3, 48, 48), torch.zeros(4, 3, 48, 48)

    def found(net: torch.nn.Module, change: Tensor) -> float:
        return objective.losses(net, photo, change)["steady"].item()

    assert found(torch.nn.Identity(), none) == pytest.approx(0, abs=1e-6)
    assert found(torch.nn.Identity(), none + 0.1) == pytest.approx(0.01, rel=1e-3)
    # Of every second photograph: what stays where it was is as far off as two shifted pictures are.
    shifted = photo[::2, :, 1:-2, 2:-1] - photo[::2, :, :-3, :-3]
    assert found(Fixed(photo), none) == pytest.approx(shifted.square().mean().item(), rel=1e-3)


class Fixed(torch.nn.Module):
    """Paints the same, whatever the photographs are."""

    def __init__(self, y: Tensor) -> None:
        super().__init__()
        self.y = y

    def forward(self, x: Tensor) -> Tensor:
        return self.y[:: len(self.y) // len(x), :, : x.shape[2], : x.shape[3]]


def test_the_painting_has_the_size_asked_for() -> None:
    x = open_painting(STYLES[0], 100)
    assert min(x.shape[2:]) == 100
