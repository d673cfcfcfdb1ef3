"""The meta network: it looks at a painting once and writes the transformer network of that style.

Shen, Yan & Zeng, Meta Networks for Neural Style Transfer, CVPR 2018 (arXiv 1709.04111).

Departures from the paper:
- It writes our own transformer network, all of whose weights belong to the style.
- Their fully connected layers write every filter, and take 130 to 870 MB. Here each convolution is
  a learnt mean and a learnt combination of a few learnt kernels, ``W = W_0 + sum_k a_k(s) B_k``;
  only scales and shifts of the normalisation are written outright. Styles differ by so little that
  a few hundred coefficients hold one.
- It looks through `small`, at the mean of each channel and at the Gram matrices: what the style
  loss compares. Means and deviations alone cannot tell apart what the loss does.
- What it writes is bounded: no painting, however strange, gives weights out of all measure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleswap import ops, weights
from styleswap.nets import perceptual
from styleswap.nets.perceptual import PerceptualNetwork
from styleswap.nets.transformer import TransformerNetwork, new_transformer
from styleswap.specs import STYLE_LAYERS

KERNELS = 16  # B_k of each convolution
HIDDEN = 448
DEPTH = 2  # residual blocks between the code and what is written
# Rows of what each layer's Gram matrix is multiplied with, from both sides.
ROWS = {"relu1_1": 16, "relu2_1": 20, "relu3_1": 20, "relu4_1": 20, "relu5_1": 20}
# How large coefficients, and scales and shifts, may become.
MOST_COEFFICIENT = 3.0
MOST_AFFINE = 6.0
NAME = "meta"

# Of each layer of `small`: the mean of each channel (S, C) and the Gram matrix (S, C, C).
Moments = dict[str, tuple[Tensor, Tensor]]


@torch.no_grad()
def moments(net: PerceptualNetwork, pictures: Tensor) -> Moments:
    """What the meta network knows of styles, float32.

    Both are means over positions: those of two paintings together are the mean of theirs.

    Args:
        net: `small`.
        pictures: (S, 3, H, W) in [0, 1], at least 32 px a side.
    """
    found = net.features(pictures, STYLE_LAYERS)
    return {layer: (f.float().mean((2, 3)), ops.gram(f)) for layer, f in found.items()}


class Writer(nn.Module):
    """From `moments` to the weights of a `TransformerNetwork`: all that is learnt.

    Args:
        channels: of each layer in `STYLE_LAYERS` of `small`.
        width: of the network that is written.
    """

    def __init__(self, channels: Mapping[str, int], width: int) -> None:
        super().__init__()
        written = TransformerNetwork(width).state_dict()
        self.shapes: dict[str, tuple[int, ...]] = {k: tuple(w.shape) for k, w in written.items()}
        convs = [name for name, shape in self.shapes.items() if len(shape) == 4]
        self.mean = nn.ParameterDict({_key(k): torch.empty(self.shapes[k]) for k in convs})
        self.kernels = nn.ParameterDict(
            {_key(k): torch.empty(KERNELS, math.prod(self.shapes[k])) for k in convs}
        )
        self.rows = nn.ParameterDict({k: torch.empty(ROWS[k], n) for k, n in channels.items()})
        size = sum(2 * n + ROWS[k] * (ROWS[k] + 1) // 2 for k, n in channels.items())
        # Of the code over many paintings, so that all of it counts alike.
        self.centre: Tensor
        self.spread: Tensor
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))
        # What each of the last layer's numbers is for, in this order.
        self.sizes = {k: KERNELS if k in convs else shape[0] for k, shape in self.shapes.items()}
        self.into = nn.Linear(size, HIDDEN)
        self.deep = nn.ModuleList(nn.Linear(HIDDEN, HIDDEN) for _ in range(2 * DEPTH))
        self.out = nn.Linear(HIDDEN, sum(self.sizes.values()))

    @property
    def width(self) -> int:
        """Channels of the residual blocks of what is written."""
        return self.shapes["first.conv.weight"][0]

    def code(self, seen: Moments) -> Tensor:
        """Means, deviations and the Gram matrices' learnt projections, (S, N), not yet scaled."""
        parts = []
        for layer, (mean, gram) in seen.items():
            deviation = (gram.diagonal(dim1=1, dim2=2) - mean.square()).clamp_min(0) + ops.EPSILON
            rows = self.rows[layer]
            seen_by = rows @ gram @ rows.mT
            across, down = torch.triu_indices(len(rows), len(rows), device=gram.device)
            # Second moments as if they were deviations: without the root few paintings are all.
            part = seen_by[:, across, down]
            parts += [mean, deviation.sqrt(), part * (part.square() + ops.EPSILON) ** -0.25]
        return torch.cat(parts, 1)

    @torch.no_grad()
    def calibrate(self, seen: Moments) -> None:
        """Take centre and spread of the code from many paintings, (S, C) and (S, C, C)."""
        code = self.code(seen)
        self.centre.copy_(code.mean(0))
        self.spread.copy_(code.std(0) + 1e-3)

    def forward(self, seen: Moments) -> dict[str, Tensor]:
        """The weights of a network for each of S styles, float32: S stands before their shapes."""
        with torch.autocast(self.centre.device.type, enabled=False):
            # A painting unlike all others is taken for one at the border of what was learnt.
            code = ((self.code(seen) - self.centre) / self.spread).clamp(-5, 5)
            h = self.into(code)
            for i in range(DEPTH):
                h = h + self.deep[2 * i + 1](F.silu(self.deep[2 * i](F.silu(h))))
            parts = self.out(F.silu(h)).split(list(self.sizes.values()), 1)
            return {
                name: self._written(name, part)
                for name, part in zip(self.sizes, parts, strict=True)
            }

    def _written(self, name: str, z: Tensor) -> Tensor:
        if _key(name) not in self.mean:
            return MOST_AFFINE * torch.tanh(z / MOST_AFFINE)
        a = MOST_COEFFICIENT * torch.tanh(z / MOST_COEFFICIENT)
        kernels = self.kernels[_key(name)]
        flat: Tensor = self.mean[_key(name)].flatten() + a @ kernels
        return flat.view(len(z), *self.shapes[name])


class MetaNetwork(nn.Module):
    """Any style.

    Args:
        net: `small`.
        writer: what was learnt.
    """

    def __init__(self, net: PerceptualNetwork, writer: Writer) -> None:
        super().__init__()
        self.net, self.writer = net, writer

    @torch.inference_mode()
    def write(self, picture: Tensor) -> dict[str, Tensor]:
        """The weights of a `TransformerNetwork` for the style of a picture.

        Args:
            picture: (1, 3, H, W) in [0, 1], at least 32 px a side: strokes come out as large as
                they are in it.

        Returns:
            A state dict, float32, on the picture's device.
        """
        found: dict[str, Tensor] = self.writer(moments(self.net, picture))
        return {name: w[0] for name, w in found.items()}

    @classmethod
    def from_weights(cls, net: PerceptualNetwork, found: Mapping[str, Tensor]) -> Self:
        """The network of a file: the width of what it writes is read from the weights."""
        writer = Writer(channels(net), len(found[f"mean.{_key('first.conv.weight')}"]))
        writer.load_state_dict(dict(found))
        return cls(net, writer)


def _key(name: str) -> str:
    """A weight's name as one that torch lets a parameter have."""
    return name.replace(".", "_")


def channels(net: PerceptualNetwork) -> dict[str, int]:
    """Channels of the layers that are looked at."""
    return {layer: net.conv(layer).out_channels for layer in STYLE_LAYERS}


def load(folder: Path = weights.PRETRAINED) -> MetaNetwork:
    """The shipped network, frozen, on the CPU in float32.

    Raises:
        StyleSwapError: the weights are missing or damaged.
    """
    net = MetaNetwork.from_weights(perceptual.load("small"), weights.load(NAME, folder))
    return net.eval().requires_grad_(False)


def new_writer(generator: torch.Generator, net: PerceptualNetwork, width: int) -> Writer:
    """A writer with random weights, which writes networks that differ somewhat from each other."""
    writer = Writer(channels(net), width)

    def normal(p: Tensor, deviation: float) -> None:
        p.copy_(torch.randn(p.shape, generator=generator) * deviation)

    with torch.no_grad():
        for name, start in new_transformer(generator, width).state_dict().items():
            if start.ndim == 4:
                writer.mean[_key(name)].copy_(start)
                normal(writer.kernels[_key(name)], 0.3 * float(start.square().mean().sqrt()))
        for layer, rows in writer.rows.items():
            # A distance between Gram matrices is taken through the heads: what they weigh counts.
            r = net.content_map(layer, torch.eye(rows.shape[1])[None, :, :, None])[0, :, :, 0]
            normal(rows, rows.shape[1] ** -0.5)
            rows.copy_(rows @ r)
        for name, p in writer.named_parameters():
            if name.startswith(("into", "deep", "out")):
                normal(p, p.shape[1] ** -0.5 if p.ndim == 2 else 0.0)
        writer.out.weight.mul_(0.5)
        first = 0
        for name, size in writer.sizes.items():
            if name.endswith("norm.weight"):
                writer.out.bias[first : first + size] = 1.0
            first += size
    return writer
