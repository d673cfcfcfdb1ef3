"""The state of a training run in one safetensors file, so that resuming is as not stopping."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from styleswap.errors import StyleSwapError


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file under a temporary name and rename it when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file({k: v.detach().contiguous().cpu() for k, v in tensors.items()}, part, metadata)
    os.replace(part, path)


def save(
    path: Path,
    step: int,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: Tensor,
    extra: dict[str, Tensor],
    settings: dict[str, Any],
) -> None:
    """Keep everything that the next step depends on; of its generator the state."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    for i, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{k}": v for k, v in state.items()}
    tensors |= {f"extra.{k}": v for k, v in extra.items()}
    tensors["generator"] = generator
    save_tensors(path, tensors, {"step": str(step), "settings": json.dumps(settings)})


def load(
    path: Path,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    settings: dict[str, Any],
) -> tuple[int, dict[str, Tensor]]:
    """Bring back what `save` kept; returns the step and the extra tensors.

    Raises:
        StyleSwapError: no such file, not a checkpoint, or one of a run with other settings.
    """
    try:
        with safe_open(path, "pt") as f:
            meta = f.metadata() or {}
            tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, SafetensorError):
        raise StyleSwapError(f"There is no checkpoint to resume at {path}.") from None
    theirs = json.loads(meta.get("settings", "{}"))
    ours = json.loads(json.dumps(settings))  # as the file has it: tuples become lists
    differ = [k for k in ours if theirs.get(k) != ours[k]]
    if differ:
        raise StyleSwapError(
            f"The checkpoint {path} was made with another {', '.join(differ)}; give the same"
            " settings, or another output."
        )

    model.load_state_dict(under("model.", tensors))
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in under("optimizer.", tensors).items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    generator.set_state(tensors["generator"])
    return int(meta["step"]), under("extra.", tensors)


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def start_from(net: torch.nn.Module, file: str) -> None:
    """Give a network the weights of a file of the same network.

    Raises:
        StyleSwapError: no such file, or other weights.
    """
    try:
        net.load_state_dict(load_file(file))
    except (OSError, SafetensorError, RuntimeError):
        raise StyleSwapError(
            f"There are no weights of this network to start from at {file}."
        ) from None
