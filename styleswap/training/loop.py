"""The loop of training, and its log: what every network trained against `small` shares.

It is Hugging Face accelerate's: under ``accelerate launch`` each process takes its share of every
batch, and the weights come out as from one process, up to the order of sums.
"""

from __future__ import annotations

import csv
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from accelerate import Accelerator, PartialState
from PIL import Image
from torch import Tensor, nn

from styleswap.errors import StyleSwapError
from styleswap.training import checkpoint
from styleswap.training.optim import RelativeMuon, one_cycle
from styleswap.training.recorded import Recorded

LOG_EVERY = 10  # steps whose mean is a line of the log
GRID = 5000.0  # weight of `ops.grid` in the loss of what enlarges features
Report = Callable[[int, dict[str, float]], None]
Net = TypeVar("Net", bound=nn.Module)


class RunSettings(Protocol):
    """What the loop reads of a run's settings, a dataclass of `training.settings`."""

    @property
    def steps(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def lr(self) -> float: ...
    @property
    def seed(self) -> int: ...


class Task(Protocol):
    """What is trained: the loop's other half."""

    plotted: tuple[str, ...]  # the losses whose course is drawn; `validate` gives them too
    recordable: bool  # whether `losses` is fit for `Recorded`

    def draw(self, generator: torch.Generator, step: int) -> tuple[Tensor, ...]:
        """The whole batch of a step, its pictures along the first axis of each tensor."""
        ...

    def losses(self, net: nn.Module, *batch: Tensor) -> dict[str, Tensor]:
        """Means over the part of the batch that is given; ``total`` is what is minimised."""
        ...

    def after(self, found: Mapping[str, float]) -> None:
        """Look at a step's losses, of all processes."""
        ...

    def validate(self, net: nn.Module) -> dict[str, float]:
        """Figures of held-out pictures, for the log and the manifest."""
        ...

    def sheet(self, net: nn.Module) -> Image.Image:
        """Held-out pictures and what becomes of them."""
        ...

    def state(self) -> dict[str, Tensor]:
        """What `after` changed, for the checkpoint."""
        ...

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        ...


def is_main_process() -> bool:
    """Whether this is the process that reports and writes, of those that train together."""
    return bool(PartialState(cpu=not torch.cuda.is_available()).is_main_process)


def fit(
    settings: RunSettings,
    make: Callable[[torch.Generator, torch.device], tuple[Net, Task]],
    folder: Path,
    *,
    checkpoint_every: int,
    resume: bool,
    report: Report,
) -> tuple[Net, dict[str, float]]:
    """Train a network; returns it with its last figures of held-out pictures.

    Args:
        settings: what the result depends on.
        make: gives the network, its random weights drawn from the generator, and the task.
        folder: where ``checkpoint.safetensors``, ``losses.csv``, ``losses.png`` and
            ``step-N.jpg``, a sheet of previews, go.
        checkpoint_every: steps between checkpoints, each with a validation and a sheet of previews.
        resume: carry on from the checkpoint in `folder`; the weights come out as if the run had
            never stopped.
        report: called by the main process after each step with its number and its losses.

    Raises:
        StyleSwapError: no checkpoint, or a batch that the processes cannot share.
    """
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    share, rank = accelerator.num_processes, accelerator.process_index
    if settings.batch % share:
        raise StyleSwapError(
            f"A batch of {settings.batch} cannot be shared by {share} processes; give a multiple."
        )
    device = accelerator.device
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(settings.seed)
    net, task = make(generator, device)
    # Before the optimiser, whose rows are the memory of the weights: this may move them.
    shared = accelerator.prepare(net.to(device))
    optimizer = RelativeMuon(net.parameters())
    kept: dict[str, Any] = asdict(settings)  # type: ignore[call-overload]
    first = 0
    file = folder / "checkpoint.safetensors"
    if resume:
        first, state = checkpoint.load(file, net, optimizer.inner, generator, kept)
        task.restore(state)
    log = Log(folder, first, task.plotted)

    def work(batch: Sequence[Tensor]) -> Tensor:
        """Gradients of a batch; returns its losses, in `names`' order."""
        parts = task.losses(shared, *batch)
        accelerator.backward(parts["total"])
        names[:] = parts
        return torch.stack([v.detach() for v in parts.values()])

    def drawn(step: int) -> list[Tensor]:
        """This process's share of a step's batch."""
        # Every process draws the whole batch, so that all stay at the same place of the sequence.
        batch = task.draw(generator, step) if step < settings.steps else ()
        return [part[rank::share].to(device, non_blocking=True) for part in batch]

    names: list[str] = []
    recorded = device.type == "cuda" and share == 1 and task.recordable
    run = Recorded(work, net) if recorded else work
    batch = drawn(first)
    for step in range(first, settings.steps):
        values = run(batch)
        optimizer.step(settings.lr * one_cycle(step, settings.steps))
        if not recorded:
            net.zero_grad()
        # While a GPU is still at work; a run that is resumed draws it again.
        place = generator.get_state()
        batch = drawn(step + 1)
        found = dict(zip(names, accelerator.reduce(values, "mean").tolist(), strict=True))
        task.after(found)
        if not accelerator.is_main_process:
            continue
        report(step + 1, found)
        due = (step + 1) % checkpoint_every == 0 or step + 1 == settings.steps
        log.add(step + 1, found, task.validate(net) if due else {})
        if due:
            log.plot()
            task.sheet(net).save(folder / f"step-{step + 1:05d}.jpg", quality=90)
            checkpoint.save(file, step + 1, net, optimizer.inner, place, task.state(), kept)
    return net, task.validate(net)


class Log:
    """``losses.csv``: the mean losses of every few steps, and those of held-out photographs.

    Args:
        folder: where it lies; what an earlier run wrote there is kept up to step `first`.
        plotted: the losses that held-out pictures have too, and that `plot` draws.
    """

    def __init__(self, folder: Path, first: int, plotted: tuple[str, ...]) -> None:
        self.plotted = plotted
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
        row |= {f"held_out_{k}": f"{held[k]:.5f}" if held else "" for k in self.plotted}
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
        for i, name in enumerate(self.plotted):
            for kind, mark in (("", "-"), ("held_out_", "o")):
                points = [
                    (int(row["step"]), float(row[kind + name]))
                    for row in self.rows
                    if row[kind + name]
                ]
                label = f"{name}{', held out' if kind else ''}"
                axes.plot(*zip(*points, strict=True), mark, color=f"C{i}", label=label)
        axes.legend()
        axes.grid(alpha=0.3)
        figure.savefig(self.picture, dpi=100)
