"""Training of one style: Johnson et al. 2016, section 3.

Minimises, over photographs c, with y = f(c) and s the painting,

    content * ||conv4_2(y) - conv4_2(c)||^2 / ||conv4_2(c)||^2
    + style * sum_l ||G_l(y) - G_l(s)||^2 / ||G_l(s)||^2  +  tv * TV(y)

Departures from the paper: the losses are relative to their targets' energy; l runs from relu1_1 to
relu5_1, as in Gatys et al.; Muon in place of Adam, with a one-cycle rate. The style's weight is
steered while training, so that every style leaves about as much of the photograph: at one weight
for all, paintings of strong contrasts bury it and pale ones hardly show.

The loop is Hugging Face accelerate's: under ``accelerate launch`` each process takes its share of
every batch, and the weights come out as from one process, up to the order of sums.
"""

from __future__ import annotations

import csv
import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from accelerate import Accelerator, PartialState
from PIL import Image
from torch import Tensor

from styleswap import media, metrics, ops, tensors
from styleswap.errors import StyleSwapError
from styleswap.losses import Perceptual, PerceptualLoss
from styleswap.nets import perceptual
from styleswap.nets.transformer import TransformerNetwork, new_transformer
from styleswap.specs import STYLE_LAYERS
from styleswap.training import checkpoint
from styleswap.training.data import Crops, find_pictures
from styleswap.training.optim import RelativeMuon, one_cycle
from styleswap.training.settings import StyleSettings
from styleswap.training.teacher import load_teacher

HELD_OUT = 8  # photographs that validation and the sheets of previews take
CARD_SIDE = 320  # longer side of the picture that shows a style
LOG_EVERY = 10  # steps whose mean is a line of the log
# The style's weight grows by at most so much a step, and stays within so many times what it was.
STEER = 0.02
REACH = 10.0


def is_main_process() -> bool:
    """Whether this is the process that reports and writes, of those that train together."""
    return bool(PartialState(cpu=not torch.cuda.is_available()).is_main_process)


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


class Objective:
    """The loss of a batch, and the distances that validation reports."""

    def __init__(self, settings: StyleSettings, device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.style_weight = settings.style
        self.net, module = load_perceptual(settings.perceptual)
        module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.painting = open_painting(Path(settings.painting), settings.style_size).to(device)
        self.losses = PerceptualLoss(self.net, {"conv4_2": 1.0}, dict.fromkeys(STYLE_LAYERS, 1.0))
        with torch.autocast(device.type, torch.bfloat16):
            self.losses.set_style([(self.painting, 1.0)])

    def __call__(self, y: Tensor, photo: Tensor) -> dict[str, Tensor]:
        """``content``, ``style``, ``tv`` and their weighted sum ``total``, means over the batch."""
        s = self.settings
        self.losses.set_content(photo)
        content, style = self.losses(y.contiguous(memory_format=torch.channels_last))
        tv = ops.total_variation(y)
        total = s.content * content + self.style_weight * style + s.tv * tv
        return {"total": total, "content": content, "style": style, "tv": tv}

    def steer(self, content: float) -> None:
        """Move the style's weight towards where the content's distance is `balance`."""
        s = self.settings
        if s.balance:
            pull = max(-1.0, min(1.0, (s.balance - content) / s.balance))
            weight = self.style_weight * math.exp(STEER * pull)
            self.style_weight = max(s.style / REACH, min(s.style * REACH, weight))

    def validate(self, net: TransformerNetwork, photos: Tensor) -> dict[str, float]:
        """The distances of held-out photographs, averaged; ``style`` relative to untouched ones."""
        sums = {"content": 0.0, "style": 0.0, "plain": 0.0}
        for photo in photos.to(self.device).split(1):
            with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16):
                y = net(photo)
                sums["content"] += metrics.content_distance(self.net, y, photo)
                for name, x in (("style", y), ("plain", photo)):
                    distance = metrics.style_distance(self.net, x, self.painting)
                    sums[name] += sum(distance.values())
        n = len(photos)
        return {"content": sums["content"] / n, "style": sums["style"] / sums["plain"]}


def train(
    settings: StyleSettings,
    folder: Path,
    *,
    warm: dict[str, Tensor] | None,
    checkpoint_every: int,
    resume: bool,
    report: Callable[[int, dict[str, float]], None],
) -> tuple[TransformerNetwork, dict[str, float]]:
    """Train a transformer network; returns it with its distances on held-out photographs and the
    style's last weight.

    Args:
        settings: what the result depends on.
        folder: where ``checkpoint.safetensors``, ``losses.csv``, ``losses.png`` and
            ``step-N.jpg``, a sheet of previews, go.
        warm: the weights to start from; None for random ones.
        checkpoint_every: steps between checkpoints, each with a validation and a sheet of previews.
        resume: carry on from the checkpoint in `folder`; the weights come out as if the run had
            never stopped.
        report: called by the main process after each step with its number and its losses.

    Raises:
        StyleSwapError: folders without pictures, a style that cannot be read, weights that are
            missing, no checkpoint, a batch that the processes cannot share.
    """
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    share, rank = accelerator.num_processes, accelerator.process_index
    if settings.batch % share:
        raise StyleSwapError(
            f"A batch of {settings.batch} cannot be shared by {share} processes; give a multiple."
        )
    device = accelerator.device
    folder.mkdir(parents=True, exist_ok=True)
    groups = [find_pictures(Path(p)) for p in settings.photos]
    crops = Crops([fresh for fresh, _ in groups], settings.crop)
    held = Crops([held for _, held in groups], settings.crop).draw(
        HELD_OUT, torch.Generator().manual_seed(0)
    )
    generator = torch.Generator().manual_seed(settings.seed)
    objective = Objective(settings, device)
    net = new_transformer(generator, settings.width)
    if warm is not None:
        net = TransformerNetwork.from_weights(warm)
    # Before the optimiser, whose rows are the memory of the weights: this may move them.
    shared = accelerator.prepare(net.to(device))
    optimizer = RelativeMuon(net.parameters())
    first = 0
    file = folder / "checkpoint.safetensors"
    if resume:
        first, extra = checkpoint.load(file, net, optimizer.inner, generator, asdict(settings))
        objective.style_weight = extra["style_weight"].item()
    log = Log(folder, first)
    for step in range(first, settings.steps):
        # Every process draws the whole batch, so that all stay at the same place of the sequence.
        photo = crops.draw(settings.batch, generator)[rank::share].to(device)
        photo = photo.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            parts = objective(shared(photo), photo)
        accelerator.backward(parts["total"])
        optimizer.step(settings.lr * one_cycle(step, settings.steps))
        losses = accelerator.reduce({k: v.detach() for k, v in parts.items()}, "mean")
        found = {k: v.item() for k, v in losses.items()} | {"weight": objective.style_weight}
        objective.steer(found["content"])
        if not accelerator.is_main_process:
            continue
        report(step + 1, found)
        due = (step + 1) % checkpoint_every == 0 or step + 1 == settings.steps
        log.add(step + 1, found, objective.validate(net, held) if due else {})
        if due:
            log.plot()
            _sheet(net, held.to(device)).save(folder / f"step-{step + 1:05d}.jpg", quality=90)
            extra = {"style_weight": torch.tensor(objective.style_weight, dtype=torch.float64)}
            checkpoint.save(
                file, step + 1, net, optimizer.inner, generator, extra, asdict(settings)
            )
    return net, objective.validate(net, held) | {"weight": objective.style_weight}


@torch.no_grad()
def repaint(net: TransformerNetwork, picture: Image.Image) -> Image.Image:
    """An RGB picture in the trained style."""
    device = next(net.parameters()).device
    return tensors.to_pil(net(tensors.from_pil(picture).to(device)))


@torch.no_grad()
def _sheet(net: TransformerNetwork, photos: Tensor) -> Image.Image:
    """Photographs above what becomes of them."""
    made = torch.cat([net(photo) for photo in photos.split(1)])
    rows = [torch.cat(list(row), 2) for row in (photos, made)]
    return tensors.to_pil(torch.cat(rows, 1)[None])


class Log:
    """``losses.csv``: the mean losses of every few steps, and those of held-out photographs.

    Args:
        folder: where it lies; what an earlier run wrote there is kept up to step `first`.
    """

    def __init__(self, folder: Path, first: int) -> None:
        self.file, self.picture = folder / "losses.csv", folder / "losses.png"
        self.began = time.monotonic()
        self.recent: list[Mapping[str, float]] = []
        self.rows: list[dict[str, str]] = []
        if first and self.file.exists():
            with self.file.open(newline="") as f:
                self.rows = [row for row in csv.DictReader(f) if int(row["step"]) <= first]
        if self.rows:
            self.began -= float(self.rows[-1]["seconds"])

    def add(self, step: int, losses: Mapping[str, float], held: Mapping[str, float]) -> None:
        """Take a step's losses, and what was found on held-out photographs after it, if anything.

        Writes a line after every few steps, and after each with `held`.
        """
        self.recent.append(losses)
        if not held and step % LOG_EVERY:
            return
        means = {k: statistics.fmean(r[k] for r in self.recent) for k in losses}
        self.recent = []
        row = {"step": str(step), "seconds": f"{time.monotonic() - self.began:.0f}"}
        row |= {k: f"{v:.5f}" for k, v in means.items()}
        row |= {f"held_out_{k}": f"{held[k]:.5f}" if held else "" for k in ("content", "style")}
        self.rows.append(row)
        part = self.file.with_suffix(".part")
        with part.open("w", newline="") as f:
            out = csv.DictWriter(f, list(row))
            out.writeheader()
            out.writerows(self.rows)
        part.replace(self.file)

    def plot(self) -> None:
        """Draw ``losses.png``."""
        # pyplot keeps every figure that it made; this one goes with its variable.
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.add_subplot(xlabel="step", yscale="log", title=str(self.file.parent.name))
        for name, colour in (("content", "tab:blue"), ("style", "tab:orange")):
            for kind, mark in (("", "-"), ("held_out_", "o")):
                points = [
                    (int(row["step"]), float(row[kind + name]))
                    for row in self.rows
                    if row[kind + name]
                ]
                label = f"{name}{', held out' if kind else ''}"
                axes.plot(*zip(*points, strict=True), mark, color=colour, label=label)
        axes.legend()
        axes.grid(alpha=0.3)
        figure.savefig(self.picture, dpi=100)
