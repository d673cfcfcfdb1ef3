"""How soon is a new style as good as one that was fully trained?

Trains one painting twice: for a short run from the weights of another style, of smaller batches and
so more steps in its time; and as `styleswap train style` does by default, from random weights. All
other settings are the same. Compares the style distances of held-out photographs and draws their
courses over time.

    python benchmarks/train.py PAINTING --photos DIR --from starry-night

The full run is the same each time: `--full-style` takes what it gave once, and leaves it out.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path

from common import machine
from matplotlib.figure import Figure
from tqdm import tqdm

from styleswap import weights
from styleswap.training.settings import StyleSettings
from styleswap.training.style import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("painting")
    parser.add_argument("--photos", required=True)
    parser.add_argument("--from", dest="warm", default="starry-night")
    parser.add_argument("--short", type=int, default=2600, help="steps of the short run")
    parser.add_argument("--short-batch", type=int, default=2)
    parser.add_argument("--full", type=int, default=StyleSettings.steps, help="steps")
    parser.add_argument("--full-style", type=float, help="what the full run gave before")
    parser.add_argument("--balance", type=float, default=StyleSettings.balance)
    parser.add_argument("--plot", type=Path, default=Path(__file__).with_name("train.png"))
    args = parser.parse_args()
    print(machine())
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="minutes", ylabel="style distance, held out", yscale="log")
    runs: dict[str, tuple[int, int, str | None]] = {
        "short": (args.short, args.short_batch, args.warm)
    }
    if args.full_style is None:
        runs["full"] = (args.full, StyleSettings.batch, None)
    ends = {"full": args.full_style}
    for name, (steps, batch, start) in runs.items():
        settings = StyleSettings(
            painting=args.painting,
            photos=(args.photos,),
            steps=steps,
            batch=batch,
            balance=args.balance,
            warm=start,
        )
        with tempfile.TemporaryDirectory() as folder, tqdm(total=steps, disable=None) as bar:
            began = time.perf_counter()
            _, found = train(
                settings,
                Path(folder),
                warm=weights.load_style(start) if start else None,
                checkpoint_every=100,
                resume=False,
                report=lambda step, losses, bar=bar: bar.update(step - bar.n),
            )
            seconds = time.perf_counter() - began
            with (Path(folder) / "losses.csv").open(newline="") as f:
                rows = [row for row in csv.DictReader(f) if row["held_out_style"]]
        axes.plot(
            [float(row["seconds"]) / 60 for row in rows],
            [float(row["held_out_style"]) for row in rows],
            "o-",
            label=f"{name}, {steps} steps of {batch}",
        )
        ends[name] = found["style"]
        print(
            f"{name}, {steps} steps of {batch}: {seconds:.0f} s, style {found['style']:.4f},"
            f" content {found['content']:.3f}",
            flush=True,
        )
    axes.axhline(ends["full"], color="grey", linestyle=":", label="the full run's end")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(args.plot, dpi=100)
    print(f"short / full: {ends['short'] / ends['full']:.2f}")


if __name__ == "__main__":
    main()
