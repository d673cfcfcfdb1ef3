"""Pictures to train on: folders of files, cut into random crops."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from styleswap import media
from styleswap.errors import StyleSwapError

# Every n-th picture of a folder is kept from training, to judge by.
HELD_OUT_EVERY = 14
CPU = torch.device("cpu")

# The pictures that this process met and could not read.
unreadable: set[Path] = set()


def find_pictures(*folders: Path) -> tuple[list[Path], list[Path]]:
    """The pictures of `folders` as (to train on, held out), of each folder sorted by name.

    Raises:
        StyleSwapError: no such folder, or fewer than 2 pictures in it.
    """
    fresh: list[Path] = []
    held: list[Path] = []
    for folder in folders:
        files = media.pictures_in(folder)
        if len(files) < 2:
            raise StyleSwapError(f"{folder} holds fewer than two pictures; give a folder of them.")
        kept = files[:: min(HELD_OUT_EVERY, len(files))]
        held += kept
        fresh += sorted(set(files) - set(kept))
    return fresh, held


def skipped() -> str:
    """What a command says in the end of pictures that could not be read; nothing without any."""
    count = len(unreadable)
    return f"skipped {count} picture{'s'[: count > 1]} that could not be read" if count else ""


class Crops:
    """Random square crops of pictures, each picture as likely as any other.

    By picture, and not by folder in turn: a folder of fourteen paintings beside one of three
    thousand would be half of all that is seen.

    Pictures are decoded once and kept as bytes, shrunk so that `keep` px remain on the shorter
    side; a crop covers from `size` px (or two thirds of a small picture) to all of that side, is
    resized to `size` and mirrored half of the time. What cannot be read is passed over; see
    `skipped`.

    Args:
        files: of all folders.
        size: side of a crop, in pixels.
        keep: the most pixels that are kept of a shorter side.
        stretch: the most that height and width of a crop differ by, as a factor.
        device: where pictures are kept and crops are made.
    """

    def __init__(
        self,
        files: Sequence[Path],
        size: int,
        keep: int = 512,
        stretch: float = 1.0,
        device: torch.device = CPU,
    ) -> None:
        self.files = list(files)
        self.size = size
        self.keep = keep
        self.stretch = stretch
        self.device = device
        self._opened: dict[int, Tensor | None] = {}

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """(n, 3, size, size) in [0, 1], on `device`.

        Raises:
            StyleSwapError: none of the pictures can be read.
        """
        places, picks = [], []
        for _ in range(n):
            places.append(torch.rand(5, generator=generator, dtype=torch.float64).tolist())
            picks.append(self._pick(generator))
        self._open(picks)
        return torch.stack(
            [
                self._crop(self._readable(pick, generator), place)
                for pick, place in zip(picks, places, strict=True)
            ]
        )

    def _readable(self, pick: int, generator: torch.Generator) -> Tensor:
        """The picture drawn, or the next that can be read."""
        while (picture := self._opened[pick]) is None:
            if len(unreadable.intersection(self.files)) == len(self.files):
                raise StyleSwapError(f"None of the {len(self.files)} pictures can be read.")
            pick = self._pick(generator)
            self._open([pick])
        return picture

    def _pick(self, generator: torch.Generator) -> int:
        return int(torch.randint(len(self.files), (), generator=generator))

    def _open(self, picks: Sequence[int]) -> None:
        """Decode what has not been, all at once."""
        missing = sorted({pick for pick in picks if pick not in self._opened})
        if not missing:
            return
        with ThreadPoolExecutor() as pool:
            for pick, picture in zip(missing, pool.map(self._decode, missing), strict=True):
                if picture is None:
                    unreadable.add(self.files[pick])
                self._opened[pick] = picture if picture is None else picture.to(self.device)

    def _decode(self, pick: int) -> Tensor | None:
        """(3, H, W), uint8; None of what cannot be read."""
        file = self.files[pick]
        try:
            picture = media.open_picture(file, f"training picture {file.name}")
            short = min(picture.size)
            if short > self.keep:
                picture = media.fit(picture, round(max(picture.size) * self.keep / short))
        except StyleSwapError:
            return None
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1)

    def _crop(self, x: Tensor, place: Sequence[float]) -> Tensor:
        """The part of a picture that five numbers in [0, 1) say."""
        extent, down, across, mirror, aspect = place
        height, width = x.shape[1:]
        short = min(height, width)
        # From the size of the crop (or two thirds of a small picture) up to the whole side.
        smallest = min(self.size, round(short * 2 / 3))
        side = smallest + extent * (short - smallest)
        ratio = self.stretch ** (aspect - 0.5)
        high, wide = min(height, round(side * ratio)), min(width, round(side / ratio))
        top, left = int(down * (height - high + 1)), int(across * (width - wide + 1))
        crop = x[None, :, top : top + high, left : left + wide].float() / 255
        if crop.shape[2:] != (self.size, self.size):
            crop = F.interpolate(
                crop, (self.size, self.size), mode="bilinear", antialias=True, align_corners=False
            )
        return (crop.flip(3) if mirror < 0.5 else crop)[0]


def recoloured(x: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the pictures of (B, 3, H, W) with colours mixed, contrast and brightness changed.

    Few paintings are at hand; a person's style may have any colours.
    """
    n = len(x)
    mix = torch.eye(3) + 0.4 * torch.randn(n, 3, 3, generator=generator)
    contrast = (0.3 * torch.randn(n, 1, 1, generator=generator)).exp()
    shift = 0.1 * torch.randn(n, 3, 1, generator=generator)
    chosen = torch.rand(n, 1, 1, 1, generator=generator) < 0.5
    shift, mix, chosen = (
        part.to(x.device, non_blocking=True) for part in (0.5 + shift, contrast * mix, chosen)
    )
    changed = shift + mix @ (x.flatten(2) - 0.5)
    return torch.where(chosen, changed.view_as(x).clamp(0, 1), x)
