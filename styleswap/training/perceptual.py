"""Training of the small perceptual network: distillation from VGG-19.

The idea of measuring an imitation through linear maps is Collaborative Distillation's (Wang et al.,
CVPR 2020); the network, the losses and the probes below are ours. At each layer l, with W_l the
head, f the small network's and F the teacher's features:

    ||W_l f - F||^2 / ||F||^2  +  ||W_l G(f) W_l^T - G(F)|| / ||G(F)||

The second is not squared: a flat picture's Gram matrix has next to no energy to be relative to, and
squared it would drown the others.

Half of what it is shown are crops of pictures. The rest are *probes*: pictures in the middle of
being optimised against the small network itself, as `styleswap.methods.gatys` will do. There an
imitation errs most, since the optimiser seeks out what it gets wrong.

Teacher and pupil pool by average, which is how pictures are optimised against either.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from styleswap import losses
from styleswap.errors import StyleSwapError
from styleswap.nets import perceptual
from styleswap.nets.perceptual import PerceptualNetwork
from styleswap.specs import LAYERS, STYLE_LAYERS
from styleswap.training import checkpoint
from styleswap.training.data import Crops, find_pictures
from styleswap.training.teacher import Teacher, load_teacher

PROBES = 4
PROBE_LIFE = 120  # steps at most before a probe starts anew
PROBE_RATE = 0.02


@dataclass(frozen=True)
class Settings:
    """What a run is determined by: the same settings give the same weights."""

    teacher: str
    pictures: tuple[str, ...]
    steps: int
    batch: int
    crop: int
    lr: float
    seed: int
    warm: str | None = None


def distillation_loss(
    net: PerceptualNetwork, mine: dict[str, Tensor], theirs: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The squared relative errors of each layer, a value for each of the B pictures.

    ``{"relu1_1": (B,), "relu1_1.gram": (B,), ...}``. Both kinds come out of three matrices of
    second moments, ``f f^T``, ``f F^T`` and ``F F^T``, since ``||W f - F||^2 = tr(W f f^T W^T) -
    2 tr(W f F^T) + tr(F F^T)``: half the work of going over the maps of the largest layers again.
    """
    out: dict[str, Tensor] = {}
    for layer, target in theirs.items():
        w = net.head(layer).weight.flatten(1).float()
        with torch.autocast(w.device.type, enabled=False):
            f, t = mine[layer].flatten(2).float(), target.flatten(2).float()
            n = f.shape[2]
            mapped = w @ (f @ f.mT / n) @ w.mT
            truth = t @ t.mT / n
            cross = (w @ (f @ t.mT / n)).diagonal(dim1=1, dim2=2).sum(1)
            energy = truth.diagonal(dim1=1, dim2=2).sum(1)
            missed = mapped.diagonal(dim1=1, dim2=2).sum(1) - 2 * cross + energy
            out[layer] = missed / (energy + 1e-8)
            if layer in STYLE_LAYERS:
                out[f"{layer}.gram"] = losses.relative_errors(mapped, truth)
    return out


def total(parts: dict[str, Tensor]) -> Tensor:
    """The training loss of `distillation_loss`'s parts: a scalar."""
    each = [(v + 1e-6).sqrt() if k.endswith(".gram") else v for k, v in parts.items()]
    return torch.stack(each).sum(0).mean()


@torch.no_grad()
def fit_heads(net: PerceptualNetwork, teacher: Teacher, x: Tensor) -> None:
    """Set each head to the least-squares map from the network's features to the teacher's.

    A start that gradient steps would take hundreds to reach, since the scales of the layers differ.

    Args:
        x: (B, 3, H, W) pictures to fit on.
    """
    theirs = teacher.features(x)
    for layer, f in net.features(x, LAYERS).items():
        a, b = f.transpose(0, 1).flatten(1), theirs[layer].transpose(0, 1).flatten(1)
        gram = a @ a.mT
        ridge = 1e-2 * gram.diagonal().mean() * torch.eye(len(gram), device=x.device)
        w = torch.linalg.solve(gram + ridge, a @ b.mT).mT
        net.head(layer).weight.copy_(w[:, :, None, None])


class Probes:
    """Pictures under optimisation against the network in training, by Adam, at staggered ages."""

    def __init__(self, crops: Crops, generator: torch.Generator, device: torch.device) -> None:
        self.crops, self.generator, self.device = crops, generator, device
        shape = (PROBES, 3, crops.size, crops.size)
        self.x, self.mean, self.square = (torch.zeros(shape, device=device) for _ in range(3))
        self.styles: dict[str, Tensor] = {}
        # As if at the end of lives of different lengths: they do not all start anew at once.
        self.age = torch.full((PROBES,), PROBE_LIFE)
        self.end = torch.full((PROBES,), PROBE_LIFE)

    @torch.no_grad()
    def renew(self, net: PerceptualNetwork) -> None:
        """Start those anew whose life is over: a picture or noise, and the style of another."""
        for i in range(PROBES):
            if int(self.age[i]) < int(self.end[i]):
                continue
            # Two draws of two: the folders take turns, so each pair mixes kinds of pictures.
            start, style = self.crops.draw(2, self.generator).to(self.device)
            u = torch.rand(3, generator=self.generator)
            if u[0] < 0.3:
                start, style = style, start
            if u[1] < 0.15:
                noise = torch.rand(start.shape, generator=self.generator).to(self.device)
                start = 0.5 * style.mean((1, 2), keepdim=True) + 0.5 * noise
            self.x[i], self.mean[i], self.square[i] = start, 0.0, 0.0
            self.age[i] = 0
            self.end[i] = int(PROBE_LIFE * (0.2 + 0.8 * u[2]))
            for layer, f in net.features(style[None], STYLE_LAYERS).items():
                g = net.style_matrix(layer, f)
                if layer not in self.styles:
                    self.styles[layer] = g.repeat(PROBES, 1, 1)
                self.styles[layer][i] = g[0]

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
        own = {k: getattr(self, k) for k in ("x", "mean", "square", "age", "end")}
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
        for k, v in distillation_loss(net, mine, theirs).items():
            sums[k] = sums.get(k, 0.0) + float(v.sum()) / len(x)
    return sums


def train(
    settings: Settings,
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
    groups = [find_pictures(Path(p)) for p in settings.pictures]
    crops = Crops([fresh for fresh, _ in groups], settings.crop)
    held = Crops([held for _, held in groups], settings.crop).draw(
        32, torch.Generator().manual_seed(0)
    )
    teacher = load_teacher(settings.teacher).to(device)
    teacher.set_pooling("average")
    net = perceptual.new_small(generator, teacher.channels).to(device)
    if settings.warm:
        _start_from(net, settings.warm)
    net = net.train().to(memory_format=torch.channels_last)
    teacher = teacher.to(memory_format=torch.channels_last)
    # Also when resuming: the rates are relative to the weights that a run begins with.
    if not settings.warm:
        fit_heads(net, teacher, crops.draw(32, generator).to(device))
    # Adam moves each weight by about the rate: it is relative to the size of the layer's weights.
    optimizer = torch.optim.Adam(
        [{"params": [p], "scale": _size(p)} for p in net.parameters()], betas=(0.9, 0.99)
    )
    probes = Probes(crops, generator, device)
    first = 0
    file = folder / "checkpoint.safetensors"
    if resume:
        first, extra = checkpoint.load(file, net, optimizer, generator, asdict(settings))
        probes.restore(extra)
    log = folder / "losses.csv"
    started = time.monotonic()
    for step in range(first, settings.steps):
        # One cycle: up over a twentieth of the run, then down a cosine to nothing.
        progress = (step + 1) / settings.steps
        rise = min(1.0, progress / 0.05)
        fall = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * progress))).item()
        for group in optimizer.param_groups:
            group["lr"] = settings.lr * rise * fall * group["scale"]
        fresh = crops.draw(settings.batch, generator).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            probes.renew(net)
            x = torch.cat([fresh, probes.x]).contiguous(memory_format=torch.channels_last)
            probe = x[len(fresh) :].requires_grad_(True)
            with torch.no_grad():
                theirs = teacher.features(x)
            mine = net.features(torch.cat([x[: len(fresh)], probe]), LAYERS)
            parts = distillation_loss(net, mine, theirs)
            loss = total(parts)
            probes.move({k: v[len(fresh) :] for k, v in mine.items()}, probe, net)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        report(step + 1, {"loss": loss.item()})
        if (step + 1) % checkpoint_every == 0 or step + 1 == settings.steps:
            errors = validate(net, teacher, held.to(device))
            _append(log, step + 1, time.monotonic() - started, loss.item(), errors)
            checkpoint.save(
                file, step + 1, net, optimizer, generator, probes.state(), asdict(settings)
            )
    return net, validate(net, teacher, held.to(device))


def _start_from(net: PerceptualNetwork, file: str) -> None:
    """Take over the weights of a file of the same network."""
    try:
        tensors = {k: v.float() for k, v in load_file(file).items()}
        net.load_state_dict(PerceptualNetwork(tensors).state_dict())
    except (OSError, SafetensorError, KeyError, RuntimeError):
        raise StyleSwapError(
            f"There are no weights of this network to start from at {file}."
        ) from None


def _size(weight: Tensor) -> float:
    """The root mean square of a weight at the start; 0.05, the usual, for zeroed biases."""
    return float(weight.detach().square().mean().sqrt()) or 0.05


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
