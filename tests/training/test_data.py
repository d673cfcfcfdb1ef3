from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from styleswap.errors import StyleSwapError
from styleswap.training import data
from styleswap.training.data import HELD_OUT_EVERY, Crops, find_pictures
from tests.helpers import colourful


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grey_folder(folder: Path, count: int) -> list[int]:
    """`count` flat pictures, each of a grey of its own, in the order of their names."""
    folder.mkdir()
    greys = [10 + 5 * i for i in range(count)]
    for i, grey in enumerate(greys):
        Image.new("RGB", (40, 30), (grey,) * 3).save(folder / f"{i:03d}.png")
    return greys


@pytest.mark.parametrize(("count", "held"), [(2, 1), (13, 1), (14, 1), (15, 2), (29, 3)])
def test_some_pictures_are_held_out(count: int, held: int, tmp_path: Path) -> None:
    grey_folder(tmp_path / "p", count)
    train, kept = find_pictures(tmp_path / "p")
    assert len(kept) == held and len(train) == count - held and not set(train) & set(kept)
    assert train == sorted(train) and kept == sorted(kept)
    assert find_pictures(tmp_path / "p") == (train, kept)


def test_only_pictures_are_found(tmp_path: Path) -> None:
    for name in ("a.JPG", "b.webp", "notes.txt", "c.safetensors"):
        (tmp_path / name).write_bytes(b"")
    train, held = find_pictures(tmp_path)
    assert {p.name for p in train + held} == {"a.JPG", "b.webp"}


@pytest.mark.parametrize("count", [None, 0, 1])
def test_a_folder_without_pictures(count: int | None, tmp_path: Path) -> None:
    if count is not None:
        grey_folder(tmp_path / "p", count)
    with pytest.raises(StyleSwapError, match="fewer than two pictures"):
        find_pictures(tmp_path / "p")


def test_held_out_pictures_are_never_drawn(tmp_path: Path) -> None:
    greys = grey_folder(tmp_path / "p", HELD_OUT_EVERY + 2)
    train, held = find_pictures(tmp_path / "p")
    drawn = Crops(train, 16).draw(300, seeded())
    values = set((drawn.mean((1, 2, 3)) * 255).round().int().tolist())
    assert len(held) == 2
    assert values == set(greys) - {greys[0], greys[HELD_OUT_EVERY]}


@pytest.mark.parametrize("side", [16, 64, 100])
def test_crops_are_squares_in_range(side: int, tmp_path: Path) -> None:
    files = []
    for i, (width, height) in enumerate([(200, 90), (33, 64), (70, 70)]):
        files.append(tmp_path / f"{i}.png")
        colourful(width, height).save(files[-1])
    x = Crops(files, side).draw(24, seeded())
    assert x.shape == (24, 3, side, side) and x.dtype == torch.float32
    assert x.min() >= 0 and x.max() <= 1 and x.std((1, 2, 3)).min() > 0.02


def test_crops_are_the_generators(tmp_path: Path) -> None:
    grey_folder(tmp_path / "p", 3)
    colourful(90, 80).save(tmp_path / "p" / "x.png")
    files = sorted((tmp_path / "p").iterdir())
    one, same, other = (Crops(files, 32).draw(8, seeded(s)) for s in (5, 5, 6))
    assert torch.equal(one, same) and not torch.equal(one, other)
    crops, draw = Crops(files, 32), seeded(5)  # in two goes, with what was kept in memory
    assert torch.equal(torch.cat([crops.draw(4, draw), crops.draw(4, draw)]), one)


def test_every_picture_is_as_likely_whatever_its_folder(tmp_path: Path) -> None:
    greys = grey_folder(tmp_path / "p", 10)
    files = sorted((tmp_path / "p").iterdir())
    x = Crops(files, 16).draw(600, seeded())
    means = (x.mean((1, 2, 3)) * 255).round().int().tolist()
    counts = [means.count(grey) for grey in greys]
    assert sum(counts) == 600 and min(counts) > 35 and max(counts) < 90


def test_several_folders(tmp_path: Path) -> None:
    for name in ("a", "b"):
        grey_folder(tmp_path / name, 15)
    a, b = (find_pictures(tmp_path / name) for name in ("a", "b"))
    assert find_pictures(tmp_path / "a", tmp_path / "b") == (a[0] + b[0], a[1] + b[1])
    with pytest.raises(StyleSwapError, match="none holds fewer"):
        find_pictures(tmp_path / "a", tmp_path / "none")


def test_what_cannot_be_read_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "unreadable", set())
    greys = grey_folder(tmp_path / "p", 6)
    files = sorted((tmp_path / "p").iterdir())
    assert data.skipped() == ""
    files[1].write_bytes(b"no picture")
    Crops(files[:2], 16).draw(20, seeded())
    assert data.skipped() == "skipped 1 picture that could not be read"
    files[4].write_bytes(files[0].read_bytes()[:50])  # cut short
    files[5].unlink()
    crops, again = Crops(files, 16), Crops(files, 16)
    drawn = crops.draw(60, seeded())
    means = set((drawn.mean((1, 2, 3)) * 255).round().int().tolist())
    assert means == {greys[0], greys[2], greys[3]}
    assert torch.equal(again.draw(60, seeded()), drawn)
    assert data.skipped() == "skipped 3 pictures that could not be read"
    with pytest.raises(StyleSwapError, match="None of the 2 pictures can be read"):
        Crops(files[4:], 16).draw(1, seeded())


def test_crops_lie_everywhere_and_are_mirrored(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(128, dtype=np.uint8)[None, :, None], (64, 1, 3))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    x = Crops([tmp_path / "ramp.png"], 16).draw(200, seeded())
    slope = (x[..., -1] - x[..., 0]).mean((1, 2))
    assert 60 < int((slope < 0).sum()) < 140
    low, high = x.amin((1, 2, 3)).min() * 255, x.amax((1, 2, 3)).max() * 255
    assert low < 8 and high > 120
    widths = (slope.abs() * 255).round()
    assert widths.min() < 24 and widths.max() > 50  # from a crop of 16 px to the whole side


def test_large_pictures_are_kept_small(tmp_path: Path) -> None:
    colourful(900, 600).save(tmp_path / "a.png")
    crops = Crops([tmp_path / "a.png"], 16, keep=100)
    crops.draw(1, seeded())
    kept = crops._opened[0]
    assert kept is not None and kept.shape == (3, 100, 150) and kept.dtype == torch.uint8
