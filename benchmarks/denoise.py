"""How well, and how fast, is a picture denoised?

Noise is added to the middle of each clean picture of a folder; both presets take it away again, in
turn. Prints PSNR in dB, SSIM and seconds. Without noise: whether a clean picture stays as it is.

Published means on Kodak24 (Mansour & Heckel 2023, table 1), for reference: Gaussian 25: 29.07 dB,
Gaussian 50: 24.81, Poisson 50: 29.45.

    python benchmarks/denoise.py --images DIR [--noise gaussian:25]
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from common import machine, square

from styleswap import media, tensors
from styleswap.cli import _noise
from styleswap.engine import Engine, Request
from styleswap.methods.denoise import PRESETS, report
from styleswap.specs import DenoiseParams


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=Path, required=True, help="a folder of clean pictures")
    parser.add_argument(
        "--noise", default="gaussian:25", help="gaussian:SIGMA, poisson:PEAK, or none"
    )
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--side", type=int, default=256, help="of the middle that is cut out")
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), choices=list(PRESETS))
    args = parser.parse_args()
    print(machine())
    files = media.pictures_in(args.images)
    files = files[:: max(1, len(files) // args.count)][: args.count]
    engine = Engine()
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in args.presets}
    plain = []
    print(f"{args.noise}, {args.side} px a side; {'picture':20} noisy, then each preset")
    for file in files:
        picture = tensors.to_pil(square(file, args.side))
        line = f"{file.stem:24}"
        for name in args.presets:
            noise = {} if args.noise == "none" else _noise(args.noise)
            params = DenoiseParams(preset=name, **noise)
            *_, last = engine.run(Request("denoise", picture, [], params))
            found = report(picture, params, last.image, picture).figures
            rows[name].append((found["psnr"], found["ssim"], last.seconds))
            line += f"  {name} {found['psnr']:.2f} dB {found['ssim']:.3f} {last.seconds:.1f} s"
        plain.append(found["psnr_noisy"])
        print(f"{line}  (noisy {plain[-1]:.2f})", flush=True)
    print(f"{'mean':24}", end="")
    for name, found in rows.items():
        psnr, ssim, seconds = (statistics.fmean(column) for column in zip(*found, strict=True))
        print(f"  {name} {psnr:.2f} dB {ssim:.3f} {seconds:.1f} s", end="")
    print(f"  (noisy {statistics.fmean(plain):.2f})")


if __name__ == "__main__":
    main()
