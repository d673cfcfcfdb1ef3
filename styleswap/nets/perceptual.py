"""Perceptual networks: VGG-19 and our own small imitation of it, behind one interface.

Both are chains of 3x3 convolutions with VGG's names (``conv1_1`` ... ``conv5_1``), ReLU, and 2x2
pooling between the blocks (Simonyan & Zisserman 2014), so one class runs both: the channels are
read from the weights.

Departures from VGG-19: convolutions see the border repeated instead of zeros around it, which would
show as a frame. The small network has fewer channels, and a head W per layer, a 1x1 map to VGG-19's
channels: distances between its features and between its Gram matrices are measured through it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Literal, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleswap import ops, weights
from styleswap.specs import LAYERS
from styleswap.weights import VGG19_CONVS

Pooling = Literal["average", "max"]
Padding = Literal["replicate", "zeros"]

# The small network's channels, convolution by convolution: wide where its layers are measured,
# narrow on the way. Multiples of 16, which is how processors take them.
SMALL_CHANNELS = {
    "conv1_1": 16,
    "conv1_2": 32,
    "conv2_1": 64,
    "conv2_2": 64,
    "conv3_1": 192,
    "conv3_2": 64,
    "conv3_3": 64,
    "conv3_4": 64,
    "conv4_1": 128,
    "conv4_2": 128,
    "conv4_3": 128,
    "conv4_4": 128,
    "conv5_1": 128,
}
# Convolutions that read fewer channels than the one before them gives: the first of these. The
# others are there to be measured.
SMALL_READS = {"conv2_2": 48, "conv3_2": 64}


class PerceptualNetwork(nn.Module):
    """A VGG-shaped chain of convolutions whose layers are asked for by name.

    Args:
        weights: ``conv{b}_{k}.weight`` (C_out, C_in, 3, 3) and ``.bias`` (C_out,), in any order;
            each reads the first C_in channels of the convolution before it;
            optionally ``preprocess.weight`` (3, 3, 1, 1) and ``.bias``, applied to the picture
            first; optionally ``head.{layer}.weight`` (C_vgg, C, 1, 1), see `content_map`.
        padding: what a convolution sees beyond the border: itself (``replicate``) or ``zeros``.
        pooling: ``average`` (smoother gradients, Gatys et al. 2016, section 2) or ``max``.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        *,
        padding: Padding = "replicate",
        pooling: Pooling = "average",
    ) -> None:
        super().__init__()
        self.padding: Padding = padding
        self.pooling: Pooling = pooling
        self.convs = nn.ModuleDict()
        for name in sorted({k.partition(".")[0] for k in weights if k.startswith("conv")}):
            out, into = weights[f"{name}.weight"].shape[:2]
            self.convs[name] = nn.Conv2d(into, out, 3)
        self.preprocess = nn.Conv2d(3, 3, 1) if "preprocess.weight" in weights else None
        self.heads = nn.ModuleDict(
            {
                k.split(".")[1]: nn.Conv2d(w.shape[1], w.shape[0], 1, bias=False)
                for k, w in weights.items()
                if k.startswith("head.")
            }
        )
        self._r: dict[str, Tensor] = {}  # R of each head, made at its first use
        self.load_state_dict({self._key(k): v for k, v in weights.items()})

    @staticmethod
    def _key(name: str) -> str:
        if name.startswith("conv"):
            return f"convs.{name}"
        return name.replace("head.", "heads.", 1)

    def named_weights(self) -> dict[str, Tensor]:
        """The weights under the names that the constructor takes."""
        state = self.state_dict()
        return {k.removeprefix("convs.").replace("heads.", "head.", 1): v for k, v in state.items()}

    def conv(self, layer: str) -> nn.Conv2d:
        """The convolution that a layer, before or after its rectifier, comes from."""
        return cast(nn.Conv2d, self.convs[layer.replace("relu", "conv")])

    def head(self, layer: str) -> nn.Conv2d:
        """The map to VGG-19's channels of a layer that has one."""
        return cast(nn.Conv2d, self.heads[layer])

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of `styleswap.specs.LAYERS` that this network reaches."""
        return tuple(n for n in LAYERS if n.replace("relu", "conv") in self.convs)

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Feature maps by name, in one pass that ends at the deepest layer asked for.

        Args:
            x: (B, 3, H, W) RGB in [0, 1], at least 16 px a side (32 to reach ``relu5_1``).
            layers: names of its convolutions; ``reluX_Y`` is after the rectifier, ``convX_Y``
                before.

        Returns:
            ``{name: (B, C, H / 2^(X-1), W / 2^(X-1))}`` in the order asked for.

        Raises:
            KeyError: a name that this network does not have.
        """
        wanted = list(layers)
        for name in wanted:
            if name.replace("relu", "conv") not in self.convs:
                raise KeyError(f"no layer {name}; there are {', '.join(self.layers)}")
        found: dict[str, Tensor] = {}
        if self.preprocess is not None:
            x = self.preprocess(x)
        names = list(self.convs)
        for name, after in itertools.zip_longest(names, names[1:]):
            x = self._convolve(name, x)
            if name in wanted:
                found[name] = x
            relu = name.replace("conv", "relu")
            # In place where nobody asked for what was before: memory is what large maps wait for.
            x = F.relu(x, inplace=name not in wanted)
            if relu in wanted:
                found[relu] = x
            if len(found) == len(set(wanted)):
                break
            if after[4] != name[4]:
                x = F.avg_pool2d(x, 2) if self.pooling == "average" else F.max_pool2d(x, 2)
        return {name: found[name] for name in wanted}

    def _convolve(self, name: str, x: Tensor) -> Tensor:
        """A convolution that keeps the size."""
        conv = cast(nn.Conv2d, self.convs[name])
        if conv.in_channels < x.shape[1]:
            # As x[:, :n], whose gradient would come in another memory layout and cost a turning.
            x = x.permute(0, 2, 3, 1)[..., : conv.in_channels].permute(0, 3, 1, 2)
        if self.padding == "zeros":
            return F.conv2d(x, conv.weight, conv.bias, padding=1)
        return cast(Tensor, conv(ops.with_border(x, 1, self.padding)))

    def content_map(self, layer: str, features: Tensor) -> Tensor:
        """The feature maps in which distances of content are measured, (B, C, H, W).

        Without a head they are the features. With a head W they are ``R f`` where ``W = QR``: Q has
        orthonormal columns, so ``||R d|| = ||W d||`` for every d, which is the distance through the
        head, in C channels instead of C_vgg.
        """
        r = self._head_factor(layer)
        if r is None:
            return features
        with torch.autocast(features.device.type, enabled=False):
            return F.conv2d(features.float(), r[:, :, None, None])

    def style_matrix(self, layer: str, features: Tensor) -> Tensor:
        """The Gram matrix in which distances of style are measured, (B, C, C) float32.

        Without a head it is `ops.gram`, with one ``R G R^T``: see `content_map`.
        """
        g = ops.gram(features)
        r = self._head_factor(layer)
        if r is None:
            return g
        with torch.autocast(g.device.type, enabled=False):
            return r @ g @ r.mT

    def _head_factor(self, layer: str) -> Tensor | None:
        """R of a head's ``W = QR``, float32; None for a layer without a head."""
        if layer not in self.heads:
            return None
        weight = self.head(layer).weight.detach()
        r = self._r.get(layer)
        if r is None or r.device != weight.device:
            with torch.autocast(weight.device.type, enabled=False):
                r = torch.linalg.qr(weight.flatten(1).float()).R
            if not self.training:
                self._r[layer] = r
        return r

    def train(self, mode: bool = True) -> Self:
        """As `nn.Module.train`; forgets R of the heads, which training changes."""
        self._r.clear()
        return super().train(mode)


def new_small(generator: torch.Generator, teacher_channels: Mapping[str, int]) -> PerceptualNetwork:
    """A small network with random weights, ready to be trained.

    He initialisation (He et al. 2015). The first bias is set so that a mid-grey picture gives
    zero: the normalisation of the input lives in the first layer.

    Args:
        generator: source of the random numbers.
        teacher_channels: channels of the teacher's layers; each of them gets a head.
    """

    def he(out: int, into: int, side: int, gain: float) -> Tensor:
        std: float = (gain / (into * side * side)) ** 0.5
        return torch.randn(out, into, side, side, generator=generator) * std

    w: dict[str, Tensor] = {}
    into = 3
    for name, out in SMALL_CHANNELS.items():
        into = SMALL_READS.get(name, into)
        w[f"{name}.weight"] = he(out, into, 3, 2.0)
        w[f"{name}.bias"] = torch.zeros(out)
        into = out
    w["conv1_1.weight"] *= 4  # pixels vary by some 0.25 around mid-grey
    w["conv1_1.bias"] = -0.5 * w["conv1_1.weight"].sum((1, 2, 3))
    for layer, channels in teacher_channels.items():
        w[f"head.{layer}.weight"] = he(
            channels, SMALL_CHANNELS[layer.replace("relu", "conv")], 1, 1.0
        )
    return PerceptualNetwork(w)


def from_torchvision(
    tensors: Mapping[str, Tensor], pooling: Pooling, padding: Padding = "replicate"
) -> PerceptualNetwork:
    """VGG-19 from torchvision's ``features.N.weight`` and ``.bias``, up to ``relu5_1``.

    With ImageNet's mean and deviation. torchvision pads with zeros, which pictures optimised
    against it show as a frame: ``replicate`` unless ``zeros`` is asked for.
    """
    w = {
        f"{name}.{part}": tensors[f"features.{number}.{part}"]
        for name, (number, _) in VGG19_CONVS.items()
        for part in ("weight", "bias")
    }
    mean = torch.tensor([0.485, 0.456, 0.406])
    std = torch.tensor([0.229, 0.224, 0.225])
    w["preprocess.weight"] = torch.diag(1 / std).view(3, 3, 1, 1)
    w["preprocess.bias"] = -mean / std
    return PerceptualNetwork(w, padding=padding, pooling=pooling)


def choose(name: str) -> str:
    """Which network ``auto`` means on this machine: vgg19 where its weights are cached."""
    if name == "auto":
        return "vgg19" if weights.has_vgg19() else "small"
    return name


def load(name: str, pooling: Pooling = "average") -> PerceptualNetwork:
    """The network called ``small``, ``vgg19`` or ``auto``, frozen, on the CPU in float32.

    Raises:
        StyleSwapError: the weights are missing or damaged, or the Hub cannot be reached.
    """
    if choose(name) == "vgg19":
        net = from_torchvision(weights.vgg19_features(), pooling)
    else:
        net = PerceptualNetwork(weights.load("small"), pooling=pooling)
    return net.eval().requires_grad_(False)
