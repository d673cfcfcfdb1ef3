"""What a training run is determined by; the command line's flags take their defaults from here.

Free of torch, so that a help text need not wait for it. The same settings give the same weights.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PerceptualSettings:
    """Of `training.perceptual`."""

    pictures: tuple[str, ...]
    teacher: str = "vgg19"
    steps: int = 8500
    batch: int = 3
    crop: int = 160
    lr: float = 0.06
    seed: int = 0
    warm: str | None = None


@dataclass(frozen=True)
class StyleSettings:
    """Of `training.style`."""

    painting: str
    photos: tuple[str, ...]
    perceptual: str = "small"
    steps: int = 2000
    batch: int = 4
    crop: int = 224
    style_size: int = 384
    lr: float = 0.06
    content: float = 1.0
    style: float = 2.0
    tv: float = 0.5
    colours: float = 20.0
    steady: float = 12.0
    balance: float = 0.22
    width: int = 64
    seed: int = 0
    warm: str | None = None


@dataclass(frozen=True)
class InverseSettings:
    """Of `training.inverse`; `batch` counts pairs of a photograph and a painting."""

    layer: str
    photos: tuple[str, ...]
    paintings: tuple[str, ...]
    steps: int = 4000
    batch: int = 4
    crop: int = 192
    lr: float = 0.04
    content: float = 1.0
    style: float = 1.5
    pixels: float = 40.0
    tv: float = 0.5
    seed: int = 0
    warm: str | None = None


@dataclass(frozen=True)
class MetaSettings:
    """Of `training.meta`; `batch` counts styles, each with `photos_each` photographs."""

    photos: tuple[str, ...]
    paintings: tuple[str, ...]
    perceptual: str = "small"
    steps: int = 20_000
    batch: int = 8
    photos_each: int = 2
    crop: int = 192
    lr: float = 0.04
    content: float = 1.0
    style: float = 4.0
    tv: float = 0.5
    balance: float = 0.55
    stretch: float = 1.6
    width: int = 64
    seed: int = 0
    warm: str | None = None
