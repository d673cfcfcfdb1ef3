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

Each step pools by average or by maximum, drawn at random, teacher and pupil alike.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from styleswap import losses
from styleswap.nets import perceptual
from styleswap.nets.perceptual import PerceptualNetwork, Pooling
from styleswap.specs import LAYERS
from styleswap.training import checkpoint
from styleswap.training.data import Crops, find_pictures
from styleswap.training.teacher import Teacher, load_teacher

STYLE_LAYERS = tuple(n for n in LAYERS if n.startswith("relu"))
PROBES = 3
PROBE_LIFE = 48  # steps before a probe starts anew
POOLINGS: tuple[Pooling, Pooling] = ("average", "max")


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


def distillation_loss(
    net: PerceptualNetwork, mine: dict[str, Tensor], theirs: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The squared relative errors of each layer, a value for each of the B pictures.

    ``{"relu1_1": (B,), "relu1_1.gram": (B,), ...}``. Both come out of three matrices of second moments, ``f f^T``, ``f F^T`` and ``F F^T``, since
    ``||W f - F||^2 = tr(W f f^T W^T) - 2 tr(W f F^T) + tr(F F^T)``: that is half the work of going
    over the maps of the full-size layers again.
    """
    out: dict[str, Tensor] = {}
    for layer, target in theirs.items():
        w = net.heads[layer].weight.flatten(1).float()
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
        net.heads[layer].weight.copy_(w[:, :, None, None])


class Probes:
    """Pictures under optimisation against the network in training, at staggered ages."""

    def __init__(self, crops: Crops, generator: torch.Generator, device: torch.device) -> None:
        self.crops, self.generator, self.device = crops, generator, device
        self.x = torch.zeros(PROBES, 3, crops.size, crops.size, device=device)
        self.styles: dict[str, Tensor] = {}
        self.age = torch.arange(PROBES) * (PROBE_LIFE // PROBES)
        self.born = False

    @torch.no_grad()
    def renew(self, net: PerceptualNetwork) -> None:
        """Start those anew whose life is over: a picture or noise, and the style of another."""
        for i in range(PROBES):
            if self.born and int(self.age[i]) < PROBE_LIFE:
                continue
            # Two draws of two: the folders take turns, so each pair mixes kinds of pictures.
            start, style = self.crops.draw(2, self.generator).to(self.device)
            u = torch.rand(2, generator=self.generator)
            if u[0] < 0.5:
                start, style = style, start
            if u[1] < 0.25:
                noise = torch.rand(start.shape, generator=self.generator).to(self.device)
                start = 0.75 * style.mean((1, 2), keepdim=True) + 0.25 * noise
            self.x[i] = start
            for layer, f in net.features(style[None], STYLE_LAYERS).items():
                g = net.style_matrix(layer, f)
                if layer not in self.styles:
                    self.styles[layer] = g.repeat(PROBES, 1, 1)
                self.styles[layer][i] = g[0]
            if self.born:
                self.age[i] = 0
        self.born = True

    def move(self, found: dict[str, Tensor], x: Tensor, net: PerceptualNetwork) -> None:
        """One step of steepest descent of the style loss, of fixed size that shrinks with age."""
        loss = x.new_zeros(())
        for layer, target in self.styles.items():
            loss = loss + losses.relative_error(net.style_matrix(layer, found[layer]), target)
        (slope,) = torch.autograd.grad(loss, x, retain_graph=True)
        size = 0.04 * (1 - self.age / PROBE_LIFE).to(self.device).view(-1, 1, 1, 1)
        rms = slope.square().mean((1, 2, 3), keepdim=True).sqrt() + 1e-12
        self.x = (x.detach() - size * slope / rms).clamp(0, 1)
        self.age += 1

    def state(self) -> dict[str, Tensor]:
        return {"x": self.x, "age": self.age, **{f"style.{k}": v for k, v in self.styles.items()}}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.x, self.age = state["x"].to(self.device), state["age"]
        self.styles = {
            k.removeprefix("style."): v.to(self.device)
            for k, v in state.items()
            if k.startswith("style.")
        }
        self.born = True


@torch.no_grad()
def validate(net: PerceptualNetwork, teacher: Teacher, x: Tensor) -> dict[str, float]:
    """`distillation_loss` over held-out crops, both poolings averaged."""
    sums: dict[str, float] = {}
    for pooling in POOLINGS:
        net.pooling = pooling
        teacher.set_pooling(pooling)
        for chunk in x.split(8):
            with torch.autocast(x.device.type, torch.bfloat16):
                mine, theirs = net.features(chunk, LAYERS), teacher.features(chunk)
            parts = distillation_loss(net, mine, theirs)
            for k, v in parts.items():
                sums[k] = sums.get(k, 0.0) + float(v.sum()) / (len(x) * len(POOLINGS))
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
    net = perceptual.new_small(generator, teacher.channels).to(device)
    net = net.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    teacher = teacher.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if not resume:
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
        net.pooling = POOLINGS[int(torch.randint(2, (), generator=generator))]
        teacher.set_pooling(net.pooling)
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


def _size(weight: Tensor) -> float:
    """The root mean square of a weight at the start; of the weights' usual 0.05 for zeroed biases."""
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
