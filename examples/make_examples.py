"""Paint the example pictures: styles, content pictures and one clip, all our own.

Every picture comes from arithmetic and a fixed seed, so that they can be given away freely and
made again at will. Each painter draws on a sheet of twice the final side, which is then averaged
down: that is what keeps the edges smooth, and still where they move. The painters are in
painting/.

    python examples/make_examples.py [--only NAME] [-o DIR]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

# Run as a script, Python knows this folder and not the one above, from which tests import.
if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from examples.painting.crafts import autumn, cutouts, etching, marbling, stitches
from examples.painting.film import (
    BT709,
    FRAMES,
    PLATE,
    RATE,
    RATE_FACTOR,
    SCALING,
    SOUND_BITS,
    SOUND_RATE,
    lapping,
    sailing,
)
from examples.painting.lake import lake
from examples.painting.materials import OVERSAMPLING, Floats, Rng, as_bytes
from examples.painting.owl import owl
from examples.painting.scenes import balloons, fruit, lighthouse, street
from examples.painting.styles import blooms, dots, glass, ink, planes, swirls, tiles, waves

SEED = 1


class Example(NamedTuple):
    """One picture: what paints it and where it belongs."""

    paint: Callable[[Rng], Floats]
    folder: str
    quality: int  # of its JPEG


EXAMPLES: dict[str, Example] = {
    **{
        paint.__name__: Example(paint, "style", 92)
        for paint in (swirls, tiles, waves, glass, ink, dots, planes, blooms)
    },
    **{
        paint.__name__: Example(paint, "style", 76)
        for paint in (marbling, stitches, cutouts, autumn, etching)
    },
    "lake": Example(lake, "content", 92),
    **{
        paint.__name__: Example(paint, "content", 83)
        for paint in (fruit, street, owl, lighthouse, balloons)
    },
}


class Film(NamedTuple):
    """One clip: what paints its frames (H, W, 3) and what makes its sound (n, 2)."""

    paint: Callable[[Rng], Iterator[Floats]]
    sound: Callable[[Rng], Floats]


FILMS: dict[str, Film] = {"sailing": Film(sailing, lapping)}
NAMES = (*EXAMPLES, *FILMS)


def make(name: str) -> Image.Image:
    """Paint the example called `name`, as an RGB picture of its final size."""
    sheet = EXAMPLES[name].paint(np.random.default_rng(SEED))
    return Image.fromarray(as_bytes(sheet)).reduce(OVERSAMPLING)


def save_film(name: str, path: Path) -> None:
    """Paint the clip called `name` and write it as an MP4 that browsers play."""
    film = FILMS[name]
    sound = np.ascontiguousarray(film.sound(np.random.default_rng(SEED)).T)
    with av.open(str(path), "w", "mp4", options={"movflags": "+faststart"}) as container:
        pictures = container.add_stream(
            "libx264", rate=RATE, options={"preset": "slow", "crf": str(RATE_FACTOR)}
        )
        pictures.height, pictures.width = (side // OVERSAMPLING for side in PLATE)
        pictures.pix_fmt = "yuv420p"
        context = pictures.codec_context
        context.thread_count = 1  # with more, x264 decides otherwise
        context.gop_size = FRAMES  # a second key frame would be seen as a jolt
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = ColorRange.MPEG
        voice = container.add_stream("aac", rate=SOUND_RATE, layout="stereo", bit_rate=SOUND_BITS)
        for number, picture in enumerate(film.paint(np.random.default_rng(SEED))):
            frame = av.VideoFrame.from_ndarray(as_bytes(picture), format="rgb24").reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
                interpolation=SCALING,
            )
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(pictures.encode(frame))
            start = number * SOUND_RATE // RATE
            part = np.ascontiguousarray(sound[:, start : start + SOUND_RATE // RATE])
            heard = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            heard.sample_rate, heard.pts = SOUND_RATE, start
            heard.time_base = Fraction(1, SOUND_RATE)
            container.mux(voice.encode(heard))
        container.mux(pictures.encode(None))
        container.mux(voice.encode(None))


def path_of(name: str, root: Path) -> Path:
    """Where the example called `name` lies under the folder `root`."""
    if name in FILMS:
        return root / "content" / f"{name}.mp4"
    return root / EXAMPLES[name].folder / f"{name}.jpg"


def main() -> None:
    parser = argparse.ArgumentParser(description="Paint the example pictures.")
    parser.add_argument("--only", metavar="NAME", choices=NAMES, help=", ".join(NAMES))
    parser.add_argument(
        "-o",
        dest="root",
        metavar="DIR",
        type=Path,
        default=Path(__file__).parent,
        help="folder that gets style/ and content/ (default: this script's)",
    )
    arguments = parser.parse_args()
    for name in [arguments.only] if arguments.only else NAMES:
        path = path_of(name, arguments.root)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if name in FILMS:
                save_film(name, path)
            else:
                quality = EXAMPLES[name].quality
                make(name).save(path, quality=quality, subsampling="4:4:4", optimize=True)
        except OSError as error:
            parser.error(f"{path} cannot be written ({error.strerror}); choose another -o folder.")
        print(f"{path}: {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
