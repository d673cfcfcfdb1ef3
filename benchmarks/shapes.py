"""Which shape shall the transformer network have?

Trains each of a handful of shapes alike on styles, and prints what held-out photographs come to:
style distance as a share of the untouched photograph's, content distance, how much of the result
repeats every 2 and every 4 pixels (its grid, in 1/255), and the milliseconds of a frame by OpenVINO
as its converter writes it down (random weights, bfloat16 where that is native).

    python benchmarks/shapes.py STYLE... --photos DIR [--steps N] [--only NAME...] [--sheet DIR]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from common import machine
from torch import Tensor, nn

from styleswap.nets.transformer import Layer, Residual, TransformerNetwork, cut, padded
from styleswap.training.loop import fit
from styleswap.training.settings import StyleSettings
from styleswap.training.style import StyleTask

FRAME = (480, 640)
FRAMES = 12


class Shape(nn.Module):
    """A transformer network of some shape.

    Args:
        down: layers before the residual blocks, each a rectifier behind it.
        width: channels of the blocks.
        inner: channels inside of them.
        blocks: how many there are.
        up: layers behind them, each after doubling.
        last: the last convolution; it gives blocks of 1, 2 x 2 or 4 x 4 pixels.
    """

    def __init__(
        self, down: list[Layer], width: int, inner: int, blocks: int, up: list[Layer], last: Layer
    ) -> None:
        super().__init__()
        self.down, self.up, self.last = nn.ModuleList(down), nn.ModuleList(up), last
        self.blocks = nn.Sequential(*(Residual(width, inner) for _ in range(blocks)))
        self.factor = round((last.conv.out_channels / 3) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Repaint (B, 3, H, W) in [0, 1]."""
        y = TransformerNetwork.scaled(padded(x))
        for part in self.down:
            y = F.relu(part(y))
        y = self.blocks(y)
        for part in self.up:
            y = F.relu(part(F.interpolate(y, scale_factor=2, mode="nearest")))
        y = torch.sigmoid(F.pixel_shuffle(self.last(y).float(), self.factor))
        return cut(y, x)


class Quarter(Shape):
    """Doubled by pixel shuffle too: no layer of more than a quarter of the picture's sides."""

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.down[0](TransformerNetwork.scaled(padded(x))))
        y = F.relu(F.pixel_shuffle(self.up[0](self.blocks(y)), 2))
        return cut(torch.sigmoid(F.pixel_shuffle(self.last(y).float(), 2)), x)


def stem(width: int = 64) -> list[Layer]:
    return [Layer(3, width, 12, stride=4)]


def head(width: int, side: int) -> Layer:
    return Layer(width, 12, side, norm=False)


SHAPES: dict[str, Callable[[], nn.Module]] = {
    "full size: 16, 32, 64": lambda: Shape(
        [Layer(3, 16, 9), Layer(16, 32, 3, 2), Layer(32, 64, 3, 2)],
        64,
        64,
        5,
        [Layer(64, 32, 3), Layer(32, 16, 3)],
        Layer(16, 3, 9, norm=False),
    ),
    "half size: 32, 64": lambda: Shape(
        [Layer(3, 32, 10, stride=2), Layer(32, 64, 3, 2)],
        64,
        64,
        5,
        [Layer(64, 32, 3)],
        head(32, 5),
    ),
    "quarter in, half out": lambda: Shape(stem(), 64, 64, 5, [Layer(64, 32, 3)], head(32, 5)),
    "the same, 48 inside": lambda: Shape(stem(), 64, 48, 5, [Layer(64, 32, 3)], head(32, 5)),
    "the same, 4 of 48": lambda: Shape(stem(), 64, 48, 4, [Layer(64, 32, 3)], head(32, 5)),
    "48 throughout": lambda: Shape(stem(48), 48, 48, 5, [Layer(48, 32, 3)], head(32, 5)),
    "quarter size": lambda: Quarter(
        stem(), 64, 64, 5, [Layer(64, 128, 3, norm=False)], head(32, 3)
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("styles", nargs="+", type=Path)
    parser.add_argument("--photos", required=True)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--crop", type=int, default=224)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="names of shapes, or their beginnings")
    parser.add_argument("--sheet", type=Path, help="folder for what each makes of photographs")
    parser.add_argument("--no-speed", action="store_true")
    args = parser.parse_args()
    print(machine())
    for name, make in SHAPES.items():
        if args.only and not any(name.startswith(one) for one in args.only):
            continue
        weights = sum(p.numel() for p in make().parameters())
        speed = "" if args.no_speed else f"{milliseconds(make()):7.1f} ms"
        print(f"{name:24}{weights / 1e6:6.2f} M{speed}", end="", flush=True)
        for style in args.styles:
            settings = StyleSettings(
                str(style), (args.photos,), steps=args.steps, crop=args.crop, seed=args.seed
            )
            print(f"  | {style.stem}: {trained(settings, make, name, args.sheet)}", end="")
        print(flush=True)


def trained(
    settings: StyleSettings, make: Callable[[], nn.Module], name: str, sheet: Path | None
) -> str:
    """Figures of a network of one shape after training."""

    def begin(generator: torch.Generator, device: torch.device) -> tuple[nn.Module, StyleTask]:
        task, net = StyleTask(settings, device), make()
        with torch.no_grad():
            for p in net.parameters():
                if p.ndim == 4:
                    p.copy_(torch.randn(p.shape, generator=generator) * (2 / p[0].numel()) ** 0.5)
            net.last.conv.weight.mul_(0.2)
            net.last.conv.bias.zero_()
        tasks.append(task)
        return net, task

    tasks: list[StyleTask] = []
    with tempfile.TemporaryDirectory() as folder:
        net, found = fit(
            settings,
            begin,
            Path(folder),
            checkpoint_every=settings.steps + 1,
            resume=False,
            report=lambda step, losses: None,
        )
    if sheet:
        sheet.mkdir(parents=True, exist_ok=True)
        file = f"{Path(settings.painting).stem}-{name.replace(', ', '-').replace(' ', '_')}"
        tasks[0].sheet(net).save(sheet / f"{file}-{settings.seed}.png")
    with torch.no_grad():
        made = torch.cat([net(photo) for photo in tasks[0].held.split(1)])
    grids = " ".join(f"{255 * grid(made, n):.2f}" for n in (2, 4))
    return f"style {found['style']:.4f} content {found['content']:.3f} grid {grids}"


def grid(x: Tensor, period: int) -> float:
    """How much of pictures (B, 3, H, W) repeats every `period` pixels: the deviation of the means
    of all pixels at each place of a block."""
    high, wide = (side // period * period for side in x.shape[2:])
    flat = (
        x[..., :high, :wide] - F.avg_pool2d(x, 9, 1, 4, count_include_pad=False)[..., :high, :wide]
    )
    means = F.pixel_unshuffle(flat, period).mean((0, 2, 3)).view(3, -1)
    return float(means.std(1).mean())


def milliseconds(net: nn.Module) -> float:
    """Median time of a frame of 640 x 480."""
    import openvino

    x = torch.rand(1, 3, *FRAME)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        model = openvino.convert_model(net.eval(), example_input=x)
    model.reshape([1, 3, *FRAME])
    request = (
        openvino.Core()
        .compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        .create_infer_request()
    )
    times = []
    for _ in range(FRAMES):
        began = time.perf_counter()
        request.infer([x.numpy()])
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times[2:])


if __name__ == "__main__":
    main()
