"""What tests of several modules share: pictures made here, the shipped network, extra methods."""

from __future__ import annotations

import asyncio
import functools
import sys
import types
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypeVar

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from styleswap import media, specs, tensors
from styleswap.media import Pixels
from styleswap.methods.base import Job, Step
from styleswap.nets import perceptual
from styleswap.nets.perceptual import PerceptualNetwork, Pooling
from styleswap.nets.transformer import new_transformer
from styleswap.specs import MethodSpec, StylisingParams, Text

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
CONTENT = ROOT / "examples" / "content" / "lake.jpg"
STYLES = sorted((ROOT / "examples" / "style").glob("*.jpg"))


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` in a thread of its own: the browser's tests leave a loop running in theirs."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Uniform in [0, 1], the same for the same seed."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@functools.cache
def small(pooling: Pooling = "average") -> PerceptualNetwork:
    """The shipped network, loaded once."""
    return perceptual.load("small", pooling)


@functools.cache
def picture(file: Path, longer: int) -> Image.Image:
    """A picture of ours with `longer` px on its longer side."""
    return media.fit(media.open_picture(file), longer)


def example(name: str, longer: int) -> Tensor:
    """The content ``lake`` or a style by its name, (1, 3, H, W)."""
    folder = "content" if name == "lake" else "style"
    return tensors.from_pil(picture(ROOT / "examples" / folder / f"{name}.jpg", longer))


def colourful(width: int, height: int) -> Image.Image:
    """An RGB picture with something to see everywhere."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x * y) % 256], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8))


def random_network(
    channels: dict[str, int], heads: dict[str, int] | None = None, seed: int = 0, **kw: Any
) -> PerceptualNetwork:
    """A frozen network of `channels` by convolution, with random weights of a sensible size."""
    draw = torch.Generator().manual_seed(seed)
    weights: dict[str, Tensor] = {}
    into = 3
    for name, out in channels.items():
        weights[f"{name}.weight"] = torch.randn(out, into, 3, 3, generator=draw) / (into * 4) ** 0.5
        weights[f"{name}.bias"] = torch.randn(out, generator=draw) * 0.1
        into = out
    for layer, out in (heads or {}).items():
        into = channels[layer.replace("relu", "conv")]
        weights[f"head.{layer}.weight"] = torch.randn(out, into, 1, 1, generator=draw)
    return PerceptualNetwork(weights, **kw).eval().requires_grad_(False)


class Writer(nn.Module):
    """In place of `styleswap.nets.meta.MetaNetwork`: what it writes hangs on the mean alone."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []

    def write(self, picture: Tensor) -> dict[str, Tensor]:
        self.seen.append(tuple(picture.shape))
        seed = int(1000 * picture.mean())
        return new_transformer(torch.Generator().manual_seed(seed), 8).state_dict()


TINY = {"conv1_1": 4, "conv2_1": 6, "conv3_1": 8, "conv4_1": 8, "conv4_2": 8, "conv5_1": 8}


def add_method(
    patch: pytest.MonkeyPatch,
    run: Callable[[Job], Iterator[Step]],
    *,
    id: str = "fake",
    style: Literal["image", "trained", "none"] = "image",
    params: type[StylisingParams] = StylisingParams,
    max_styles: int = 1,
    pace: Literal["live", "seconds", "minutes"] = "seconds",
) -> MethodSpec:
    """Declare one more method, as a later one will be, for as long as `patch` lasts."""
    text = Text("Only in tests.", "仅用于测试。")
    spec = MethodSpec(id, text, text, "none", style, pace, params, max_styles)
    module = types.ModuleType(f"styleswap.methods.{id}")
    module.__dict__["run"] = run
    patch.setitem(sys.modules, module.__name__, module)
    patch.setitem(specs.METHODS, id, spec)
    return spec


# --- films --------------------------------------------------------------------------------------

SOUND_RATE = 48_000


def numbered(k: int, width: int = 64, height: int = 48, seed: int = 0) -> Pixels:
    """Frame `k` of a film: its number in eight black and white bars above, something that moves
    below; it survives being coded."""
    pixels = np.empty((height, width, 3), np.uint8)
    bars = [255 * (k >> bit & 1) for bit in range(8)]
    pixels[: height // 2] = np.repeat(bars, -(-width // 8))[None, :width, None]
    y, x = np.mgrid[: height - height // 2, :width]
    waves = np.stack([x + 2 * k, 3 * y + x, 2 * y - x - k], axis=-1) * 0.2 + seed
    pixels[height // 2 :] = 128 + 90 * np.sin(waves)
    return pixels


def number(pixels: Pixels) -> int:
    """Which frame of `numbered` this is."""
    height, width = pixels.shape[:2]
    bars = pixels[height // 8 : height // 3].mean((0, 2))
    middles = [bars[round((bit + 0.5) * -(-width // 8))] for bit in range(8)]
    return sum(int(value > 127) << bit for bit, value in enumerate(middles))


def beep(seconds: float, at: float, channels: int = 2, rate: int = SOUND_RATE) -> NDArray[Any]:
    """(channels, samples) of silence with a short beep at one moment."""
    sound = np.zeros((channels, round(seconds * rate)), np.float32)
    t = np.arange(round(0.05 * rate))
    begin = round(at * rate)
    sound[:, begin : begin + len(t)] = 0.8 * np.sin(2 * np.pi * 1000 / rate * t)
    return sound


def write_film(
    path: Path,
    frames: Iterable[Pixels | av.VideoFrame],
    *,
    rate: Fraction | int = 25,
    ticks: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    format: str | None = None,
    muxing: dict[str, str] | None = None,
    ratio: Fraction | None = None,
    rotation: int = 0,
    mirrored: bool = False,
    sound: NDArray[Any] | None = None,
    sound_codec: str = "aac",
    sound_rate: int = SOUND_RATE,
) -> Path:
    """A video file.

    Args:
        frames: RGB, or frames of the coder's own colours with what they are tagged by.
        ticks: when each is shown, in units of `time_base`; else they come at `rate`.
        muxing: options of the container.
        ratio: width of a pixel over its height.
        rotation: degrees counter-clockwise that a player is told to turn the frames by.
        sound: (channels, samples) at `sound_rate`.
    """
    usual = {
        "libx264": {"crf": "4", "preset": "ultrafast"},
        "vorbis": {"strict": "experimental"},
    }
    with av.open(str(path), "w", format, options=muxing or {}) as container:
        stream: Any = container.add_stream(
            codec, rate=Fraction(rate), options=usual.get(codec, {}) | (options or {})
        )
        stream.pix_fmt = pix_fmt
        context = stream.codec_context
        context.thread_count = 1  # so small that threads would only wait for each other
        if time_base:
            context.time_base = stream.time_base = time_base
        if rotation or mirrored:
            stream.set_display_rotation(rotation, hflip=mirrored)
        out: Any = None
        if sound is not None:
            more = usual.get(sound_codec, {})
            out = container.add_stream(sound_codec, rate=sound_rate, options=more)
            out.codec_context.layout = "stereo" if len(sound) == 2 else "mono"
        step = 1 / (Fraction(rate) * Fraction(time_base or 1 / Fraction(rate)))
        for k, given in enumerate(frames):
            frame = given if isinstance(given, av.VideoFrame) else coded(given, pix_fmt)
            if not k:
                stream.width, stream.height = frame.width, frame.height
                if ratio:
                    context.sample_aspect_ratio = ratio
                for tag in ("colorspace", "color_range", "color_trc", "color_primaries"):
                    setattr(context, tag, getattr(frame, tag))
            frame.pts = ticks[k] if ticks is not None else round(k * step)
            frame.time_base = time_base or 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if out is not None and sound is not None:
            heard = av.AudioFrame.from_ndarray(
                sound, "fltp", "stereo" if len(sound) == 2 else "mono"
            )
            heard.sample_rate, heard.pts = sound_rate, 0
            heard.time_base = Fraction(1, sound_rate)
            fifo = av.AudioFifo()
            fifo.write(heard)
            size = out.codec_context.frame_size or 1024
            for part in fifo.read_many(size, True):
                container.mux(out.encode(part))
            container.mux(out.encode(None))
    return path


def coded(pixels: Pixels, pix_fmt: str = "yuv420p") -> av.VideoFrame:
    """RGB as a coder of `pix_fmt` takes it."""
    alpha = pixels.shape[2] == 4
    return av.VideoFrame.from_ndarray(pixels, "rgba" if alpha else "rgb24").reformat(format=pix_fmt)
