"""How fast is a video, and how steady?

Speed: a clip with sound, end to end, beside the network alone (frames that are already decoded) and
the codecs alone (the same frames read and written, nothing between), with steadiness off and on.
Steadiness: the warping error of Lai et al. (2018) and the style distance, frame by frame and with
each steadiness, and what memory a long clip takes.

    python benchmarks/video.py [--style NAME] [--sheet sheet.jpg] [--only speed|steady|memory]
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import gradio as gr
import numpy as np
from common import machine

from styleswap import media, metrics, movie, tensors, video, weights
from styleswap.engine import Engine, StyleChoice
from styleswap.media import Pixels
from styleswap.specs import VideoParams, get_spec, make_frame_params

SAILING = Path(__file__).parent.parent / "examples" / "content" / "sailing.mp4"
RATE = Fraction(25)
SOUND = 48_000


def make_clip(target: Path, frames: Iterator[Pixels], count: int) -> Path:
    """Encode frames, and a tone for as long as they last."""
    with av.open(str(target), "w") as container:
        first = next(frames)
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18"})
        stream.height, stream.width, stream.pix_fmt = *first.shape[:2], "yuv420p"
        tone = container.add_stream("aac", rate=SOUND, layout="mono")
        for k, pixels in enumerate(itertools.islice(itertools.chain([first], frames), count)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = k, 1 / RATE
            container.mux(stream.encode(frame))
            length = int(SOUND / RATE)
            wave = 0.1 * np.sin(2 * np.pi * 440 * (np.arange(length) + k * length) / SOUND)
            part = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
            part.sample_rate, part.pts = SOUND, k * length
            container.mux(tone.encode(part))
        container.mux(stream.encode(None))
        container.mux(tone.encode(None))
    return target


def sailing(width: int, height: int) -> Iterator[Pixels]:
    """The frames of our own clip, to and fro without end, at another size."""
    clip = video.open_clip(SAILING)
    found = [pixels for _, pixels in video.read_frames(clip, clip.between(0, 0), clip.size)]
    for pixels in itertools.cycle([*found, *found[-2:0:-1]]):
        made: Any = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC)
        yield made


def walking(width: int, height: int) -> Iterator[Pixels]:
    """A hand-held camera before a photograph, grain, and something that passes in front."""
    rng = np.random.default_rng(0)
    photograph, front = (
        np.asarray(media.open_picture(gr.media.get_image(name)))
        for name in ("tower.jpg", "lion.jpg")
    )
    scale = 1.6 * max(width / photograph.shape[1], height / photograph.shape[0])
    wall: Any = cv2.resize(photograph, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    side = height // 3
    front = cv2.resize(front, (side, side), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[:side, :side] / side - 0.5
    shape = np.clip(10 * (0.45 - np.hypot(x, y)), 0, 1)[..., None]
    shake = np.zeros(2)
    for k in itertools.count():
        t = k / 100
        shake += 0.3 * rng.normal(size=2)
        centre = np.array(wall.shape[1::-1]) * (0.4 + 0.15 * t, 0.45 + 0.05 * np.sin(4 * t)) + shake
        turn: Any = cv2.getRotationMatrix2D(centre.tolist(), 2 * np.sin(3 * t), 1 + 0.2 * t)
        turn[:, 2] += np.array([width, height]) / 2 - centre
        seen: Any = cv2.warpAffine(
            wall, turn, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
        ).astype(np.float32)
        left, top = round(20 + 0.6 * width * t) % (width - side), height // 2
        seen[top : top + side, left : left + side] *= 1 - shape
        seen[top : top + side, left : left + side] += shape * front
        yield np.clip(seen + rng.normal(0, 3, seen.shape), 0, 255).astype(np.uint8)


def request(clip: Path, style: str, **settings: Any) -> movie.VideoRequest:
    params, own = make_frame_params(get_spec("johnson"), VideoParams, "A video", settings)
    choice = StyleChoice(name=style)
    return movie.VideoRequest(video.open_clip(clip), "johnson", [choice], params, own)


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def speed(folder: Path, style: str, rounds: int) -> None:
    engine = Engine()
    print(f"\n{style}, with sound; ms a frame, medians of {rounds} rounds in turn")
    for width, height, length, bound in ((1280, 720, 10, 165), (1920, 1080, 4, 273)):
        clip = make_clip(folder / f"{height}.mp4", sailing(width, height), int(length * RATE))
        alone, codecs, whole, calm = times(engine, clip, folder / "made.mp4", style, rounds)
        print(
            f"{width} x {height}, {length} s: network alone {alone:.0f}, codecs alone {codecs:.0f},"
            f" the whole {whole:.0f} (bound {bound}), {whole / max(alone, codecs):.2f} times the"
            f" slower (bound 1.15); steady {calm:.0f}, {calm / whole:.2f} times the whole (1.6)",
            flush=True,
        )


def times(engine: Engine, clip: Path, target: Path, style: str, rounds: int) -> list[float]:
    """Milliseconds a frame: the network alone, the codecs alone, the whole, the whole steadied."""
    plain, steady = (request(clip, style, steady=s) for s in (0.0, VideoParams.steady))
    count = len(plain.chosen)
    frames = [p for _, p in video.read_frames(plain.clip, range(min(count, 40)), plain.size)]
    never = threading.Event()
    painter = engine.painter("johnson", plain.size, plain.styles, plain.params, never)
    painter.paint(frames[:1])

    def network() -> None:
        for pixels in frames:
            painter.paint([pixels])

    def codecs() -> None:
        crf = movie.QUALITIES[plain.video.quality]
        with video.writing(target, plain.clip, plain.chosen, plain.size, crf) as writer:
            for k, pixels in video.read_frames(plain.clip, plain.chosen, plain.size):
                writer.add(k, pixels)

    works: list[tuple[Callable[[], object], int]] = [
        (network, len(frames)),
        (codecs, count),
        (lambda: list(movie.restyle(engine, plain, target)), count),
        (lambda: list(movie.restyle(engine, steady, target)), count),
    ]
    found: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for (work, n), own in zip(works, found, strict=True):
            own.append(1000 * seconds(work) / n)
    return [statistics.median(own) for own in found]


def steadiness(folder: Path, styles: list[str], sheet: Path | None) -> None:
    engine, target, rows = Engine(), folder / "made.mp4", []
    net = engine._perceptual("small", "average")
    print("\nwarping error, and style distance, as shares of frame by frame; 640 x 360, 100 frames")
    for name, film in (("sailing", sailing), ("walking", walking)):
        clip = make_clip(folder / f"{name}.mp4", film(640, 360), 100)
        for style in styles:
            (entry,) = (e for e in weights.styles() if e.name == style)
            painting = media.open_picture(weights.PRETRAINED / entry.about["picture"])
            reference = tensors.at_side(tensors.from_pil(painting), 640)
            line, base = f"{name:8} {style:20}", None
            for steady in (0.0, 0.25, 0.5, 0.75):
                job = request(clip, style, steady=steady, quality="best")
                list(movie.restyle(engine, job, target))
                error = movie.warping_errors(job, target)
                made = video.open_clip(target)
                shown = [p for _, p in video.read_frames(made, made.between(0, 0), made.size)]
                far = statistics.fmean(
                    sum(metrics.style_distance(net, tensors.from_pixels(p), reference).values())
                    for p in shown[20::20]
                )
                if base is None:
                    base = error["warping_error"], far
                    line += (
                        f" {base[0]:.5f} {far:.3f} (content {error['warping_error_content']:.5f})"
                    )
                else:
                    line += (
                        f" | {steady:g}: {error['warping_error'] / base[0]:.2f} {far / base[1]:.2f}"
                    )
                if style == styles[0] and steady in (0.0, 0.5):
                    rows.append(np.hstack([shown[k] for k in (30, 33, 36, 39)]))
            print(line, flush=True)
    if sheet:
        cv2.imwrite(str(sheet), np.vstack(rows)[..., ::-1])


def _peak(clip: Path, style: str, target: Path) -> None:
    for _ in movie.restyle(Engine(), request(clip, style), target):
        pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, flush=True)


def memory(folder: Path, style: str) -> None:
    print("\npeak of resident memory, MB; 640 x 360, default steadiness", flush=True)
    for length in (10, 300):
        clip = make_clip(folder / "long.mp4", sailing(640, 360), int(length * RATE))
        print(f"{length:4} s: ", end="", flush=True)
        child = multiprocessing.get_context("spawn").Process(
            target=_peak, args=(clip, style, folder / "made.mp4")
        )
        child.start()
        child.join()
        if child.exitcode:
            sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--style", default=next(iter(weights.styles())).name)
    parser.add_argument("--styles", nargs="+", default=["starry-night", "udnie", "the-scream"])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--sheet", type=Path, help="a contact sheet: four frames, plain and steady")
    parser.add_argument("--only", choices=("speed", "steady", "memory"))
    args = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.only in (None, "speed"):
            speed(folder, args.style, args.rounds)
        if args.only in (None, "steady"):
            steadiness(folder, args.styles, args.sheet)
        if args.only in (None, "memory"):
            memory(folder, args.style)


if __name__ == "__main__":
    main()
