"""Training of one style: Johnson et al. 2016, section 3.

Minimises, over photographs c, with y = f(c) and s the painting,

    content * ||conv4_2(y) - conv4_2(c)||^2 / ||conv4_2(c)||^2
    + style * sum_l ||G_l(y) - G_l(s)||^2 / ||G_l(s)||^2  +  tv * TV(y)
    + colours * `losses.colour_distance` of y and s  +  steady * ||y - f(c')||^2 / n
    + `GRID` * `ops.grid` of y

where c' is c with other borders, so that all is moved by a few pixels, and with noise.

Departures from the paper: the losses are relative to their targets' energy; l runs from relu1_1 to
relu5_1, as in Gatys et al.; Muon in place of Adam, with a one-cycle rate. The style's weight is
steered while training, so that every style leaves about as much of the photograph: at one weight
for all, paintings of strong contrasts bury it and pale ones hardly show. The last three terms are
ours: rare colours of the painting are met, films flicker less (as in Gupta et al., arXiv
1705.02092, without their films) and even areas get no regular pattern.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from styleswap import losses, media, metrics, ops, tensors, weights
from styleswap.losses import Perceptual, PerceptualLoss
from styleswap.nets import meta, perceptual
from styleswap.nets.transformer import TransformerNetwork, new_transformer
from styleswap.specs import STYLE_LAYERS
from styleswap.training.data import Crops, find_pictures
from styleswap.training.loop import GRID, Report, fit
from styleswap.training.settings import StyleSettings
from styleswap.training.teacher import load_teacher

HELD_OUT = 8  # photographs that validation and the sheets of previews take
# How a photograph is changed that shall come out alike: the noise's deviation, and the rows and
# columns that are cut off, no multiple of the network's stride. What a network paints along a
# border moves with that, so it may not be anything of its own.
NOISE = 0.03
INNER = (..., slice(1, -2), slice(2, -1))
CARD_SIDE = 320  # longer side of the picture that shows a style
# The style's weight grows by at most so much a step, and stays within so many times what it was.
STEER = 0.02
REACH = 10.0


def load_perceptual(source: str) -> tuple[Perceptual, torch.nn.Module]:
    """``small``, ``vgg19``, or a folder of teacher files, pooling by average."""
    if source == "small":
        net = perceptual.load("small")
        return net, net
    teacher = load_teacher(source)
    teacher.set_pooling("average")
    return teacher, teacher


def open_painting(file: Path, short: int) -> Tensor:
    """The style picture, (1, 3, H, W), `short` px on its shorter side."""
    picture = media.open_picture(file, "style picture")
    return tensors.from_pil(
        media.fit(picture, round(max(picture.size) * short / min(picture.size)))
    )


class StyleWeight:
    """The weight of a style loss, steered to where the content's distance is `balance`.

    Args:
        usual: at first; it differs from this by a factor of `REACH` at most.
        balance: what the content's distance shall be; 0 leaves the weight.
    """

    def __init__(self, usual: float, balance: float, device: torch.device) -> None:
        self.usual, self.balance = usual, balance
        self.value = usual
        self.tensor = torch.tensor(usual, device=device)  # the same, where the losses are

    def steer(self, content: float) -> None:
        """Move the weight, the content's distance having been so much."""
        if self.balance:
            pull = max(-1.0, min(1.0, (self.balance - content) / self.balance))
            self.set(self.value * math.exp(STEER * pull))

    def set(self, weight: float) -> None:
        """Take another weight, or the nearest that is allowed."""
        self.value = max(self.usual / REACH, min(self.usual * REACH, weight))
        self.tensor.fill_(self.value)

    def state(self) -> dict[str, Tensor]:
        """For a checkpoint."""
        return {"style_weight": torch.tensor(self.value, dtype=torch.float64)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """As `state` gave it."""
        self.set(state["style_weight"].item())


class StyleTask:
    """The losses of a batch of photographs, and the figures of held-out ones."""

    plotted: tuple[str, ...] = ("content", "style")
    recordable = True

    def __init__(self, settings: StyleSettings, device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.weight = StyleWeight(settings.style, settings.balance, device)
        fresh, kept = find_pictures(*map(Path, settings.photos))
        self.crops = Crops(fresh, settings.crop)
        held = Crops(kept, settings.crop)
        self.held = held.draw(HELD_OUT, torch.Generator().manual_seed(0)).to(device)
        self.net, module = load_perceptual(settings.perceptual)
        module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.painting = open_painting(Path(settings.painting), settings.style_size).to(device)
        self.perceptual = PerceptualLoss(
            self.net, {"conv4_2": 1.0}, dict.fromkeys(STYLE_LAYERS, 1.0)
        )
        with torch.autocast(device.type, torch.bfloat16):
            self.perceptual.set_style([(self.painting, 1.0)])
        self.colours = losses.colour_quantiles(self.painting)

    def draw(self, generator: torch.Generator, step: int) -> tuple[Tensor, ...]:
        """Photographs (B, 3, crop, crop), and noise as large."""
        s = self.settings
        photos = self.crops.draw(s.batch, generator)
        noise = NOISE * torch.randn(photos.shape, generator=generator)
        return photos, noise

    def losses(self, net: nn.Module, *batch: Tensor) -> dict[str, Tensor]:
        """The terms of the loss, their weighted sum ``total``, and the style's weight."""
        photo, noise = (part.contiguous(memory_format=torch.channels_last) for part in batch)
        s, weight = self.settings, self.weight.tensor
        with torch.autocast(self.device.type, torch.bfloat16):
            y = net(photo)
            again = net((photo + noise)[::2][INNER])
            self.perceptual.set_content(photo)
            content, style = self.perceptual(y.contiguous(memory_format=torch.channels_last))
        parts = {
            "content": content,
            "style": style,
            "tv": ops.total_variation(y),
            "colours": losses.colour_distance(y, self.colours),
            "steady": (again - y[::2][INNER]).square().mean(),
            "grid": ops.grid(y),
        }
        shares = {
            "content": s.content,
            "style": weight,
            "tv": s.tv,
            "colours": s.colours,
            "steady": s.steady,
            "grid": GRID,
        }
        total = sum(shares[name] * value for name, value in parts.items())
        return {"total": total, **parts, "weight": weight}

    def after(self, found: Mapping[str, float]) -> None:
        """Steer the style's weight."""
        self.weight.steer(found["content"])

    def validate(self, net: nn.Module) -> dict[str, float]:
        """Mean distances of held-out photographs, ``style`` relative to untouched ones; and the
        style's ``weight``."""
        sums = {"content": 0.0, "style": 0.0, "plain": 0.0}
        for photo in self.held.split(1):
            with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16):
                y = net(photo)
                sums["content"] += metrics.content_distance(self.net, y, photo)
                for name, x in (("style", y), ("plain", photo)):
                    distance = metrics.style_distance(self.net, x, self.painting)
                    sums[name] += sum(distance.values())
        return {
            "content": sums["content"] / len(self.held),
            "style": sums["style"] / sums["plain"],
            "weight": self.weight.value,
        }

    @torch.no_grad()
    def sheet(self, net: nn.Module) -> Image.Image:
        """Photographs above what becomes of them."""
        made = torch.cat([net(photo) for photo in self.held.split(1)])
        return tensors.contact_sheet([self.held, made])

    def state(self) -> dict[str, Tensor]:
        """The style's weight."""
        return self.weight.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        """As `state` gave it."""
        self.weight.restore(state)


def train(
    settings: StyleSettings,
    folder: Path,
    *,
    warm: dict[str, Tensor] | None,
    checkpoint_every: int,
    resume: bool,
    report: Report,
) -> tuple[TransformerNetwork, dict[str, float]]:
    """Train a transformer network; returns it with `StyleTask.validate` of it.

    Args:
        warm: the weights to start from; None for random ones.

    The other arguments are those of `training.loop.fit`.

    Raises:
        StyleSwapError: folders without pictures, a style that cannot be read, weights that are
            missing, no checkpoint, a batch that the processes cannot share.
    """

    def make(
        generator: torch.Generator, device: torch.device
    ) -> tuple[TransformerNetwork, StyleTask]:
        task = StyleTask(settings, device)
        net = new_transformer(generator, settings.width)
        return (TransformerNetwork.from_weights(warm) if warm is not None else net), task

    return fit(
        settings,
        make,
        folder,
        checkpoint_every=checkpoint_every,
        resume=resume,
        report=report,
    )


def start(name: str, painting: Path, style_size: int, folder: Path) -> dict[str, Tensor]:
    """The weights to start from.

    Args:
        name: of a trained style; ``meta`` is what the meta network writes for the painting.
        painting: the style picture.
        style_size: its shorter side, in pixels.
        folder: of the manifest.

    Raises:
        StyleSwapError: no such style, weights that are missing, a picture that cannot be read.
    """
    if name == meta.NAME:
        return meta.load(folder).write(open_painting(painting, style_size))
    return weights.load_style(name, folder)


@torch.no_grad()
def repaint(net: TransformerNetwork, picture: Image.Image) -> Image.Image:
    """An RGB picture in the trained style."""
    device = next(net.parameters()).device
    return tensors.to_pil(net(tensors.from_pil(picture).to(device)))
