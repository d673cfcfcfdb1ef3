"""Small files that claim, or unpack to, very much: what they cost, and what is said of them."""

from __future__ import annotations

import io
import os
import resource
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from styleswap import limits, probe, video
from styleswap.errors import StyleSwapError
from tests.helpers import beep, numbered, write_film

TABLE = b"stts"  # the box that says how many samples there are, and how long each lasts


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> limits.Limits:
    """Limits that are soon reached."""
    monkeypatch.setattr(limits, "_now", replace(limits.now(), reading=5, memory=600))
    return limits.now()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_film(tmp_path / "film.mp4", (numbered(k) for k in range(30)), sound=beep(1.2, 0.5))


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def refused(path: Path) -> str:
    """The sentence; this process has hardly taken memory for it."""
    before = peak()
    with pytest.raises(StyleSwapError) as told:
        probe.open_clip(path)
    assert peak() - before < 60 * 2**20
    return str(told.value)


def png(width: int, height: int) -> bytes:
    """A PNG of any size out of a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (width + 1) * height, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def packets(path: Path, datas: list[bytes], codec: str = "png") -> Path:
    """A film that says 64 x 64 and holds what it is given."""
    with av.open(str(path), "w", "mov") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "rgb24"
        stream.codec_context.open()
        for k, data in enumerate(datas):
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, k, k, True
            packet.time_base = Fraction(1, 25)
            container.mux(packet)
    return path


def test_a_clip_is_told_as_it_is(film: Path) -> None:
    assert probe.open_clip(film) == video.open_clip(film)


def test_a_file_is_looked_at_once(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = probe.open_clip(film)
    monkeypatch.setattr(probe, "_asked", None)
    assert probe.open_clip(film) is first


def test_what_is_no_video_is_told_the_same_way(tmp_path: Path) -> None:
    file = tmp_path / "x.mp4"
    for data in (b"", b"no", os.urandom(2000), png(64, 64)):
        file.write_bytes(data)
        with pytest.raises(StyleSwapError) as here:
            video.open_clip(file)
        with pytest.raises(StyleSwapError) as there:
            probe.open_clip(file)
        assert str(here.value) == str(there.value)


def test_a_film_that_claims_forty_million_samples(
    film: Path, small: limits.Limits, tmp_path: Path
) -> None:
    data = bytearray(film.read_bytes())
    at = data.index(b"stsz")
    # A size for all of them, and how many there are; the same in the table of their times.
    data[at + 8 : at + 16] = struct.pack(">II", 1, 40_000_000)
    at = data.index(TABLE)
    data[at + 12 : at + 16] = struct.pack(">I", 40_000_000)
    bad = tmp_path / "claims.mov"
    bad.write_bytes(data)
    assert "/" not in refused(bad)


def test_a_first_packet_that_is_larger_than_the_film(tmp_path: Path, small: limits.Limits) -> None:
    bad = packets(tmp_path / "a.mov", [png(12_000, 12_000)] * 2)
    assert bad.stat().st_size < 500_000
    refused(bad)


def test_a_later_packet_that_is_larger_than_the_film(tmp_path: Path) -> None:
    """It is never unpacked."""
    good = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(good, "PNG")
    films = [good.getvalue()] * 40 + [png(9000, 9000)]
    clip = probe.open_clip(packets(tmp_path / "a.mov", films))
    before = peak()
    with pytest.raises(StyleSwapError, match="cannot be read"):
        list(video.read_frames(clip, clip.between(0, 0), (64, 64)))
    assert peak() - before < 60 * 2**20


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A WebP of 600 frames of 2000 x 1500, all the same but for a pixel, in a small file."""
    pictures = [Image.new("RGB", (2000, 1500), "red") for _ in range(2)]
    pictures[1].putpixel((0, 0), (0, 0, 255))
    buffer = io.BytesIO()
    pictures[0].save(buffer, "WEBP", save_all=True, append_images=pictures[1:], lossless=True)
    data = buffer.getvalue()
    first = data.index(b"ANMF")
    frames = data[first:]
    body = data[12:first] + frames * 300
    path = tmp_path_factory.mktemp("slides") / "slides.webp"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)
    yield path


def test_a_webp_of_very_many_large_frames(slides: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert slides.stat().st_size < 500_000
    monkeypatch.setattr(limits, "_now", replace(limits.now(), reading=1))
    began = time.monotonic()
    assert "takes longer than 1 s to look at" in refused(slides)
    assert time.monotonic() - began < 8


def test_whoever_goes_away_is_not_looked_for(slides: Path) -> None:
    cancel = threading.Event()
    threading.Timer(0.7, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(StyleSwapError):
        probe.open_clip(slides, cancel=cancel)
    assert time.monotonic() - began < 4


def test_too_many_frames(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "MOST_FRAMES", 20)
    with pytest.raises(StyleSwapError, match="more than 20 frames"):
        video.open_clip(film)


def test_frames_are_no_longer_read_once_that_is_wanted(film: Path) -> None:
    clip, cancel, seen = video.open_clip(film), threading.Event(), []
    for k, _ in video.read_frames(clip, clip.between(0, 0), (64, 48), cancel):
        seen.append(k)
        if k == 5:
            cancel.set()
    assert len(seen) < 15
