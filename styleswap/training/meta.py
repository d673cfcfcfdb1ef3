"""Training of the meta network: Shen, Yan & Zeng 2018, section 3.2.

Each step takes S paintings and P photographs for each, writes S networks, and asks of what each
makes y of its photographs c, with s its painting,

    content * ||conv4_2(y) - conv4_2(c)||^2 / ||conv4_2(c)||^2
    + style * D(y, s) / D(c, s)  +  tv * TV(y)  +  `GRID` * `ops.grid` of y

where D(x, s) = sum_l ||G_l(x) - G_l(s)||^2 / ||G_l(s)||^2.

Departures from the paper: the style loss compares Gram matrices and is a share of what it is for
the untouched photograph, so that strong and pale paintings weigh alike; the style's weight is
steered to what `balance` says, as in `styleswap.training.style`; paintings are recoloured and
stretched, and some styles are mixtures of two: the mean of their moments and of their Gram
matrices.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.func import functional_call, vmap

from styleswap import ops, tensors
from styleswap.losses import relative_errors
from styleswap.nets import meta, perceptual
from styleswap.nets.meta import Moments, Writer, new_writer
from styleswap.nets.transformer import TransformerNetwork
from styleswap.specs import STYLE_LAYERS
from styleswap.training.data import Crops, find_pictures, recoloured
from styleswap.training.loop import GRID, Report, fit
from styleswap.training.settings import MetaSettings
from styleswap.training.style import StyleWeight, load_perceptual

CONTENT_LAYER = "conv4_2"
CALIBRATED = 512  # paintings whose codes tell how codes are scaled
HELD_OUT = 8  # paintings, and photographs, that validation takes
MIXED = 0.2  # of the styles are mixtures of two paintings
# A photograph that is as good as in the style already would ask for the impossible.
LEAST_PLAIN = 0.2


class MetaTask:
    """The losses of several styles, with several photographs each, and the figures of held-out
    ones."""

    plotted: tuple[str, ...] = ("content", "style")
    recordable = True

    def __init__(self, settings: MetaSettings, device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.weight = StyleWeight(settings.style, settings.balance, device)
        self.small = perceptual.load("small").to(device)
        self.small.to(memory_format=torch.channels_last)
        self.net, module = load_perceptual(settings.perceptual)
        module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.sources, held = [], []
        for seed, (folders, stretch) in enumerate(
            ((settings.paintings, settings.stretch), (settings.photos, 1.0))
        ):
            fresh, kept = find_pictures(*map(Path, folders))
            self.sources.append(Crops(fresh, settings.crop, stretch=stretch, device=device))
            crops = Crops(kept, settings.crop, device=device)
            held.append(crops.draw(HELD_OUT, torch.Generator().manual_seed(seed)))
        self.held = tuple(held)
        self.template = TransformerNetwork(settings.width).to(device)

    @torch.no_grad()
    def calibrate(self, writer: Writer, generator: torch.Generator) -> None:
        """Scale the writer's code by many paintings."""
        found: list[Moments] = []
        for _ in range(0, CALIBRATED, 32):
            x = recoloured(self.sources[0].draw(32, generator), generator)
            found.append(meta.moments(self.small, x))
        together: Moments = {
            layer: (
                torch.cat([f[layer][0] for f in found]),
                torch.cat([f[layer][1] for f in found]),
            )
            for layer in found[0]
        }
        writer.to(self.device).calibrate(together)

    def draw(self, generator: torch.Generator, step: int) -> tuple[Tensor, ...]:
        """Paintings (S, 3, crop, crop), photographs (S, P, 3, crop, crop), and how much of each
        painting's style is that of the next, (S,)."""
        s = self.settings
        paintings = recoloured(self.sources[0].draw(s.batch, generator), generator)
        photos = self.sources[1].draw(s.batch * s.photos_each, generator)
        share, chosen = torch.rand(2, s.batch, generator=generator)
        mixture = torch.where(chosen < MIXED, share, 0.0)
        return paintings, photos.view(s.batch, s.photos_each, *photos.shape[1:]), mixture

    def losses(self, net: nn.Module, *batch: Tensor) -> dict[str, Tensor]:
        """``content``, ``style``, ``tv`` and ``grid``, their weighted sum ``total``, and the
        style's weight."""
        s = self.settings
        parts = self.distances(net, *batch)
        content, style, tv = (parts[k].mean() for k in ("content", "style", "tv"))
        grid, weight = ops.grid(parts["made"]), self.weight.tensor
        total = s.content * content + weight * style + s.tv * tv + GRID * grid
        losses = {"content": content, "style": style, "tv": tv, "grid": grid, "weight": weight}
        return {"total": total, **losses}

    def distances(
        self, net: nn.Module, paintings: Tensor, photos: Tensor, mixture: Tensor
    ) -> dict[str, Tensor]:
        """``content`` and ``style`` of each of the S * P results, ``tv``, and what was ``made``."""
        count = photos.shape[1]
        flat = photos.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        paintings = paintings.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            with torch.no_grad():
                theirs = self.net.features(paintings, STYLE_LAYERS)
                grams = {k: mixed(self.net.style_matrix(k, f), mixture) for k, f in theirs.items()}
                layers = [*STYLE_LAYERS, CONTENT_LAYER]
                plain = self.net.features(flat, layers)
                seen = {
                    k: (mixed(mean, mixture), mixed(gram, mixture))
                    for k, (mean, gram) in meta.moments(self.small, paintings).items()
                }
            written = net(seen)
            y = self._painted(written, flat, count)
            made = self.net.features(y.contiguous(memory_format=torch.channels_last), layers)
        content = relative_errors(
            *(self.net.content_map(CONTENT_LAYER, f[CONTENT_LAYER]) for f in (made, plain))
        )

        def distance(found: Mapping[str, Tensor]) -> Tensor:
            each = [
                relative_errors(
                    self.net.style_matrix(k, found[k]), gram.repeat_interleave(count, 0)
                )
                for k, gram in grams.items()
            ]
            return torch.stack(each).sum(0)

        with torch.no_grad():
            most = distance(plain).clamp_min(LEAST_PLAIN)
        style = distance(made) / most
        return {"content": content, "style": style, "tv": ops.total_variation(y), "made": y}

    def _painted(self, written: Mapping[str, Tensor], photos: Tensor, count: int) -> Tensor:
        """What each of the networks makes of its `count` photographs, (S * count, 3, H, W)."""

        def paint(own: Mapping[str, Tensor], x: Tensor) -> Tensor:
            made: Tensor = functional_call(self.template, dict(own), (x,))
            return made

        if self.device.type == "cuda":  # all in one go; on a processor that takes twice as long
            return vmap(paint)(written, photos.unflatten(0, (-1, count))).flatten(0, 1)
        parts = photos.split(count)
        return torch.cat(
            [paint({k: w[i] for k, w in written.items()}, x) for i, x in enumerate(parts)]
        )

    def after(self, found: Mapping[str, float]) -> None:
        """Steer the style's weight."""
        self.weight.steer(found["content"])

    @torch.no_grad()
    def _held(self, net: nn.Module) -> dict[str, Tensor]:
        """Each held-out photograph in the style of each of two held-out paintings."""
        paintings, photos = self.held
        pairs = torch.stack([photos, photos.roll(1, 0)], 1)
        return self.distances(net, paintings, pairs, torch.zeros(HELD_OUT, device=self.device))

    def validate(self, net: nn.Module) -> dict[str, float]:
        """Mean ``content`` and ``style`` of held-out pairs, the worst style, the style's weight."""
        found = self._held(net)
        return {
            "content": found["content"].mean().item(),
            "style": found["style"].mean().item(),
            "worst": found["style"].max().item(),
            "weight": self.weight.value,
        }

    def sheet(self, net: nn.Module) -> Image.Image:
        """Paintings, photographs, and what becomes of them."""
        paintings, photos = self.held
        made = self._held(net)["made"].unflatten(0, (-1, 2))
        return tensors.contact_sheet([paintings, photos, made[:, 0], made[:, 1]])

    def state(self) -> dict[str, Tensor]:
        """The style's weight."""
        return self.weight.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        """As `state` gave it."""
        self.weight.restore(state)


def mixed(x: Tensor, share: Tensor) -> Tensor:
    """Of S styles' means over positions (S, ...) each with a share (S,) of the next one's."""
    return torch.lerp(x, x.roll(-1, 0), share.view(-1, *[1] * (x.ndim - 1)))


def train(
    settings: MetaSettings,
    folder: Path,
    *,
    warm: dict[str, Tensor] | None,
    checkpoint_every: int,
    resume: bool,
    report: Report,
) -> tuple[Writer, dict[str, float]]:
    """Train what writes networks; returns it with `MetaTask.validate` of it.

    Args:
        warm: the weights to start from; None for random ones.

    The other arguments are those of `training.loop.fit`.

    Raises:
        StyleSwapError: folders without pictures, weights that are missing, no checkpoint, a batch
            that the processes cannot share.
    """

    def make(generator: torch.Generator, device: torch.device) -> tuple[Writer, MetaTask]:
        task = MetaTask(settings, device)
        if warm is not None:
            return meta.MetaNetwork.from_weights(task.small, warm).writer, task
        writer = new_writer(generator, perceptual.load("small"), settings.width)
        task.calibrate(writer, generator)
        return writer, task

    return fit(
        settings, make, folder, checkpoint_every=checkpoint_every, resume=resume, report=report
    )
