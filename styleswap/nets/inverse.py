"""Inverse networks: from the features of one layer of `small` back to a picture.

Chen & Schmidt, Fast Patch-based Style Transfer of Arbitrary Style (arXiv 1612.04337), section 3.3;
Huang & Belongie (ICCV 2017) and Li et al. (NIPS 2017) call them decoders.

They mirror `small`: its blocks backwards, upsampling and a convolution in place of pooling,
reflection padding.

Departures from the papers:
- A linear map of the features gives each picture its colours in the large, enlarged bilinearly; the
  convolutions add the rest. Without it they had learnt no colours but two after 1,000 steps. It is
  also what keeps brightness: that of a flat area need not pass through normalisation.
- A matrix and a shift of all colours, linear in the mean and the deviation of each channel of the
  features: what a picture as a whole looks like, no place alone can tell.
- The one for ``relu3_1`` has instance normalisation, as Chen & Schmidt's. Normalisation forgets
  how rich in contrast the picture is; here the scale and the shift after it are linear in the same
  statistics, which know. The others have none, as in the other two papers.
- Features are enlarged bilinearly, but for relu4_1's.
- Leaky rectifiers, so that among so few channels none falls silent for good.
- Few channels, as `small` has: every picture is made in a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleswap import ops, weights
from styleswap.nets.perceptual import SMALL_CHANNELS

# Channels of the convolutions of each block.
WIDTHS = {1: 32, 2: 48, 3: 64, 4: 96}
NORMALISED = ("relu3_1",)
MARGIN = 8
LEAK = 0.2
NORM_EPSILON = 1e-5
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


class Layer(nn.Module):
    """Reflection padding, a 3 x 3 convolution, instance normalisation if any, a leaky rectifier.

    Args:
        told: how many numbers tell the scale and the shift; 0 for no normalisation.
    """

    def __init__(self, into: int, out: int, told: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, 3, bias=not told)
        self.scale = nn.Linear(told, out) if told else None
        self.shift = nn.Linear(told, out) if told else None

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """(B, into, H, W) and (B, told) -> (B, out, H, W)."""
        y = convolve(self.conv, x)
        if self.scale is not None and self.shift is not None:
            y = F.instance_norm(y, eps=NORM_EPSILON)
            with torch.autocast(y.device.type, enabled=False):
                scale, shift = (part(told)[:, :, None, None] for part in (self.scale, self.shift))
            y = y * scale.to(y.dtype) + shift.to(y.dtype)
        return F.leaky_relu(y, LEAK)


class InverseNetwork(nn.Module):
    """The inverse of `small` up to `layer`.

    Args:
        layer: one of `LAYERS`.
    """

    def __init__(self, layer: str) -> None:
        super().__init__()
        self.layer = layer
        into = channels = SMALL_CHANNELS[layer.replace("relu", "conv")]
        self.tone = nn.Linear(2 * into, 12)
        told = 2 * into if layer in NORMALISED else 0
        self.blocks = nn.ModuleList()
        for block in range(int(layer[4]), 0, -1):
            narrow = WIDTHS[max(1, block - 1)]
            self.blocks.append(
                nn.ModuleList(
                    [Layer(into, WIDTHS[block], told), Layer(WIDTHS[block], narrow, told)]
                )
            )
            into = narrow
        # By the nearest, swapped patches would show as a grid; relu4_1's, with more layers behind
        # it, is sharper so.
        self.mode = "nearest" if layer == "relu4_1" else "bilinear"
        self.last = nn.Conv2d(into, 3, 3)
        self.colours = nn.Conv2d(channels, 3, 1)

    @property
    def factor(self) -> int:
        """How many times larger than the features, each way, the picture is."""
        return int(2 ** (len(self.blocks) - 1))

    def forward(self, features: Tensor) -> Tensor:
        """The picture of features.

        Args:
            features: (B, C, H, W) of `layer`.

        Returns:
            (B, 3, H * factor, W * factor) float32, near [0, 1] but not held to it.
        """
        # Means over the channels: a step of training must not change the whole picture much.
        told = torch.cat(ops.statistics(features.float()), 1).flatten(1) / features.shape[1]
        y = features
        for i, block in enumerate(self.blocks):
            if i:
                y = F.interpolate(y, scale_factor=2.0, mode=self.mode)
            for part in cast(nn.ModuleList, block):
                y = part(y, told)
        colours = self.colours(features)
        if len(self.blocks) > 1:
            colours = F.interpolate(colours, y.shape[2:], mode="bilinear")
        y = convolve(self.last, y).float() + colours.float()
        with torch.autocast(y.device.type, enabled=False):
            tone = self.tone(told)
            turned = tone[:, :9].view(-1, 3, 3) @ (y - 0.5).flatten(2) + tone[:, 9:, None]
            found: Tensor = y + turned.view_as(y)
        return found


def padded(x: Tensor, multiple: int) -> Tensor:
    """(B, 3, H, W) with `MARGIN` pixels around, and sides of a `multiple`, the border repeated.

    So that pooling halves without a rest, and what layers see beyond an edge is cut off again.
    """
    down, across = (-(side + 2 * MARGIN) % multiple for side in x.shape[2:])
    # As `small` sees what lies beyond an edge.
    return F.pad(x, (MARGIN, MARGIN + across, MARGIN, MARGIN + down), "replicate")


def cut(y: Tensor, height: int, width: int) -> Tensor:
    """The picture of (height, width) that `padded` made y out of, in [0, 1]."""
    return y[..., MARGIN : MARGIN + height, MARGIN : MARGIN + width].clamp(0, 1)


def convolve(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """A 3 x 3 convolution that keeps the size, the border reflected."""
    # Autocast would pad in float32, and convert twice.
    with torch.autocast(x.device.type, enabled=False):
        x = F.pad(x, (1, 1, 1, 1), "reflect" if min(x.shape[2:]) > 1 else "replicate")
    found: Tensor = conv(x)
    return found


def from_weights(found: Mapping[str, Tensor], layer: str) -> InverseNetwork:
    """The network of a file."""
    net = InverseNetwork(layer)
    net.load_state_dict(dict(found))
    return net


def load(layer: str, folder: Path = weights.PRETRAINED) -> InverseNetwork:
    """The shipped network of a layer, frozen, on the CPU in float32.

    Raises:
        StyleSwapError: the weights are missing or damaged.
    """
    return from_weights(weights.load(name_of(layer), folder), layer).eval().requires_grad_(False)


def name_of(layer: str) -> str:
    """The name that the weights of a layer's inverse network have in the manifest."""
    return f"inverse-{layer}"


def new_inverse(generator: torch.Generator, layer: str) -> InverseNetwork:
    """A network with random weights (He et al. 2015) that begins with mid-grey pictures."""
    net = InverseNetwork(layer)
    start(net, generator)
    return net


@torch.no_grad()
def start(net: nn.Module, generator: torch.Generator) -> None:
    """Give a network of `Layer` parts, that ends in `last` and `colours`, its random weights."""
    for name, p in net.named_parameters():
        if p.ndim == 4 or name == "told.weight":
            p.copy_(torch.randn(p.shape, generator=generator) * (2.0 / p[0].numel()) ** 0.5)
        else:
            p.zero_()
        if name.endswith("scale.bias"):
            p.fill_(1.0)
        if name == "last.weight":
            p.mul_(0.1)
        if name.startswith("colours"):
            p.fill_(0.5 if name.endswith("bias") else 0.0)
