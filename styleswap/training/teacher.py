"""The network that the small perceptual network learns from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from styleswap import ops, weights
from styleswap.errors import StyleSwapError
from styleswap.nets import perceptual
from styleswap.nets.perceptual import PerceptualNetwork, Pooling
from styleswap.specs import LAYERS


class Teacher(nn.Module):
    """Feature maps of VGG-19, each layer from the most exact network that has it.

    `networks` in order of trust: the exact VGG-19 (or its first layers), then imitations whose
    features are mapped to VGG-19's channels where they bring a map, ``convX_Y_to_vgg``.
    """

    def __init__(self, networks: Iterable[tuple[PerceptualNetwork, dict[str, nn.Conv2d]]]) -> None:
        super().__init__()
        self.networks = nn.ModuleList()
        self.maps = nn.ModuleDict()
        self.source: dict[str, int] = {}
        for i, (net, maps) in enumerate(networks):
            self.networks.append(net)
            for conv in net.convs:
                for layer in (conv, conv.replace("conv", "relu")):
                    if layer not in self.source:
                        self.source[layer] = i
                        if layer in maps:
                            self.maps[layer] = maps[layer]
        missing = [layer for layer in LAYERS if layer not in self.source]
        if missing:
            raise StyleSwapError(
                f"The teacher has no {', '.join(missing)}; give files that reach all of"
                f" {', '.join(LAYERS)}."
            )
        self.eval().requires_grad_(False)

    def channels(self, layers: Iterable[str] = LAYERS) -> dict[str, int]:
        """Channels of each layer, after its map."""
        return {layer: self._last(layer).out_channels for layer in layers}

    def _last(self, layer: str) -> nn.Conv2d:
        """The convolution that a layer's channels come from."""
        if layer in self.maps:
            return cast(nn.Conv2d, self.maps[layer])
        net = cast(PerceptualNetwork, self.networks[self.source[layer]])
        return net.conv(layer)

    def set_pooling(self, pooling: Pooling) -> None:
        for net in self.networks:
            cast(PerceptualNetwork, net).pooling = pooling

    def features(self, x: Tensor, layers: Iterable[str] = LAYERS) -> dict[str, Tensor]:
        """As `PerceptualNetwork.features`, in VGG-19's channels."""
        wanted = list(layers)
        found: dict[str, Tensor] = {}
        for i, net in enumerate(self.networks):
            mine = [layer for layer in wanted if self.source[layer] == i]
            if mine:
                found |= cast(PerceptualNetwork, net).features(x, mine)
        return {k: self.maps[k](found[k]) if k in self.maps else found[k] for k in wanted}

    def content_map(self, layer: str, features: Tensor) -> Tensor:
        """`features` as they are: what the small network's are compared with."""
        return features

    def style_matrix(self, layer: str, features: Tensor) -> Tensor:
        """The Gram matrix of `features`, (B, C, C): what the small network's is compared with."""
        return ops.gram(features)


def load_teacher(source: str) -> Teacher:
    """``vgg19`` (from the Hub or the cache), or a folder of safetensors files.

    A file holds ``convX_Y.weight`` and ``.bias`` under VGG's names, optionally ``preprocess`` and
    maps ``convX_Y_to_vgg``. Files without maps are taken as exact.

    Raises:
        StyleSwapError: no such folder, no such file in it, or layers missing.
    """
    if source == "vgg19":
        return Teacher([(perceptual.from_torchvision(weights.vgg19_features(), "max"), {})])
    folder = Path(source)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise StyleSwapError(
            f"{source} holds no safetensors files; give 'vgg19' or a folder of teacher files."
        )
    found = []
    for file in files:
        try:
            tensors = load_file(file)
        except SafetensorError:
            raise StyleSwapError(f"The teacher's file {file} is damaged; get it again.") from None
        maps: dict[str, nn.Conv2d] = {}
        for layer in LAYERS:
            key = f"{layer.replace('relu', 'conv')}_to_vgg"
            if f"{key}.weight" in tensors:
                w, b = tensors.pop(f"{key}.weight"), tensors.pop(f"{key}.bias")
                maps[layer] = nn.Conv2d(w.shape[1], w.shape[0], 1)
                maps[layer].load_state_dict({"weight": w, "bias": b})
        found.append((PerceptualNetwork(tensors, pooling="max"), maps))
    found.sort(key=lambda pair: len(pair[1]))
    return Teacher(found)
