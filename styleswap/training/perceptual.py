"""Training of the small perceptual network: distillation from VGG-19.

The idea of measuring an imitation through linear maps is Collaborative Distillation's (Wang et al.,
CVPR 2020); the network, the losses and the probes below are ours. At each layer l, with W_l the
head, f the small network's and F the teacher's features:

    ||W_l f - F||^2 / ||F||^2  +  ||W_l G(f) W_l^T - G(F)|| / ||G(F)||

The second is not squared: a flat picture's Gram matrix has next to no energy to be relative to, and
squared it would drown the others.

Some of what it is shown are crops of pictures. The rest are *probes*: pictures in the middle of
being optimised against the small network itself, as `styleswap.methods.gatys` will do. There an
imitation errs most, since the optimiser seeks out what it gets wrong.

The heads are fitted in closed form at every step (`Heads`); the convolutions learn by Muon.

Between the layers that are measured the deep ones are guided: heads of their own, which the trained
network does without, map them to the teacher's layers of the same name.

Teacher and pupil pool by average, which is how pictures are optimised against either.
"""

from __future__ import annotations

import csv
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from styleswap import losses, ops
from styleswap.errors import StyleSwapError
from styleswap.nets import perceptual
from styleswap.nets.perceptual import PerceptualNetwork
from styleswap.specs import LAYERS, STYLE_LAYERS
from styleswap.training import checkpoint
from styleswap.training.data import Crops, find_pictures, recoloured
from styleswap.training.optim import RelativeMuon, one_cycle
from styleswap.training.settings import PerceptualSettings
from styleswap.training.teacher import Teacher, load_teacher

PROBES = 4
PROBE_LIFE = 200  # steps at most before a probe starts anew
PROBE_RATE = 0.02
GUIDES = ("relu3_2", "relu3_3", "relu3_4", "relu4_3", "relu4_4")
GUIDE_WEIGHT = 0.5


@dataclass(frozen=True)
class Moments:
    """Second moments of a layer's feature maps, per position: f the pupil's, F the teacher's."""

    own: Tensor  # (B, C, C), f f^T
    cross: Tensor  # (B, C, C_t), f F^T
    truth: Tensor  # (B, C_t, C_t), F F^T

    @classmethod
    def of(cls, mine: Tensor, theirs: Tensor) -> Moments:
        """Of (B, C, H, W) and (B, C_t, H, W)."""
        with torch.autocast(mine.device.type, enabled=False):
            f, t = mine.flatten(2).float(), theirs.flatten(2).float()
            return cls(ops.gram(mine), f @ t.mT / f.shape[2], ops.gram(theirs))

    @property
    def energy(self) -> Tensor:
        """``||F||^2`` per position of each sample, (B,)."""
        return self.truth.diagonal(dim1=1, dim2=2).sum(1)


class Heads:
    """Fits each head W by least squares, in closed form, over the steps just gone.

    W minimises the mean of ``||W f - F||^2 / ||F||^2``. The trunk then always learns against the
    best heads that there are, which is what makes it learn fast: variable projection (Golub &
    Pereyra 1973).
    """

    def __init__(self) -> None:
        self.moments: dict[str, Tensor] = {}
        self.steps = 0

    @torch.no_grad()
    def fit(self, net: PerceptualNetwork, found: dict[str, Moments], rate: float) -> None:
        """Take in a step's moments, the newest weighing `rate`, and set the heads."""
        self.steps += 1
        for layer, m in found.items():
            # Flat pictures have next to no energy to be relative to.
            share = 1 / (m.energy + 1e-2 * m.energy.mean())
            for name, value in (("own", m.own), ("cross", m.cross)):
                mean = (value * share.view(-1, 1, 1)).mean(0)
                before = self.moments.setdefault(f"{layer}.{name}", torch.zeros_like(mean))
                before.lerp_(mean, max(rate, 1 / self.steps))
            own = self.moments[f"{layer}.own"]
            ridge = 1e-4 * own.diagonal().mean() * torch.eye(len(own), device=own.device)
            w = torch.linalg.solve(own + ridge, self.moments[f"{layer}.cross"]).mT
            net.head(layer).weight.copy_(w[:, :, None, None])

    def state(self) -> dict[str, Tensor]:
        return self.moments | {"steps": torch.tensor(self.steps)}

    def restore(self, state: dict[str, Tensor], device: torch.device) -> None:
        self.moments = {k: v.to(device) for k, v in state.items()}
        self.steps = int(self.moments.pop("steps"))


def distillation_loss(net: PerceptualNetwork, found: dict[str, Moments]) -> dict[str, Tensor]:
    """The squared relative errors of each layer, a value for each of the B pictures.

    ``{"relu1_1": (B,), "relu1_1.gram": (B,), ...}``. Both kinds come out of the moments, since
    ``||W f - F||^2 = tr(W f f^T W^T) - 2 tr(W f F^T) + tr(F F^T)``: half the work of going over
    the maps of the largest layers again.
    """
    out: dict[str, Tensor] = {}
    for layer, m in found.items():
        w = net.head(layer).weight.flatten(1).float()
        with torch.autocast(w.device.type, enabled=False):
            mapped = w @ m.own @ w.mT
            cross = (w @ m.cross).diagonal(dim1=1, dim2=2).sum(1)
            missed = mapped.diagonal(dim1=1, dim2=2).sum(1) - 2 * cross + m.energy
            out[layer] = missed / (m.energy + 1e-8)
            if layer in STYLE_LAYERS:
                out[f"{layer}.gram"] = losses.relative_errors(mapped, m.truth)
    return out


def total(parts: dict[str, Tensor]) -> Tensor:
    """The training loss of `distillation_loss`'s parts: a scalar."""
    each = [
        (GUIDE_WEIGHT if k in GUIDES else 1.0) * ((v + 1e-6).sqrt() if k.endswith(".gram") else v)
        for k, v in parts.items()
    ]
    return torch.stack(each).sum(0).mean()


class Probes:
    """Pictures under optimisation against the network in training, by Adam, at staggered ages."""

    def __init__(self, crops: Crops, generator: torch.Generator, device: torch.device) -> None:
        self.crops, self.generator, self.device = crops, generator, device
        shape = (PROBES, 3, crops.size, crops.size)
        self.x, self.mean, self.square = (torch.zeros(shape, device=device) for _ in range(3))
        self.style = torch.zeros(shape, device=device)
        self.styles: dict[str, Tensor] = {}
        # As if at the end of lives of different lengths: they do not all start anew at once.
        self.age = torch.full((PROBES,), PROBE_LIFE)
        self.end = torch.full((PROBES,), PROBE_LIFE)

    @torch.no_grad()
    def renew(self, net: PerceptualNetwork) -> None:
        """Start those anew whose life is over: a picture or noise, and the style of another."""
        renewed = False
        for i in range(PROBES):
            if int(self.age[i]) < int(self.end[i]):
                continue
            pair = recoloured(self.crops.draw(2, self.generator), self.generator)
            start, style = pair.to(self.device)
            u = torch.rand(3, generator=self.generator)
            if u[0] < 0.3:
                start, style = style, start
            if u[1] < 0.15:
                noise = torch.rand(start.shape, generator=self.generator).to(self.device)
                start = 0.5 * style.mean((1, 2), keepdim=True) + 0.5 * noise
            self.x[i], self.style[i], self.mean[i], self.square[i] = start, style, 0.0, 0.0
            self.age[i] = 0
            self.end[i] = int(PROBE_LIFE * (0.2 + 0.8 * u[2]))
            renewed = True
        if renewed:  # those of the others as well: the network has moved on
            found = net.features(self.style, STYLE_LAYERS)
            self.styles = {layer: net.style_matrix(layer, f) for layer, f in found.items()}

    def move(self, found: dict[str, Tensor], x: Tensor, net: PerceptualNetwork) -> None:
        """One step of Adam down the style loss, as a person's picture takes it."""
        loss = x.new_zeros(())
        for layer, target in self.styles.items():
            errors = losses.relative_errors(net.style_matrix(layer, found[layer]), target)
            loss = loss + errors.sum()
        (slope,) = torch.autograd.grad(loss, x, retain_graph=True)
        self.age += 1
        self.mean.lerp_(slope, 1 - 0.9)
        self.square.lerp_(slope.square(), 1 - 0.999)
        age = self.age.to(self.device).view(-1, 1, 1, 1)
        step = (self.mean / (1 - 0.9**age)) / ((self.square / (1 - 0.999**age)).sqrt() + 1e-12)
        self.x = (x.detach() - PROBE_RATE * step).clamp(0, 1)

    def state(self) -> dict[str, Tensor]:
        own = {k: getattr(self, k) for k in ("x", "style", "mean", "square", "age", "end")}
        return own | {f"style.{k}": v for k, v in self.styles.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        for k, v in state.items():
            if k.startswith("style."):
                self.styles[k.removeprefix("style.")] = v.to(self.device)
            else:
                setattr(self, k, v if k in ("age", "end") else v.to(self.device))


@torch.no_grad()
def validate(net: PerceptualNetwork, teacher: Teacher, x: Tensor) -> dict[str, float]:
    """`distillation_loss` over held-out crops, averaged."""
    sums: dict[str, float] = {}
    for chunk in x.split(8):
        with torch.autocast(x.device.type, torch.bfloat16):
            mine, theirs = net.features(chunk, LAYERS), teacher.features(chunk)
        for k, v in distillation_loss(net, _moments(mine, theirs)).items():
            sums[k] = sums.get(k, 0.0) + float(v.sum()) / len(x)
    return sums


def train(
    settings: PerceptualSettings,
    folder: Path,
    *,
    checkpoint_every: int,
    resume: bool,
    report: Callable[[int, dict[str, float]], None],
) -> tuple[PerceptualNetwork, dict[str, float]]:
    """Train a small network; returns it with its held-out errors.

    Args:
        settings: what the result depends on.
        folder: where ``checkpoint.safetensors`` and ``losses.csv`` go.
        checkpoint_every: steps between checkpoints (and validations).
        resume: carry on from the checkpoint in `folder`; the weights come out as if the run had
            never stopped.
        report: called after each step with its number and its losses.

    Raises:
        StyleSwapError: folders without pictures, a teacher without the layers, no checkpoint.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(settings.seed)
    files, kept = find_pictures(*map(Path, settings.pictures))
    crops = Crops(files, settings.crop)
    held = Crops(kept, settings.crop).draw(32, torch.Generator().manual_seed(0))
    teacher = load_teacher(settings.teacher).to(device)
    teacher.set_pooling("average")
    net = perceptual.new_small(generator, teacher.channels()).to(device)
    if settings.warm:
        _start_from(net, settings.warm)
    guides = [layer for layer in GUIDES if layer in teacher.source]
    for layer, channels in teacher.channels(guides).items():
        into = net.conv(layer).out_channels
        net.heads[layer] = nn.Conv2d(into, channels, 1, bias=False, device=device)
    net = net.train()
    teacher = teacher.to(memory_format=torch.channels_last)
    net.heads.requires_grad_(False)
    optimizer = RelativeMuon(net.parameters())
    probes, heads = Probes(crops, generator, device), Heads()
    first = 0
    file = folder / "checkpoint.safetensors"
    if resume:
        first, extra = checkpoint.load(file, net, optimizer.inner, generator, asdict(settings))
        probes.restore(checkpoint.under("probes.", extra))
        heads.restore(checkpoint.under("heads.", extra), device)
    log = folder / "losses.csv"
    started = time.monotonic()
    for step in range(first, settings.steps):
        pace = one_cycle(step, settings.steps)
        fresh = recoloured(crops.draw(settings.batch, generator), generator).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            probes.renew(net)
            x = torch.cat([fresh, probes.x]).contiguous(memory_format=torch.channels_last)
            probe = x[len(fresh) :].requires_grad_(True)
            with torch.no_grad():
                theirs = teacher.features(x, [*LAYERS, *guides])
            mine = net.features(torch.cat([x[: len(fresh)], probe]), [*LAYERS, *guides])
            found = _moments(mine, theirs)
            heads.fit(net, found, max(0.005, 0.05 * pace))
            loss = total(distillation_loss(net, found))
            probes.move({k: v[len(fresh) :] for k, v in mine.items()}, probe, net)
        loss.backward()
        optimizer.step(settings.lr * pace)
        net.zero_grad()
        report(step + 1, {"loss": loss.item()})
        if (step + 1) % checkpoint_every == 0 or step + 1 == settings.steps:
            errors = validate(net, teacher, held.to(device))
            _append(log, step + 1, time.monotonic() - started, loss.item(), errors)
            extra = {f"probes.{k}": v for k, v in probes.state().items()}
            extra |= {f"heads.{k}": v for k, v in heads.state().items()}
            place = generator.get_state()
            checkpoint.save(file, step + 1, net, optimizer.inner, place, extra, asdict(settings))
    for layer in guides:
        del net.heads[layer]
    balance(net, held.to(device))
    return net, validate(net, teacher, held.to(device))


@torch.no_grad()
def balance(net: PerceptualNetwork, x: Tensor) -> None:
    """Scale each convolution's output over (B, 3, H, W) to about 1, and what reads it back.

    The heads follow whatever scale the features drift to, which may be 10^9: without this the heads
    are nothing in float16. What the network gives through its heads stays the same, to the bit
    before rounding, since all factors are powers of two.
    """
    names = list(net.convs)
    for name, after in itertools.zip_longest(names, names[1:]):
        size = net.features(x, [name])[name].square().mean().sqrt()
        factor = 2.0 ** -round(math.log2(max(float(size), 1e-30)))
        net.conv(name).weight.mul_(factor)
        cast(Tensor, net.conv(name).bias).mul_(factor)
        for layer in (name, name.replace("conv", "relu")):
            if layer in net.heads:
                net.head(layer).weight.div_(factor)
        if after:
            net.conv(after).weight.div_(factor)


def _start_from(net: PerceptualNetwork, file: str) -> None:
    """Take over the weights of a file of the same network, or of one with other channels.

    Channels that the file lacks keep their random weights; nothing of it reads them at first, so
    the network gives what a narrower file's gives.
    """
    try:
        theirs = PerceptualNetwork(load_file(file)).state_dict()
        own = net.state_dict()
        if theirs.keys() != own.keys():
            raise KeyError(theirs.keys() ^ own.keys())
        for name, weight in own.items():
            part = theirs[name][tuple(slice(n) for n in weight.shape)]
            if weight.ndim > 1:
                weight[: len(part), part.shape[1] :] = 0
            weight[tuple(slice(n) for n in part.shape)] = part
    except (OSError, SafetensorError, KeyError, RuntimeError):
        raise StyleSwapError(
            f"There are no weights of this network to start from at {file}."
        ) from None


def _moments(mine: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, Moments]:
    """The moments of each layer."""
    return {layer: Moments.of(mine[layer], target) for layer, target in theirs.items()}


def _append(log: Path, step: int, seconds: float, loss: float, errors: dict[str, float]) -> None:
    """One line of the log of losses."""
    new = not log.exists()
    with log.open("a", newline="") as f:
        rows = csv.writer(f)
        if new:
            rows.writerow(["step", "seconds", "loss", *errors])
        rows.writerow(
            [step, f"{seconds:.0f}", f"{loss:.4f}", *(f"{v:.5f}" for v in errors.values())]
        )
