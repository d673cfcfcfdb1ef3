"""Pictures to train on: folders of files, cut into random crops."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from styleswap import media, tensors
from styleswap.errors import StyleSwapError

# Every n-th picture of a folder is kept from training, to judge by.
HELD_OUT_EVERY = 14


def find_pictures(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures in `folder` as (to train on, held out), both sorted by name.

    Raises:
        StyleSwapError: no such folder, or fewer than 2 pictures in it.
    """
    files = media.pictures_in(folder)
    if len(files) < 2:
        raise StyleSwapError(f"{folder} holds fewer than two pictures; give a folder of them.")
    held = files[:: min(HELD_OUT_EVERY, len(files))]
    return [f for f in files if f not in held], held


class Crops:
    """Random square crops, drawn equally from several folders of pictures.

    Pictures are decoded once and kept as bytes, shrunk so that `keep` px remain on the shorter
    side; a crop covers from 1 / `zoom` of that side to all of it, is resized to `size` and mirrored
    half of the time.
    """

    def __init__(self, groups: Sequence[Sequence[Path]], size: int, keep: int = 512) -> None:
        self.groups = [list(g) for g in groups]
        self.size = size
        self.keep = keep
        self._open = functools.cache(self._decode)

    def _decode(self, file: Path) -> Tensor:
        picture = media.open_picture(file, f"training picture {file.name}")
        short = min(picture.size)
        if short > self.keep:
            picture = media.fit(picture, round(max(picture.size) * self.keep / short))
        return (tensors.from_pil(picture) * 255).round().to(torch.uint8)[0]

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """(n, 3, size, size) in [0, 1]; the folders take turns."""
        return torch.stack(
            [self._crop(self.groups[i % len(self.groups)], generator) for i in range(n)]
        )

    def _crop(self, files: Sequence[Path], generator: torch.Generator) -> Tensor:
        u = torch.rand(4, generator=generator, dtype=torch.float64)
        pick = int(torch.randint(len(files), (), generator=generator))
        x = self._open(files[pick])
        height, width = x.shape[1:]
        short = min(height, width)
        # From the size of the crop (or two thirds of a small picture) up to the whole side.
        smallest = min(self.size, round(short * 2 / 3))
        side = round(smallest + float(u[0]) * (short - smallest))
        top, left = int(float(u[1]) * (height - side + 1)), int(float(u[2]) * (width - side + 1))
        crop = x[None, :, top : top + side, left : left + side].float() / 255
        if side != self.size:
            crop = F.interpolate(
                crop, (self.size, self.size), mode="bilinear", antialias=True, align_corners=False
            )
        return (crop.flip(3) if u[3] < 0.5 else crop)[0]
