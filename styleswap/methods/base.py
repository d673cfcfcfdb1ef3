"""The one shape that every method has: ``run(job) -> Iterator[Step]``.

A method never prints, never touches files and never changes its inputs. It yields after each step
of its work, which is where the engine looks whether it should stop; a method of one pass yields
once.

A method whose network takes frames as they are also has ``painter(job) -> (PaintFrames, Repaint)``:
what repaints the frames of a film, all of the content's size, and the network that it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from styleswap.media import Pixels
from styleswap.nets.adain import AdainNetwork
from styleswap.nets.inverse import InverseNetwork
from styleswap.nets.perceptual import PerceptualNetwork, Pooling
from styleswap.specs import Params


@dataclass(frozen=True)
class Style:
    """One style: a picture (1, 3, H, W) in [0, 1] at its own size, or the name of a trained one."""

    picture: Tensor | None
    name: str | None
    weight: float


class Repaint(Protocol):
    """A network, ready to run; one thread at a time may let it paint."""

    def __call__(self, x: Tensor) -> Tensor:
        """Repaint (B, 3, H, W) float32 in [0, 1]; the result lies on the same device."""
        ...

    def frames(self, frames: Sequence[Pixels]) -> list[Pixels]:
        """Repaint frames (H, W, 3), uint8, all of one size."""
        ...

    def make_ready(self, width: int, height: int) -> None:
        """Compile for frames of this size. Any thread may, while others paint or do the same."""
        ...

    def is_ready(self, width: int, height: int) -> bool:
        """Whether frames of this size need no compiling, or none ahead of them; at once."""
        ...


# What becomes of frames (H, W, 3), uint8, all of one size.
PaintFrames = Callable[[Sequence[Pixels]], list[Pixels]]
# The state dict of a `styleswap.nets.transformer.TransformerNetwork`, float32; not to be changed.
Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Job:
    """What a method is given.

    Attributes:
        content: (1, 3, H, W) in [0, 1], already of the result's size, on `device`.
        styles: what the method's spec allows, with weights above 0.
        params: the method's own `Params`.
        half: whether bfloat16 is fast on `device`: networks then run under autocast.
        perceptual: gives a perceptual network by name and pooling, frozen, on `device`.
        adain: gives AdaIN's network, and what runs it with the style that was set last.
        inverse: gives the inverse network of a layer of `small`, frozen, on `device`.
        trained: gives what repaints in a trained style, by its name.
        weights: gives those of a trained style, by its name.
        write: gives those that the meta network writes for a style picture (1, 3, H, W).
        written: gives what repaints with such weights; those of the last pictures are kept.
    """

    content: Tensor
    styles: tuple[Style, ...]
    params: Params
    device: torch.device
    half: bool
    perceptual: Callable[[str, Pooling], PerceptualNetwork]
    adain: Callable[[], tuple[AdainNetwork, Repaint]]
    inverse: Callable[[str], InverseNetwork]
    trained: Callable[[str], Repaint]
    weights: Callable[[str], Weights]
    write: Callable[[Tensor], Weights]
    written: Callable[[Weights], Repaint]


@dataclass(frozen=True)
class Step:
    """The state after step `i` of `n`.

    Attributes:
        image: (1, 3, h, w), detached; it may be smaller than the result while scales go from
            coarse to fine, and is the result's size at the last step.
        losses: by name, each relative to its target (see `styleswap.losses`).
    """

    i: int
    n: int
    image: Tensor
    losses: Mapping[str, float] = field(default_factory=dict)
