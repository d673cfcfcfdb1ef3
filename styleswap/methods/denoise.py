"""Zero-shot Noise2Noise (Mansour & Heckel, CVPR 2023): a small network is trained on the noisy
picture itself, no data and no other weights.

Two pictures of half the size, `ops.pair_downsample`, show the same thing with noise of their own.
What the network leaves of one shall be the other (eq. 5 to 7), and shall not depend on whether it
works before or after halving (eq. 8).

Departures:
- The preset ``fast`` takes fewer steps, by a rate that goes up and down (Smith & Topin 2018), in
  bfloat16 where the device is fast at it, and the mean of its weights over the last steps. In the
  end the picture is also shown to the network flipped and turned, and the mean of the eight is
  taken (Timofte, Rothe & Van Gool 2016).
- Large pictures train on random crops and are denoised in strips.
- Training ends where the loss no longer falls.
- No more is taken away than the picture seems to have of noise: see `held_back`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from styleswap import metrics, ops, tensors
from styleswap.methods.base import Job, Step
from styleswap.methods.features import fast
from styleswap.nets.denoiser import REACH, Denoiser, new_denoiser
from styleswap.specs import DenoiseParams

CROP = 256  # pixels a side of what a step is trained on
STRIP = 512 * 256  # pixels of what is denoised at once
PREVIEWS = 20  # of a training
PREVIEW_PIXELS = 1_000_000  # larger pictures have none
# The loss has to fall by this much from some steps to as many later, or training ends.
FLAT, WINDOW = 0.002, 100
# A picture's noise is not even: where it is strongest it may be so many times the estimate.
ROOM = 2.0


@dataclass(frozen=True)
class Preset:
    """How the network is trained.

    Attributes:
        averaged: share of the steps, at the end, over which weights are averaged.
        halved: the rate is halved after so many steps; 0 for one that goes up and down.
        half: train in bfloat16 where the device is fast at it.
        turns: ways in which the picture is shown to the trained network: 1, or 8.
    """

    steps: int
    rate: float
    averaged: float
    halved: int
    half: bool
    turns: int


PRESETS = {
    # Section 4 and the authors' published settings.
    "paper": Preset(steps=2000, rate=1e-3, averaged=0.0, halved=1500, half=False, turns=1),
    "fast": Preset(steps=600, rate=8e-3, averaged=0.3, halved=0, half=True, turns=8),
}
FINISH = "fast"


def run(job: Job) -> Iterator[Step]:
    """Denoise the picture; yields after each step of training and each strip."""
    p = cast(DenoiseParams, job.params)
    x = noisy(job.content, p)
    yield from cleaned(job, x, PRESETS[p.preset], p.strength, p.seed)


def finished(job: Job, x: Tensor) -> Iterator[Step]:
    """As the last step of another method: take the grain out of its result."""
    yield from cleaned(job, x, PRESETS[FINISH], strength=1.0, seed=0)


def noisy(x: Tensor, p: DenoiseParams) -> Tensor:
    """The picture with the noise that the settings ask for, not clamped."""
    generator = torch.Generator().manual_seed(p.seed)
    if p.add == "gaussian":
        return ops.with_gaussian_noise(x, p.sigma / 255, generator)
    if p.add == "poisson":
        return ops.with_poisson_noise(x, p.peak, generator)
    return x


def loss(net: Denoiser, x: Tensor) -> Tensor:
    """Residual and consistency loss (eq. 7 and 8) of a noisy picture (B, 3, H, W): a scalar."""
    halves = torch.cat(ops.pair_downsample(x))
    clean = halves - net(halves)
    residual = F.mse_loss(clean, torch.cat(halves.chunk(2)[::-1]))
    consistency = F.mse_loss(clean, torch.cat(ops.pair_downsample(x - net(x))))
    return residual + consistency


def cleaned(job: Job, x: Tensor, preset: Preset, strength: float, seed: int) -> Iterator[Step]:
    """Train on `x` (1, 3, H, W), then take away what the network calls noise."""
    generator = torch.Generator().manual_seed(seed)
    net = new_denoiser(generator).to(x.device).to(memory_format=torch.channels_last)
    averaged = AveragedModel(net)
    optimizer = torch.optim.Adam(net.parameters(), lr=preset.rate)
    n = preset.steps
    schedule: torch.optim.lr_scheduler.LRScheduler
    if preset.halved:
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, preset.halved, 0.5)
    else:
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, preset.rate, n)
    level = ops.noise_level(x)
    if not level:
        yield Step(n + 1, n + 1, x.clamp(0, 1))
        return
    shown, losses = x.clamp(0, 1), []
    preview = max(1, n // PREVIEWS) if x[0, 0].numel() <= PREVIEW_PIXELS else n + 1
    last: Denoiser = net
    for k in range(n):
        crop = cut(x, generator).contiguous(memory_format=torch.channels_last)
        with fast(job) if preset.half else torch.autocast(x.device.type, enabled=False):
            found = loss(net, crop)
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        schedule.step()
        losses.append(found.item())
        if k >= n * (1 - preset.averaged):
            averaged.update_parameters(net)
            last = cast(Denoiser, averaged.module)
        if (k + 1) % preview == 0:
            *_, shown = denoised(net, x, level, strength, 1)
        yield Step(k + 1, n + 1, shown, {"loss": losses[-1]})
        if not preset.averaged and flat(losses):
            break
    for shown in denoised(last, x, level, strength, preset.turns):
        yield Step(n, n + 1, shown)
    yield Step(n + 1, n + 1, shown)


def cut(x: Tensor, generator: torch.Generator) -> Tensor:
    """A random piece of (1, 3, H, W), of at most `CROP` px a side."""
    top, left = (
        int(torch.randint(max(1, side - CROP + 1), (), generator=generator)) for side in x.shape[2:]
    )
    return x[..., top : top + CROP, left : left + CROP]


def flat(losses: list[float]) -> bool:
    """Whether the last `WINDOW` losses are hardly less than as many before."""
    if len(losses) < 2 * WINDOW or len(losses) % WINDOW:
        return False
    before, after = sum(losses[-2 * WINDOW : -WINDOW]), sum(losses[-WINDOW:])
    return after > (1 - FLAT) * before


@torch.inference_mode()
def denoised(
    net: Denoiser, x: Tensor, level: float, strength: float, turns: int
) -> Iterator[Tensor]:
    """`x` without its noise, in [0, 1]; strip by strip, so the last one is whole.

    Args:
        turns: as in `Preset`.
    """
    height, width = x.shape[2:]
    noise, undone = torch.zeros_like(x), x.clamp(0, 1)
    tall = max(1, STRIP // width)
    for top in range(0, height, tall):
        # With what lies around: strips must not show.
        first, end = max(0, top - REACH), min(height, top + tall + REACH)
        strip = x[:, :, first:end]
        found = torch.zeros_like(strip)
        for k in range(turns):
            found += turned(net(turned(strip, k)), k, back=True) / turns
        noise[:, :, top : top + tall] = found[:, :, top - first : top - first + tall]
        if top + tall < height:
            yield undone
    yield torch.sub(x, held_back(noise, level), alpha=strength).clamp_(0, 1)


def turned(x: Tensor, k: int, back: bool = False) -> Tensor:
    """The picture (1, 3, H, W) in the `k`-th of its eight flips and turns, or `back` from it."""
    sides = [2 + bit for bit in (0, 1) if k >> bit & 1]
    if not k & 4:
        return x.flip(sides)
    return x.mT.flip(sides) if back else x.flip(sides).mT


def held_back(noise: Tensor, level: float) -> Tensor:
    """`noise` made fainter where it is much stronger than the picture's noise seems to be.

    A picture without noise has two halves that differ too, in its finest details; what the network
    then calls noise is these.

    Args:
        noise: (1, 3, H, W).
        level: `ops.noise_level` of the picture.
    """
    strength: Tensor = torch.linalg.vector_norm(noise) / noise.numel() ** 0.5
    return noise * (ROOM * level / strength.clamp_min(1e-8)).clamp(max=1.0)


@dataclass(frozen=True)
class Report:
    """What can be said of a result, and shown beside it.

    Attributes:
        figures: ``sigma``, the estimate of the noise's deviation in steps of 255; where the clean
            picture is known also ``psnr_noisy`` and ``psnr`` in dB, and ``ssim``.
        first, second: the pair that the network learns from.
        residual: what was taken away, around grey, twice as strong as it was.
    """

    figures: dict[str, float]
    first: Image.Image
    second: Image.Image
    residual: Image.Image


def report(
    content: Image.Image, params: DenoiseParams, result: Tensor, clean: Image.Image | None = None
) -> Report:
    """Look at the result (1, 3, H, W) of a job.

    Args:
        content, params: the job's.
        clean: the picture without noise; where the settings added noise, the content is that.
    """
    given = tensors.from_pil(content)
    x = noisy(given, params)
    result = result.cpu()
    figures = {"sigma": 255 * ops.noise_level(x)}
    known = tensors.from_pil(clean) if clean else given if params.add != "none" else None
    if known is not None:
        figures["psnr_noisy"] = metrics.psnr(x, known)
        figures["psnr"] = metrics.psnr(result, known)
        figures["ssim"] = metrics.ssim(result, known)
    first, second = (tensors.to_pil(y) for y in ops.pair_downsample(x))
    residual = tensors.to_pil(0.5 + 2 * (x - result))
    return Report({k: round(v, 4) for k, v in figures.items()}, first, second, residual)
