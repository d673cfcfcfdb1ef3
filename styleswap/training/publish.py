"""From a finished run to pretrained/: float16 safetensors and the entry in MANIFEST.toml."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from styleswap import weights
from styleswap.training import checkpoint


def command() -> str:
    """The command line that is running, as a person would type it."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def commit() -> str:
    """The commit of this working tree, ``-dirty`` where changed; ``unknown`` outside of one."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def publish(
    name: str, tensors: Mapping[str, Tensor], fields: Mapping[str, Any], folder: Path
) -> Path:
    """Write ``folder/name.safetensors`` (float16) and its entry with the sha256.

    Args:
        name: of the weights in MANIFEST.toml.
        tensors: the weights.
        fields: kind, title, data, steps, losses, seed, licence ...: what the card tells.
        folder: ``pretrained/``, or any folder of one's own.
    """
    file = folder / f"{name}.safetensors"
    halves = {k: v.to(torch.float16) for k, v in tensors.items()}
    checkpoint.save_tensors(file, halves, {})
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    weights.write_entry(name, {"file": file.name, **fields, "sha256": digest}, folder)
    return file
