"""How soon is a new style as good as one that was trained for long?

Trains one painting twice from the weights of another style: for a short run, of smaller batches and
so more steps in its time, and for a long one; both with the same settings but for these. Compares
the style distances of held-out photographs and draws their courses over time.

    python benchmarks/train.py PAINTING --photos DIR --from starry-night

The long run is the same each time: `--long-style` takes what it gave once, and leaves it out.
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
    parser.add_argument("--long", type=int, default=3000, help="steps of the long run")
    parser.add_argument("--long-style", type=float, help="what the long run gave before")
    parser.add_argument("--balance", type=float, default=StyleSettings.balance)
    parser.add_argument("--plot", type=Path, default=Path(__file__).with_name("train.png"))
    args = parser.parse_args()
    print(machine())
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="minutes", ylabel="style distance, held out", yscale="log")
    runs = {"short": (args.short, args.short_batch)}
    if args.long_style is None:
        runs["long"] = (args.long, StyleSettings.batch)
    ends = {"long": args.long_style}
    for name, (steps, batch) in runs.items():
        settings = StyleSettings(
            painting=args.painting,
            photos=(args.photos,),
            steps=steps,
            batch=batch,
            balance=args.balance,
            warm=args.warm,
        )
        with tempfile.TemporaryDirectory() as folder, tqdm(total=steps, disable=None) as bar:
            began = time.perf_counter()
            _, found = train(
                settings,
                Path(folder),
                warm=weights.load_style(args.warm),
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
            label=f"{steps} steps of {batch}",
        )
        ends[name] = found["style"]
        print(
            f"{name}, {steps} steps of {batch}: {seconds:.0f} s, style {found['style']:.4f},"
            f" content {found['content']:.3f}",
            flush=True,
        )
    axes.axhline(ends["long"], color="grey", linestyle=":", label="the long run's end")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(args.plot, dpi=100)
    print(f"short / long: {ends['short'] / ends['long']:.2f}")


if __name__ == "__main__":
    main()
