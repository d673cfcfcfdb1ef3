from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from styleswap.errors import StyleSwapError
from styleswap.training import checkpoint
from tests.helpers import noise

SETTINGS = {"steps": 10, "pictures": ("a", "b"), "lr": 0.1}


class Run:
    """A model, its optimiser and its source of randomness."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.model = nn.Linear(3, 2)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.05)
        with torch.no_grad():
            for p in self.model.parameters():
                p.copy_(torch.randn(p.shape, generator=self.generator))

    def step(self, count: int) -> None:
        for _ in range(count):
            x = torch.randn(4, 3, generator=self.generator)
            self.optimizer.zero_grad()
            self.model(x).square().mean().backward()
            self.optimizer.step()

    def save(self, path: Path, step: int, extra: dict[str, Tensor] | None = None) -> None:
        parts = (self.model, self.optimizer, self.generator.get_state())
        checkpoint.save(path, step, *parts, extra or {}, SETTINGS)

    def load(self, path: Path, settings: dict[str, Any] = SETTINGS) -> tuple[int, dict[str, Any]]:
        return checkpoint.load(path, self.model, self.optimizer, self.generator, settings)


def test_resuming_is_as_not_stopping(tmp_path: Path) -> None:
    path = tmp_path / "made" / "c.safetensors"  # the folder is made
    one = Run(0)
    one.step(3)
    one.save(path, 3, {"probe": noise(2, 2)})
    one.step(4)
    other = Run(99)
    other.step(1)
    step, extra = other.load(path)
    assert step == 3 and list(extra) == ["probe"] and torch.equal(extra["probe"], noise(2, 2))
    other.step(4)
    for a, b in zip(one.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(one.generator.get_state(), other.generator.get_state())
    assert [p.name for p in path.parent.iterdir()] == ["c.safetensors"]


def test_a_checkpoint_of_other_settings(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    Run(0).save(path, 1)
    with pytest.raises(StyleSwapError) as error:
        Run(0).load(path, SETTINGS | {"lr": 0.2, "pictures": ("a",)})
    assert "another pictures, lr;" in str(error.value)


@pytest.mark.parametrize("data", [None, b"", b"\xff" * 100, "cut"])
def test_no_checkpoint(data: bytes | str | None, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    if data == "cut":
        Run(0).save(path, 1)
        data = path.read_bytes()[:-10]
    if isinstance(data, bytes):
        path.write_bytes(data)
    with pytest.raises(StyleSwapError) as error:
        Run(0).load(path)
    assert str(error.value) == f"There is no checkpoint to resume at {path}."


def test_a_file_that_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    checkpoint.save_tensors(path, {"a": noise(2)}, {})
    with pytest.raises(StyleSwapError, match="made with another"):
        Run(0).load(path)


def test_save_tensors_replaces_a_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    checkpoint.save_tensors(path, {"a": noise(3)}, {"step": "1"})
    with pytest.raises(AttributeError):  # a fault while writing leaves what was there
        checkpoint.save_tensors(path, {"a": None}, {})  # type: ignore[dict-item]
    turned = noise(2, 3, 4, 5).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    with safe_open(path, "pt") as f:
        assert f.metadata() == {"step": "1"} and torch.equal(f.get_tensor("a"), noise(3))
    checkpoint.save_tensors(path, {"b": turned, "c": turned[0, :, 1]}, {})
    with safe_open(path, "pt") as f:
        assert torch.equal(f.get_tensor("b"), turned) and f.get_tensor("c").shape == (3, 5)
