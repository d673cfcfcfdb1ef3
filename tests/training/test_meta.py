from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from styleswap import cli, weights
from styleswap.nets import meta
from styleswap.nets.meta import Writer, new_writer
from styleswap.nets.transformer import TransformerNetwork
from styleswap.training import meta as training
from styleswap.training.meta import MetaTask, mixed, train
from styleswap.training.settings import MetaSettings
from tests.helpers import colourful, noise, small

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    found = []
    for kind in ("photos", "paintings"):
        folder = tmp_path_factory.mktemp(kind)
        for i in range(6):
            picture = colourful(90 + 10 * i, 80).rotate(60 * i)
            if kind == "paintings":
                picture = picture.point(lambda value, i=i: (value * (i + 2)) % 256)
            picture.save(folder / f"{i}.png")
        found.append(folder)
    return found[0], found[1]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "HELD_OUT", 2)
    monkeypatch.setattr(training, "CALIBRATED", 32)


def settings(folders: tuple[Path, Path], **changes: object) -> MetaSettings:
    photos, paintings = folders
    usual = MetaSettings(
        (str(photos),),
        (str(paintings),),
        **{"steps": 4, "batch": 2, "photos_each": 2, "crop": 48, "width": 8},
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def test_it_learns(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "GRID", 0.0)  # a few steps of a small network only begin with it
    chosen = settings(folders, steps=40, lr=0.15, balance=0.0, width=16)
    start = new_writer(torch.Generator().manual_seed(0), small(), 16)
    before = MetaTask(chosen, CPU).validate(start)
    seen: list[dict[str, float]] = []
    net, found = train(
        chosen,
        tmp_path,
        warm=None,
        checkpoint_every=40,
        resume=False,
        report=lambda step, losses: seen.append(losses),
    )
    assert found["style"] < 0.7 * before["style"], (before, found)
    assert len(seen) == 40 and {"total", "content", "style", "tv", "grid", "weight"} == set(seen[0])
    assert set(found) == {"content", "style", "worst", "weight"} and found["weight"] == 4.0
    assert found["worst"] >= found["style"] and net.width == 16
    assert (tmp_path / "step-00040.jpg").exists()


def test_resuming_gives_the_same_weights_to_the_bit(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    def stop(step: int, losses: dict[str, float]) -> None:
        if step == 3:
            raise KeyboardInterrupt

    def run(folder: str, **how: object) -> Writer:
        rest: dict[str, object] = {"resume": False, "report": lambda step, losses: None}
        return train(
            settings(folders), tmp_path / folder, warm=None, checkpoint_every=2, **(rest | how)
        )[0]  # type: ignore[arg-type]

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("halves", report=stop)
    halves = run("halves", resume=True)
    for name, w in whole.state_dict().items():
        assert torch.equal(w, halves.state_dict()[name]), name


def test_losses_are_what_they_say(folders: tuple[Path, Path]) -> None:
    """Of a network that gives back the photograph: no content distance, and all of the style's."""

    class Same(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    task = MetaTask(settings(folders, batch=2, photos_each=2), CPU)
    task.template = Same()  # type: ignore[assignment]
    batch = task.draw(torch.Generator().manual_seed(0), 0)
    assert [tuple(x.shape) for x in batch] == [(2, 3, 48, 48), (2, 2, 3, 48, 48), (2,)]
    parts = task.distances(lambda seen: {}, *batch)  # type: ignore[arg-type]
    assert parts["content"].shape == (4,) and parts["content"].abs().max() < 1e-6
    torch.testing.assert_close(parts["style"], torch.ones(4))
    # A painting of its own photograph has next to no distance, and asks for next to nothing.
    own = task.distances(lambda seen: {}, batch[1][:, 0], batch[1][:, :1], torch.zeros(2))  # type: ignore[arg-type]
    assert own["style"].max() < 0.05


def test_each_network_paints_its_own_photographs(folders: tuple[Path, Path]) -> None:
    task = MetaTask(settings(folders), CPU)
    net = new_writer(torch.Generator().manual_seed(0), small(), 8)
    with torch.no_grad():
        written = net(
            meta.moments(small(), noise(2, 3, 48, 48) ** torch.tensor([1.0, 4.0]).view(2, 1, 1, 1))
        )
        photos = noise(4, 3, 48, 48, seed=1)
        made = task._painted(written, photos, 2)
        for i, x in enumerate(photos):
            own = TransformerNetwork.from_weights({k: w[i // 2] for k, w in written.items()})
            torch.testing.assert_close(made[i : i + 1], own(x[None]), rtol=1e-4, atol=1e-4)


def test_a_mixture_is_the_mean_of_moments() -> None:
    x = noise(3, 4, 4)
    found = mixed(x, torch.tensor([0.0, 0.5, 1.0]))
    assert torch.equal(found[0], x[0])
    torch.testing.assert_close(found[1], (x[1] + x[2]) / 2)
    torch.testing.assert_close(found[2], x[0])


def test_the_command_writes_weights_and_goes_on_from_them(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "new_writer", lambda g, net, width: new_writer(g, net, 8))
    monkeypatch.setattr(
        training, "TransformerNetwork", lambda width: TransformerNetwork(8), raising=True
    )
    photos, paintings = folders
    common = [
        "--photos",
        str(photos),
        "--paintings",
        str(paintings),
        "--steps",
        "2",
        "--batch",
        "1",
    ]
    common += ["--crop", "64", "--folder", str(tmp_path), "--runs", str(tmp_path / "runs")]
    for more in ([], ["--continue"]):
        cli.app(["train", "meta", *common, *more], standalone_mode=False)
    entry = weights.manifest(tmp_path)["meta"]
    assert entry.kind == "meta" and entry.about["steps"] == 2
    assert (
        len(entry.about["earlier"]) == 1
        and "--continue" not in entry.about["earlier"][0]["command"]
    )
    assert meta.MetaNetwork.from_weights(small(), weights.load("meta", tmp_path)).writer.width == 8
