"""Training of an inverse network of `small`, or of AdaIN's decoder.

Each step takes pairs of a photograph and a painting, transfers the painting's features to the
photograph's, as the methods will, and asks of the picture y that is made of them

    content * ||F(y) - t||^2 / ||t||^2                           at the layer that is inverted
    + style * sum_l ||G_l(y) - G_l(s)||^2 / ||G_l(s)||^2         up to the layer behind it
    + tv * TV(y) + `GRID` * what of y repeats with each place of the features

where t are the transferred features and s is the painting, and the first two of what is made of
untouched features, where t and s are the picture's x itself, with pixels * ||y - x||^2
(Chen & Schmidt 2016, section 3.3; Huang & Belongie 2017, eq. 11 to 13; Li et al. 2017, eq. 1).

As in Chen & Schmidt as many photographs as paintings give twice as many pairs. Departures: the
losses are relative to their targets' energy; Gram matrices in place of means and deviations, and
also of untouched pictures, which keeps their contrast; style swap's inverse networks have a style
loss too; where several methods use a layer, they take turns; half of the paintings are recoloured.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from styleswap import ops, tensors
from styleswap.losses import relative_error
from styleswap.nets import adain, perceptual
from styleswap.nets.inverse import InverseNetwork, new_inverse
from styleswap.specs import STYLE_LAYERS
from styleswap.training import checkpoint
from styleswap.training.data import Crops, find_pictures, recoloured
from styleswap.training.loop import GRID, Report, fit
from styleswap.training.settings import InverseSettings

FITTED = 48  # photographs, and paintings, that colours are fitted to before training
HELD_OUT = 8  # pairs that validation and the sheets take
Transfer = Callable[[Tensor, Tensor], Tensor]
Found = dict[str, Tensor]  # features by layer

# What the methods do to the features of each layer.
TRANSFERS: dict[str, tuple[Transfer, ...]] = {
    "relu1_1": (ops.whiten_and_colour,),
    "relu2_1": (ops.whiten_and_colour,),
    "relu3_1": (ops.style_swap, ops.whiten_and_colour),
    "relu4_1": (ops.style_swap, ops.whiten_and_colour),
}


class InverseTask:
    """The losses of a batch of pairs, and the figures of held-out ones.

    Args:
        layer: that is inverted.
        layers: whose features are looked at.
        transfers: that take turns.
    """

    plotted: tuple[str, ...] = ("content", "style", "pixels")
    recordable = False  # transfers take turns, and decompose matrices on the CPU

    def __init__(
        self,
        settings: InverseSettings,
        device: torch.device,
        layer: str,
        layers: Sequence[str],
        transfers: Sequence[Transfer],
    ) -> None:
        self.settings, self.device = settings, device
        self.layer, self.layers, self.transfers = layer, layers, transfers
        self.net = perceptual.load("small").to(device)
        self.net.to(memory_format=torch.channels_last)
        self.step = 0
        held = []
        self.sources = []
        for seed, folders in enumerate((settings.photos, settings.paintings)):
            fresh, kept = find_pictures(*map(Path, folders))
            self.sources.append(Crops(fresh, settings.crop, device=device))
            crops = Crops(kept, settings.crop, device=device)
            held.append(crops.draw(HELD_OUT, torch.Generator().manual_seed(seed)))
        self.held = tuple(held)

    def given(self, transfer: Transfer, own: Found, theirs: Found) -> tuple[Tensor, ...]:
        """What the network is given of pairs of a photograph and a painting, the layer that it
        inverts first."""
        pairs = zip(own[self.layer].split(1), theirs[self.layer].split(1), strict=True)
        with ThreadPoolExecutor() as pool:  # much of it is done on the processor
            return (torch.cat(list(pool.map(lambda pair: transfer(*pair), pairs))),)

    def untouched(self, own: Found) -> tuple[Tensor, ...]:
        """What the network is given of pictures as they are."""
        return (own[self.layer],)

    @torch.no_grad()
    def fit(self, net: nn.Module, generator: torch.Generator) -> None:
        """Give `net` the linear map from features to colours that errs least (least squares)."""
        assert isinstance(net, InverseNetwork)
        x, found = self._some(generator)
        fit_colours(net.colours, found[self.layer], x)

    def _some(self, generator: torch.Generator) -> tuple[Tensor, Found]:
        """Pictures, and their features, on the processor."""
        x = torch.cat([part.draw(FITTED // 2, generator) for part in self.sources]).cpu()
        found = self.net.cpu().features(x, self.layers)
        self.net.to(self.device)
        return x, found

    def draw(self, generator: torch.Generator, step: int) -> tuple[Tensor, ...]:
        """Photographs and paintings, each (B, 3, crop, crop), paired by their places: each of B / 2
        photographs with two paintings."""
        self.step = step
        count = self.settings.batch // 2
        photos, paintings = (source.draw(count, generator) for source in self.sources)
        paintings = recoloured(paintings, generator)
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
        with torch.no_grad():
            with torch.autocast(self.device.type, torch.bfloat16):
                own = self.net.features(photo, self.layers)
                seen = self.net.features(torch.cat([painting, plain]), self.layers)
                grams = {name: self.net.style_matrix(name, f) for name, f in seen.items()}
            own, theirs, theirs_plain = (
                {name: f[part].float() for name, f in found.items()}
                for found, part in ((own, slice(n)), (seen, slice(n)), (seen, slice(n, None)))
            )
            parts = zip(
                self.given(transfer, own, theirs), self.untouched(theirs_plain), strict=True
            )
            given = [
                torch.cat(pair).contiguous(memory_format=torch.channels_last) for pair in parts
            ]
        with torch.autocast(self.device.type, torch.bfloat16):
            y = net(*given)
            found = self.net.features(y.contiguous(memory_format=torch.channels_last), self.layers)
        near, target = (self.net.content_map(self.layer, f) for f in (found[self.layer], given[0]))
        content = relative_error(near, target)
        errors = [
            relative_error(self.net.style_matrix(layer, found[layer]), gram)
            for layer, gram in grams.items()
        ]
        style = torch.stack(errors).sum()
        pixels = (y[n:] - plain).square().mean()
        tv = ops.total_variation(y[:n])
        grid = ops.grid(y)
        total = s.content * content + s.style * style + s.pixels * pixels + s.tv * tv + GRID * grid
        losses = {"content": content, "style": style, "pixels": pixels, "tv": tv, "grid": grid}
        return {"total": total, **losses}

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
        own, theirs = (self.net.features(x, self.layers) for x in self.held)
        rows = [photo, net(*self.untouched(own)), painting]
        rows += [net(*self.given(transfer, own, theirs)) for transfer in self.transfers]
        return tensors.contact_sheet(rows)

    def state(self) -> dict[str, Tensor]:
        """Nothing but the weights."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Nothing but the weights."""


class AdainTask(InverseTask):
    """The same for AdaIN's decoder, which is told the statistics that the features were given."""

    def given(self, transfer: Transfer, own: Found, theirs: Found) -> tuple[Tensor, ...]:
        features, told = adain.taken(own), adain.statistics(adain.taken(theirs))
        deep, shallow = adain.renormalised(features, adain.statistics(features), told)
        return deep, shallow, *told

    def untouched(self, own: Found) -> tuple[Tensor, ...]:
        features = adain.taken(own)
        return features[-1], features[-2], *adain.statistics(features)

    @torch.no_grad()
    def fit(self, net: nn.Module, generator: torch.Generator) -> None:
        """Likewise, and what is usual of the statistics."""
        assert isinstance(net, adain.Decoder)
        x, found = self._some(generator)
        fit_colours(net.colours, found[adain.SHALLOW][:, : adain.LAYERS[adain.SHALLOW]], x)
        told = torch.cat(adain.statistics(adain.taken(found)), 1).flatten(1)
        net.usual.copy_(told.mean(0))
        net.spread.copy_(told.std(0) + told.std())


def task_of(settings: InverseSettings, device: torch.device) -> InverseTask:
    """The task of a layer, or of AdaIN's decoder."""
    layer = settings.layer
    if layer == adain.KEY:
        return AdainTask(settings, device, adain.DEEP, STYLE_LAYERS, (ops.adain,))
    layers = STYLE_LAYERS[: STYLE_LAYERS.index(layer) + 2]
    return InverseTask(settings, device, layer, layers, TRANSFERS[layer])


def fit_colours(conv: nn.Conv2d, features: Tensor, x: Tensor) -> None:
    """Give `conv`, 1 x 1, the map from features (B, C, H, W) to the colours of pictures x that errs
    least (least squares)."""
    seen = features.movedim(1, 3).flatten(0, 2)
    wanted = F.avg_pool2d(x, x.shape[2] // features.shape[2]).movedim(1, 3).flatten(0, 2)
    ones = torch.ones_like(seen[:, :1])
    found = torch.linalg.lstsq(torch.cat([seen, ones], 1).double(), wanted.double()).solution
    conv.weight.copy_(found[:-1].T[:, :, None, None])
    assert conv.bias is not None
    conv.bias.copy_(found[-1])


def train(
    settings: InverseSettings,
    folder: Path,
    *,
    checkpoint_every: int,
    resume: bool,
    report: Report,
) -> tuple[nn.Module, dict[str, float]]:
    """Train an inverse network; returns it with `InverseTask.validate` of it.

    The arguments are those of `training.loop.fit`.

    Raises:
        StyleSwapError: folders without pictures, weights that are missing, no checkpoint, a batch
            that the processes cannot share.
    """

    def make(generator: torch.Generator, device: torch.device) -> tuple[nn.Module, InverseTask]:
        net: nn.Module
        if settings.layer == adain.KEY:
            net = adain.new_decoder(generator)
        else:
            net = new_inverse(generator, settings.layer)
        task = task_of(settings, device)
        if settings.warm:
            checkpoint.start_from(net, settings.warm)
        else:
            task.fit(net, generator)
        return net, task

    return fit(
        settings, make, folder, checkpoint_every=checkpoint_every, resume=resume, report=report
    )
