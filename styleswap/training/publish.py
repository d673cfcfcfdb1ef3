"""From a finished run to pretrained/: float16 safetensors and the entry in MANIFEST.toml."""

from __future__ import annotations

import hashlib
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from styleswap import weights
from styleswap.errors import StyleSwapError
from styleswap.training import checkpoint

# What stands between these in MODELS.md is written by `write_cards`.
BEGIN, END = "<!-- styles -->", "<!-- end of styles -->"


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


def check_name(name: str, kind: str, folder: Path) -> None:
    """Refuse a name that the manifest could not take, before hours are spent on the weights.

    Raises:
        StyleSwapError: other signs than the manifest allows, or weights of another kind have it.
    """
    if not re.fullmatch(weights.NAME, name):
        raise StyleSwapError(
            f"{name!r} cannot be the name of weights; take letters, digits, - and _."
        )
    if (folder / weights.MANIFEST).exists():
        there = weights.manifest(folder).get(name)
        if there and there.kind != kind:
            raise StyleSwapError(
                f"{name!r} is the name of other weights ({there.title}); choose another."
            )


def history(file: Path) -> list[dict[str, Any]]:
    """The runs that the weights in `file` came out of, oldest first: for a run that starts there.

    Out of the manifest beside the file; without one that knows it, its sha256 is all that is known.
    """
    digest = weights.sha256_of(file)
    try:
        entries = weights.manifest(file.parent)
    except StyleSwapError:
        entries = {}
    for entry in entries.values():
        if entry.sha256 == digest:
            kept = ("command", "commit", "steps", "seed")
            run = {k: entry.about[k] for k in kept if k in entry.about}
            return [*entry.about.get("earlier", []), run | {"sha256": digest}]
    return [{"sha256": digest}]


def write_cards(folder: Path) -> None:
    """Put a card for every trained style of the manifest between the marks in MODELS.md.

    A folder without that file, or a file without the marks, is left as it is.
    """
    file = folder / "MODELS.md"
    if not file.exists() or BEGIN not in (text := file.read_text("utf-8")):
        return
    rows = ["| | style | after | held out: style | content |", "|---|---|---|---|---|"]
    for entry in weights.styles(folder):
        about, shown = entry.about, ""
        if "picture" in about:
            shown = f'<img src="{about["picture"]}" width="200" alt="{entry.title}">'
        source = ", ".join(str(about[k]) for k in ("artist", "year") if k in about)
        losses = about["losses"]
        rows.append(
            f"| {shown} | **{entry.title}**<br>`{entry.name}` | {source} "
            f"| {losses['style']:.3f} | {losses['content']:.2f} |"
        )
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    whole = "\n".join([before + BEGIN, "", *rows, "", END + after])
    file.write_text(whole, "utf-8")


def publish(
    name: str, tensors: Mapping[str, Tensor], fields: Mapping[str, Any], folder: Path
) -> Path:
    """Write ``folder/name.safetensors`` (float16), its entry with the sha256, and its card.

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
    write_cards(folder)
    return file
