"""Training of an inverse network of `small`.

Each step takes pairs of a photograph and a painting, transfers the painting's features to the
photograph's, as the methods will, and asks of the picture y that is made of them

    content * ||F(y) - t||^2 / ||t||^2                           at the layer that is inverted
    + style * sum_l ||G_l(y) - G_l(s)||^2 / ||G_l(s)||^2         up to the layer behind it
    + tv * TV(y)

where t are the transferred features and s is the painting, and the first two of what is made of
untouched features, where t and s are the picture's x itself, with pixels * ||y - x||^2
(Chen & Schmidt 2016, section 3.3; Huang & Belongie 2017, eq. 11 to 13; Li et al. 2017, eq. 1).

As in Chen & Schmidt two photographs and two paintings give all four pairs of a step. Departures:
the losses are relative to their targets' energy; Gram matrices in place of means and deviations,
and also of untouched pictures, which keeps their contrast; style swap's inverse network has a style
loss too; where several methods use a layer, they take turns; paintings are recoloured.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from styleswap import ops, tensors
from styleswap.losses import relative_error
from styleswap.nets import perceptual
from styleswap.nets.inverse import InverseNetwork, new_inverse
from styleswap.specs import STYLE_LAYERS
from styleswap.training.data import Crops, find_pictures
from styleswap.training.loop import Report, fit
from styleswap.training.settings import InverseSettings

FITTED = 24  # photographs, and paintings, that colours are fitted to before training
HELD_OUT = 8  # pairs that validation and the sheets take
Transfer = Callable[[Tensor, Tensor], Tensor]

# What the methods do to the features of each layer.
TRANSFERS: dict[str, tuple[Transfer, ...]] = {
    "relu1_1": (ops.whiten_and_colour,),
    "relu2_1": (ops.whiten_and_colour,),
    "relu3_1": (ops.style_swap, ops.whiten_and_colour),
    "relu4_1": (ops.adain, ops.whiten_and_colour),
}


class InverseTask:
    """The losses of a batch of pairs, and the figures of held-out ones."""

    plotted: tuple[str, ...] = ("content", "style", "pixels")
    recordable = False  # transfers take turns, and decompose matrices on the CPU

    def __init__(self, settings: InverseSettings, device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.net = perceptual.load("small").to(device)
        self.net.to(memory_format=torch.channels_last)
        self.layers = STYLE_LAYERS[: STYLE_LAYERS.index(settings.layer) + 2]
        self.transfers = TRANSFERS[settings.layer]
        self.step = 0
        held = []
        self.sources = []
        for seed, folders in enumerate((settings.photos, settings.paintings)):
            groups = [find_pictures(Path(p)) for p in folders]
            self.sources.append(Crops([fresh for fresh, _ in groups], settings.crop))
            crops = Crops([kept for _, kept in groups], settings.crop)
            held.append(crops.draw(HELD_OUT, torch.Generator().manual_seed(seed)).to(device))
        self.held = tuple(held)

    @torch.no_grad()
    def fit_colours(self, net: InverseNetwork, generator: torch.Generator) -> None:
        """Give `net` the linear map from features to colours that errs least (least squares)."""
        layer = self.settings.layer
        x = torch.cat([part.draw(FITTED, generator) for part in self.sources])
        features = self.net.cpu().features(x, [layer])[layer]
        self.net.to(self.device)
        seen = features.movedim(1, 3).flatten(0, 2)
        wanted = F.avg_pool2d(x, net.factor).movedim(1, 3).flatten(0, 2)
        ones = torch.ones_like(seen[:, :1])
        found = torch.linalg.lstsq(torch.cat([seen, ones], 1).double(), wanted.double()).solution
        net.colours.weight.copy_(found[:-1].T[:, :, None, None])
        assert net.colours.bias is not None
        net.colours.bias.copy_(found[-1])

    def draw(self, generator: torch.Generator, step: int) -> tuple[Tensor, ...]:
        """Photographs and paintings, each (B, 3, crop, crop), paired by their places: each of B / 2
        photographs with two paintings."""
        self.step = step
        count = self.settings.batch // 2
        photos, paintings = (source.draw(count, generator) for source in self.sources)
        # Many more styles than there are paintings: other colours.
        paintings = torch.stack([recoloured(x, generator) for x in paintings])
        places = torch.arange(2 * count)
        return photos[places // 2], paintings[(places // 2 + places % 2) % count]

    def losses(self, net: nn.Module, *batch: Tensor) -> dict[str, Tensor]:
        """``content``, ``style``, ``pixels``, ``tv`` and their weighted sum ``total``."""
        transfer = self.transfers[self.step % len(self.transfers)]
        batch = tuple(x.contiguous(memory_format=torch.channels_last) for x in batch)
        return self._losses(net, transfer, *batch)

    def _losses(
        self, net: nn.Module, transfer: Transfer, photo: Tensor, painting: Tensor
    ) -> dict[str, Tensor]:
        s = self.settings
        # Untouched, photographs and paintings in turn: none twice.
        first = torch.arange(len(photo), device=photo.device) % 2 == 0
        plain = torch.where(first[:, None, None, None], photo, painting)
        n = len(photo)
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16):
            own = self.net.features(photo, [s.layer])[s.layer]
            seen = self.net.features(torch.cat([painting, plain]), self.layers)
            grams = {name: self.net.style_matrix(name, f) for name, f in seen.items()}
            theirs = seen[s.layer][:n].float()
            source = torch.cat([own, seen[s.layer][n:]]).float()
        swapped = [
            transfer(c, t) for c, t in zip(source[:n].split(1), theirs.split(1), strict=True)
        ]
        target = torch.cat([*swapped, source[n:]])
        target = target.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            y = net(target)
            found = self.net.features(y.contiguous(memory_format=torch.channels_last), self.layers)
        near = self.net.content_map(s.layer, found[s.layer])
        content = relative_error(near, self.net.content_map(s.layer, target))
        errors = [
            relative_error(self.net.style_matrix(layer, found[layer]), gram)
            for layer, gram in grams.items()
        ]
        style = torch.stack(errors).sum()
        pixels = (y[n:] - plain).square().mean()
        tv = ops.total_variation(y[:n])
        total = s.content * content + s.style * style + s.pixels * pixels + s.tv * tv
        return {"total": total, "content": content, "style": style, "pixels": pixels, "tv": tv}

    def after(self, found: Mapping[str, float]) -> None:
        """Nothing changes."""

    @torch.no_grad()
    def validate(self, net: nn.Module) -> dict[str, float]:
        """The losses of held-out pairs, but for the total, by each transfer in turn."""
        found = [self._losses(net, transfer, *self.held) for transfer in self.transfers]
        return {k: statistics.fmean(f[k].item() for f in found) for k in self.plotted}

    @torch.no_grad()
    def sheet(self, net: nn.Module) -> Image.Image:
        """Photographs, what comes back of them, paintings, and what each transfer makes."""
        photo, painting = self.held
        ours, theirs = (
            self.net.features(x, [self.settings.layer])[self.settings.layer].split(1)
            for x in self.held
        )
        rows = [photo, net(torch.cat(ours)), painting]
        for transfer in self.transfers:
            swapped = [transfer(c, t) for c, t in zip(ours, theirs, strict=True)]
            rows.append(net(torch.cat(swapped)))
        return tensors.contact_sheet(rows)

    def state(self) -> dict[str, Tensor]:
        """Nothing but the weights."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Nothing but the weights."""


def recoloured(x: Tensor, generator: torch.Generator) -> Tensor:
    """(3, H, W) with its channels in any order, each brighter or darker, paler or stronger."""
    gain, shift = (
        low + (high - low) * torch.rand(3, 1, 1, generator=generator)
        for low, high in ((0.6, 1.3), (-0.15, 0.15))
    )
    order = torch.randperm(3, generator=generator)
    return ((x[order] - 0.5) * gain + 0.5 + shift).clamp(0, 1)


def train(
    settings: InverseSettings,
    folder: Path,
    *,
    checkpoint_every: int,
    resume: bool,
    report: Report,
) -> tuple[InverseNetwork, dict[str, float]]:
    """Train an inverse network; returns it with `InverseTask.validate` of it.

    The arguments are those of `training.loop.fit`.

    Raises:
        StyleSwapError: folders without pictures, weights that are missing, no checkpoint, a batch
            that the processes cannot share.
    """

    def make(
        generator: torch.Generator, device: torch.device
    ) -> tuple[InverseNetwork, InverseTask]:
        net, task = new_inverse(generator, settings.layer), InverseTask(settings, device)
        task.fit_colours(net, generator)
        return net, task

    return fit(
        settings, make, folder, checkpoint_every=checkpoint_every, resume=resume, report=report
    )
