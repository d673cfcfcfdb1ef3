"""Adaptive instance normalisation as one network, for the fast runtimes.

`small` up to relu4_1, the normalisation (Huang & Belongie 2017, eq. 8 and 14), and a decoder. The
style is a mean and a deviation for each channel: to change it costs nothing.

Departures from the paper:
- relu3_1 is normalised too, and goes to the decoder beside relu4_1, which alone has lost where a
  face's lines are.
- The decoder's layers are normalised and given scales and shifts that a small network makes of the
  style's means and deviations from relu1_1 to relu4_1 (conditional instance normalisation: Dumoulin
  et al. 2017; predicted, as Ghiasi et al. 2017 do): the deepest layer's statistics alone say little
  of how a stroke's edge looks.
- Residual blocks, at a quarter of the picture's side, in place of convolutions at all of it.
- A linear map of relu3_1 gives each place its colour in the large, as in `styleswap.nets.inverse`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleswap import ops, weights
from styleswap.nets.inverse import Layer, convolve, cut, padded, start
from styleswap.nets.perceptual import SMALL_CHANNELS, SMALL_READS, PerceptualNetwork

# The layers whose statistics the decoder is told, the last two of which it is also given, and the
# channels of each that are taken: those that the layer behind it reads, where it reads not all.
LAYERS = {
    "relu1_1": SMALL_CHANNELS["conv1_1"],
    "relu2_1": SMALL_CHANNELS["conv2_1"],
    "relu3_1": SMALL_READS["conv3_2"],
    "relu4_1": SMALL_CHANNELS["conv4_1"],
}
SHALLOW, DEEP = tuple(LAYERS)[-2:]
CHANNELS = sum(LAYERS.values())
# Three poolings: sides are padded to a multiple of this.
MULTIPLE = 8
KEY = "adain"  # what training calls the decoder, among the layers that are inverted
NAME = f"inverse-{KEY}"  # of its weights
BLOCKS = 3
LEAK = 0.2


def taken(found: Mapping[str, Tensor]) -> list[Tensor]:
    """The channels of `LAYERS` that are taken, float32, of features by name."""
    return [found[layer][:, :channels].float() for layer, channels in LAYERS.items()]


def statistics(features: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and deviation of all channels of what `taken` gave, both (B, `CHANNELS`, 1, 1)."""
    means, deviations = zip(*(ops.statistics(f) for f in features), strict=True)
    return torch.cat(means, 1), torch.cat(deviations, 1)


def renormalised(
    features: list[Tensor], own: tuple[Tensor, Tensor], told: tuple[Tensor, Tensor]
) -> list[Tensor]:
    """The features of `DEEP` and `SHALLOW`, each channel with other statistics (eq. 8).

    Args:
        features: what `taken` gave.
        own: their `statistics`.
        told: those that they shall have.
    """
    parts = (x.split(tuple(LAYERS.values()), 1) for x in (*own, *told))
    rows = list(zip(features, *parts, strict=True))[:-3:-1]
    return [(f - mean) / dev * new_dev + new for f, mean, dev, new, new_dev in rows]


class Decoder(nn.Module):
    """From normalised features, and the statistics that they were given, to a picture."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        deep, shallow = LAYERS[DEEP], LAYERS[SHALLOW]
        known = 128
        # What is usual of the statistics: they are told as how far they are from it.
        self.usual: Tensor
        self.spread: Tensor
        self.register_buffer("usual", torch.zeros(2 * CHANNELS))
        self.register_buffer("spread", torch.ones(2 * CHANNELS))
        self.told = nn.Linear(2 * CHANNELS, known)
        self.deep = Layer(deep, width, known)
        self.join = Layer(width + shallow, width, known)
        self.blocks = nn.ModuleList(Layer(width, width, known) for _ in range(2 * BLOCKS))
        self.middle = Layer(width, 32, known)
        self.fine = Layer(32, 16, known)
        self.last = nn.Conv2d(16, 3, 3)
        self.colours = nn.Conv2d(shallow, 3, 1)

    def forward(self, deep: Tensor, shallow: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
        """The picture of features.

        Args:
            deep, shallow: of `DEEP` and `SHALLOW`, (B, C, H, W) and (B, C', 2 H, 2 W).
            mean, deviation: see `statistics`.

        Returns:
            (B, 3, 8 H, 8 W) float32, near [0, 1] but not held to it.
        """
        with torch.autocast(deep.device.type, enabled=False):
            told = torch.cat([mean, deviation], 1).flatten(1).float()
            told = F.leaky_relu(self.told((told - self.usual) / self.spread), LEAK)
        # Bilinearly, or the places of relu4_1 would show as squares.
        y = F.interpolate(self.deep(deep, told), scale_factor=2.0, mode="bilinear")
        y = self.join(torch.cat([y, shallow.to(y.dtype)], 1), told)
        for first, second in zip(self.blocks[::2], self.blocks[1::2], strict=True):
            y = y + second(first(y, told), told)
        y = self.middle(twice(y), told)
        y = self.fine(twice(y), told)
        colours = F.interpolate(self.colours(shallow), scale_factor=4.0, mode="bilinear")
        return convolve(self.last, y).float() + colours.float()


def twice(y: Tensor) -> Tensor:
    """Twice as large, by the nearest."""
    return F.interpolate(y, scale_factor=2.0, mode="nearest")


class AdainNetwork(nn.Module):
    """Any style; the one that was set last.

    Args:
        net: `small`.
        decoder: what makes pictures of features.
    """

    def __init__(self, net: PerceptualNetwork, decoder: Decoder) -> None:
        super().__init__()
        self.net, self.decoder = net, decoder
        self.mean: Tensor
        self.deviation: Tensor
        self.own: Tensor
        self.register_buffer("mean", torch.zeros(1, CHANNELS, 1, 1))
        self.register_buffer("deviation", torch.ones(1, CHANNELS, 1, 1))
        self.register_buffer("own", torch.zeros(1, 1, 1, 1))

    def set_style(self, mean: Tensor, deviation: Tensor, strength: float) -> None:
        """Take the style that `forward` gives from now on.

        Args:
            mean: of each channel of the style's features, (1, `CHANNELS`, 1, 1).
            deviation: likewise; see `statistics`.
            strength: 0 leaves the content's features as they are, 1 gives them the style's.
        """
        # In place: a recorded graph reads them where they lie.
        self.mean.copy_(strength * mean)
        self.deviation.copy_(strength * deviation)
        self.own.fill_(1 - strength)

    def forward(self, x: Tensor) -> Tensor:
        """Repaint (B, 3, H, W) in [0, 1]; the result has the same shape and range."""
        height, width = x.shape[2:]
        features = taken(self.net.features(padded(x, MULTIPLE), LAYERS))
        mean, deviation = statistics(features)
        # What they shall have: normalised and own features differ by a scale and a shift alone.
        told = self.mean + self.own * mean, self.deviation + self.own * deviation
        y = self.decoder(*renormalised(features, (mean, deviation), told), *told)
        return cut(y, height, width)


def from_weights(found: Mapping[str, Tensor]) -> Decoder:
    """The decoder of a file."""
    decoder = Decoder()
    decoder.load_state_dict(dict(found))
    return decoder


def load(folder: Path = weights.PRETRAINED) -> Decoder:
    """The shipped decoder, frozen, on the CPU in float32.

    Raises:
        StyleSwapError: the weights are missing or damaged.
    """
    return from_weights(weights.load(NAME, folder)).eval().requires_grad_(False)


def new_decoder(generator: torch.Generator) -> Decoder:
    """A decoder with random weights (He et al. 2015) that begins with mid-grey pictures."""
    decoder = Decoder()
    start(decoder, generator)
    return decoder
