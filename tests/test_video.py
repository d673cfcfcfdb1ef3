"""Films of every kind, made here, against the frames, the moments and the sound that must come out
of them."""

from __future__ import annotations

import errno
import json
import resource
import shutil
import signal
import struct
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from styleswap import video
from styleswap.errors import StyleSwapError
from styleswap.media import Pixels
from styleswap.video import Clip, open_clip, read_frames, writing
from tests.helpers import ROOT, SOUND_RATE, beep, colourful, number, numbered, write_film

NTSC = Fraction(30000, 1001)
SHORT_GOP = {"g": "10", "bf": "3", "preset": "medium", "crf": "10"}
VP9 = {"g": "10", "cpu-used": "8", "deadline": "realtime", "crf": "10"}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


def frames(count: int, width: int = 64, height: int = 48) -> list[Pixels]:
    return [numbered(k, width, height) for k in range(count)]


@pytest.fixture(scope="module")
def plain(films: Path) -> Path:
    """60 frames at 25 a second, with a beep at 1.5 s and a key frame every ten."""
    return write_film(
        films / "plain.mp4", frames(60), options=SHORT_GOP, sound=beep(2.4, 1.5), muxing=FRONT
    )


FRONT = {"movflags": "+faststart"}


@dataclass(frozen=True)
class Copy:
    """A film that was written as it was read."""

    clip: Clip
    made: Clip
    chosen: range
    read: list[tuple[int, int]]  # number of each frame, and the number drawn into it
    written: list[int]


def copied(film: Path, target: Path, start: float = 0, end: float = 0, quality: int = 12) -> Copy:
    clip = open_clip(film)
    chosen, size, read = clip.between(start, end), clip.fitted(4096), []
    with writing(target, clip, chosen, size, quality) as writer:
        for k, pixels in read_frames(clip, chosen, size):
            assert pixels.shape == (size[1], size[0], 3) and pixels.dtype == np.uint8
            read.append((k, number(pixels)))
            writer.add(k, pixels)
    made = open_clip(target)
    return Copy(clip, made, chosen, read, [number(pixels) for _, pixels in everything(made)])


def everything(clip: Clip) -> list[tuple[int, Pixels]]:
    return list(read_frames(clip, clip.between(0, 0), clip.size))


def first(path: Path) -> Pixels:
    return everything(open_clip(path))[0][1]


def packets(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(**{kind: 0}) if p.size]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def heard(path: Path) -> tuple[float, float]:
    """When the beep begins and when the sound ends, in seconds from the first frame."""
    with av.open(str(path)) as container:
        shown = next(container.decode(video=0))
    begun, end, beeps = float(shown.pts * shown.time_base), 0.0, []
    with av.open(str(path)) as container:
        to_floats = av.AudioResampler("fltp", "mono", SOUND_RATE)
        for frame in container.decode(audio=0):
            now = float(frame.pts * frame.time_base) - begun
            for part in to_floats.resample(frame):
                loud = np.nonzero(np.abs(part.to_ndarray()[0]) > 0.2)[0]
                beeps += [now + loud[0] / SOUND_RATE] if len(loud) else []
            end = now + frame.samples / frame.sample_rate
    return (beeps or [float("nan")])[0], end


def assert_probed(path: Path, shown: int, rate: Fraction | None, sound: str | None) -> None:
    """The same by another reader, where it is installed."""
    if not shutil.which("ffprobe"):
        return
    command = ("ffprobe", "-v", "error", "-count_frames", "-of", "json", "-show_streams")
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    streams = {s["codec_type"]: s for s in json.loads(done.stdout)["streams"]}
    picture = streams["video"]
    assert (picture["codec_name"], picture["pix_fmt"]) == ("h264", "yuv420p")
    tags = ("color_space", "color_primaries", "color_transfer", "color_range")
    assert [picture[tag] for tag in tags] == ["bt709", "bt709", "bt709", "tv"]
    assert int(picture["nb_read_frames"]) == shown
    assert picture.get("sample_aspect_ratio", "1:1") == "1:1"
    assert "side_data_list" not in picture and "rotate" not in picture.get("tags", {})
    if rate:
        assert Fraction(picture["r_frame_rate"]) == Fraction(picture["avg_frame_rate"]) == rate
        assert abs(float(picture["duration"]) - shown / rate) < 1 / rate
    assert (streams["audio"]["codec_name"] if "audio" in streams else None) == sound


# --- rates, moments and sound -------------------------------------------------------------------


def test_an_exact_rate_and_sound_as_it_is(films: Path, tmp_path: Path) -> None:
    film = write_film(films / "ntsc.mp4", frames(45), rate=NTSC, sound=beep(1.5, 0.7))
    done = copied(film, tmp_path / "out.mp4")
    assert done.clip.rate == done.made.rate == NTSC and done.clip.constant
    assert done.clip.sound == done.made.sound == "aac"
    assert done.read == [(k, k) for k in range(45)] and done.written == list(range(45))
    assert abs(done.made.duration - 45 / NTSC) < 1 / NTSC
    assert packets(tmp_path / "out.mp4", "audio") == packets(film, "audio")
    assert heard(tmp_path / "out.mp4") == pytest.approx(heard(film), abs=0.001)
    assert_probed(tmp_path / "out.mp4", 45, NTSC, "aac")
    assert names(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize("rate", [25, Fraction(24000, 1001), 60, Fraction(25, 2)], ids=str)
def test_silent_films(rate: Fraction, films: Path, tmp_path: Path) -> None:
    film = write_film(films / "silent.mp4", frames(20), rate=rate)
    done = copied(film, tmp_path / "out.mp4")
    assert done.clip.rate == done.made.rate == rate
    assert done.written == list(range(20)) and done.made.sound is None
    assert_probed(tmp_path / "out.mp4", 20, Fraction(rate), None)


@pytest.mark.parametrize("count", [1, 2])
def test_very_short_films(count: int, films: Path, tmp_path: Path) -> None:
    film = write_film(films / "short.mp4", frames(count))
    done = copied(film, tmp_path / "out.mp4")
    assert done.written == list(range(count)) and done.made.rate == 25
    assert done.made.duration == pytest.approx(count / 25)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_moments_of_a_variable_rate_are_kept(suffix: str, films: Path, tmp_path: Path) -> None:
    ticks = [0, 10, 25, 60, 61, 90, 200, 210, 500, 540]
    film = write_film(
        films / f"uneven.{suffix}", frames(10), ticks=ticks, time_base=Fraction(1, 1000)
    )
    done = copied(film, tmp_path / "out.mp4")
    for clip in (done.clip, done.made):
        assert not clip.constant
        assert [clip.time(k) for k in range(10)] == [Fraction(t, 1000) for t in ticks]
    assert done.made.time(10) == done.clip.time(10)
    assert done.read == [(k, k) for k in range(10)] and done.written == list(range(10))
    assert_probed(tmp_path / "out.mp4", 10, None, None)
    # A part of it begins at once.
    part = copied(film, tmp_path / "part.mp4", start=0.061, end=0.5)
    assert part.written == [4, 5, 6, 7]
    assert [part.made.time(k) for k in range(4)] == [Fraction(t - 61, 1000) for t in ticks[4:8]]


def test_the_last_frame_is_shown_as_long_as_it_was(films: Path, tmp_path: Path) -> None:
    pictures = [Image.fromarray(pixels) for pixels in frames(5)]
    film, shown = films / "slides.webp", [40, 80, 40, 80, 700]
    pictures[0].save(film, save_all=True, append_images=pictures[1:], duration=shown, lossless=True)
    done = copied(film, tmp_path / "out.mp4")
    assert done.clip.duration == done.made.duration == pytest.approx(0.94)


@pytest.mark.parametrize(
    ("name", "codec", "sound", "options"),
    [
        ("a.mkv", "libx264", "libmp3lame", SHORT_GOP),
        ("a.mov", "libx264", "pcm_s16le", SHORT_GOP),
        ("a.webm", "libvpx-vp9", "libopus", VP9),
        ("a.ts", "libx264", "aac", SHORT_GOP),
        ("a.mpg", "mpeg2video", "mp2", {"g": "10", "b": "4M"}),
        ("a.avi", "mpeg4", "libmp3lame", {"g": "10", "b": "2M"}),
        ("b.avi", "libx264", "libmp3lame", SHORT_GOP),  # its timestamps are in order of decoding
        ("a.mxf", "libx264", "pcm_s16le", SHORT_GOP),
        ("b.mpg", "mpeg2video", "mp2", {"g": "10", "bf": "2"}),  # the same one twice
        ("a.flv", "libx264", "aac", SHORT_GOP),
        ("flac.mkv", "ffv1", "flac", {}),
        ("hevc.mp4", "libx265", "aac", {"x265-params": "log-level=none:keyint=10", "crf": "10"}),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_containers(
    name: str, codec: str, sound: str, options: dict[str, str], films: Path, tmp_path: Path
) -> None:
    film = write_film(
        films / name,
        frames(50),
        codec=codec,
        options=options,
        sound=beep(2, 1.2),
        sound_codec=sound,
    )
    done = copied(film, tmp_path / "out.mp4")
    assert done.clip.rate == done.made.rate == 25 and len(done.clip.ticks) == 50
    assert done.read == [(k, k) for k in range(50)] and done.written == list(range(50))
    kept = {"libmp3lame": "mp3", "libopus": "opus", "flac": "flac"}.get(sound, "aac")
    assert done.made.sound == kept
    assert heard(tmp_path / "out.mp4")[0] == pytest.approx(1.2, abs=0.03)
    assert_probed(tmp_path / "out.mp4", 50, Fraction(25), kept)
    # And a part of it: the frames by what they show, the sound by when it is heard.
    part = copied(film, tmp_path / "part.mp4", start=0.92, end=1.6)
    assert part.chosen == range(23, 40)
    assert part.read == [(k, k) for k in range(23, 40)] and part.written == list(range(23, 40))
    begins, ends = heard(tmp_path / "part.mp4")
    assert begins == pytest.approx(1.2 - 0.92, abs=0.03) and ends == pytest.approx(0.68, abs=0.06)


@pytest.mark.parametrize("name", ["bare.h264", "bare.hevc"])
def test_bare_streams(name: str, films: Path, tmp_path: Path) -> None:
    kind = name.split(".")[1]
    codec, options = "libx264", SHORT_GOP
    if kind == "hevc":
        codec, options = "libx265", {"x265-params": "log-level=none:keyint=10"}
    film = write_film(films / name, frames(30), codec=codec, options=options, format=kind)
    done = copied(film, tmp_path / "out.mp4", start=0.6)
    assert done.written == list(range(15, 30)) and done.made.rate == 25


def test_every_part_of_a_film_begins_where_it_should(films: Path) -> None:
    options = SHORT_GOP | {"g": "12", "x264-params": "open-gop=1"}
    for suffix in ("mp4", "mkv"):
        clip = open_clip(write_film(films / f"open.{suffix}", frames(40), options=options))
        for start in range(1, 40):
            chosen = range(start, min(start + 2, 40))
            found = [(k, number(pixels)) for k, pixels in read_frames(clip, chosen, clip.size)]
            assert found == [(k, k) for k in chosen], suffix


@pytest.mark.parametrize(
    ("name", "codec", "rate", "channels"),
    [
        ("a.mkv", "ac3", SOUND_RATE, 2),
        ("b.mkv", "vorbis", SOUND_RATE, 2),
        ("c.mov", "pcm_s16le", 8000, 1),
        ("d.mov", "pcm_s16le", 96_000, 2),
        ("e.mov", "pcm_s16le", 37_000, 1),
        ("f.ts", "ac3", SOUND_RATE, 1),
    ],
)
def test_sound_that_becomes_aac(
    name: str, codec: str, rate: int, channels: int, films: Path, tmp_path: Path
) -> None:
    film = write_film(
        films / f"sound-{name}",
        frames(50),
        sound=beep(2, 1.3, channels, rate),
        sound_codec=codec,
        sound_rate=rate,
    )
    assert copied(film, tmp_path / "out.mp4").made.sound == "aac"
    begins, ends = heard(tmp_path / "out.mp4")
    assert begins == pytest.approx(1.3, abs=0.03) and ends == pytest.approx(2, abs=0.06)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].rate <= 48_000
        assert container.streams.audio[0].channels == channels
    copied(film, tmp_path / "part.mp4", start=1)
    assert heard(tmp_path / "part.mp4")[0] == pytest.approx(0.3, abs=0.03)


def test_sound_that_begins_later_and_ends_earlier(films: Path, tmp_path: Path) -> None:
    film = write_film(films / "little.mkv", frames(50), sound=beep(1.2, 0.5), sound_codec="ac3")
    moved = films / "moved.mkv"
    with av.open(str(film)) as source, av.open(str(moved), "w") as target:
        outs = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                if packet.stream.type == "audio":
                    packet.pts += 400
                    packet.dts += 400
                packet.stream = outs[packet.stream_index]
                target.mux(packet)
    copied(moved, tmp_path / "out.mp4")
    begins, ends = heard(tmp_path / "out.mp4")
    assert begins == pytest.approx(0.9, abs=0.03) and ends == pytest.approx(1.6, abs=0.08)


def test_sound_with_a_hole(films: Path, tmp_path: Path) -> None:
    for codec in ("ac3", "aac"):
        film = write_film(films / "full.mkv", frames(50), sound=beep(2, 1.5), sound_codec=codec)
        holed = films / f"holed-{codec}.mkv"
        with av.open(str(film)) as source, av.open(str(holed), "w") as target:
            outs = {s.index: target.add_stream_from_template(s) for s in source.streams}
            for packet in source.demux():
                lost = packet.stream.type == "audio" and 0.4 < float(packet.pts or 0) / 1000 < 0.9
                if packet.dts is not None and not lost:
                    packet.stream = outs[packet.stream_index]
                    target.mux(packet)
        copied(holed, tmp_path / "out.mp4")
        assert heard(tmp_path / "out.mp4")[0] == pytest.approx(1.5, abs=0.03)


def repacked(film: Path, target: Path, change: Callable[[int, Any], None]) -> Path:
    """The film with its packets of sound changed, of which each is told its number."""
    with av.open(str(film)) as source, av.open(str(target), "w") as out:
        outs = {s.index: out.add_stream_from_template(s) for s in source.streams}
        k = 0
        for packet in source.demux():
            if packet.dts is not None:
                if packet.stream.type == "audio":
                    change(k, packet)
                    k += 1
                packet.stream = outs[packet.stream_index]
                out.mux(packet)
    return target


@pytest.mark.parametrize("codec", ["aac", "ac3"])
def test_sound_that_comes_twice_at_a_moment(codec: str, films: Path, tmp_path: Path) -> None:
    film = write_film(films / "even.mkv", frames(50), sound=beep(2, 1.3), sound_codec=codec)
    moments: list[int] = []

    def twice(k: int, packet: Any) -> None:
        moments.append(packet.pts)
        if k in (20, 40, 41):  # one by itself, and two together
            packet.pts = packet.dts = moments[k // 20 * 20 - 1]

    stuck = repacked(film, films / f"stuck-{codec}.mkv", twice)
    copied(stuck, tmp_path / "out.mp4")
    assert heard(tmp_path / "out.mp4") == pytest.approx(heard(film), abs=0.03)
    if codec == "aac":  # one is put behind the other, a third left out
        assert len(packets(tmp_path / "out.mp4", "audio")) == len(moments) - 1


def test_sound_whose_time_stands_still(films: Path, tmp_path: Path) -> None:
    film = write_film(films / "goes.mkv", frames(50), sound=beep(2, 0.3))

    def stand(k: int, packet: Any) -> None:
        packet.pts = packet.dts = min(packet.pts, 1000)

    stood = repacked(film, films / "stands.mkv", stand)
    assert copied(stood, tmp_path / "out.mp4").written == list(range(50))
    begins, ends = heard(tmp_path / "out.mp4")
    assert begins == pytest.approx(0.3, abs=0.03) and ends < 1.2


# --- files put one behind the other -------------------------------------------------------------


def beeps(path: Path) -> list[float]:
    """When each begins, in seconds from the first frame."""
    found: list[float] = []
    with av.open(str(path)) as container:
        to_floats = av.AudioResampler("fltp", "mono", SOUND_RATE)
        for frame in container.decode(audio=0):
            for part in to_floats.resample(frame):
                loud = np.nonzero(np.abs(part.to_ndarray()[0]) > 0.2)[0]
                if len(loud):
                    moment = float(frame.pts * frame.time_base) + loud[0] / SOUND_RATE
                    found += [moment] if not found or moment > found[-1] + 0.2 else []
    return found


def joined(path: Path, begins: int, **about: Any) -> Path:
    """50, 30 and 20 frames in files of their own, one behind the other; the first and last have
    timestamps from 100 s on, the second from `begins` seconds later. Each beeps after 0.7 s."""
    sound, data, at = about.pop("sound_codec"), b"", 0
    for count, moment in ((50, 100), (30, 100 + begins), (20, 100)):
        part = write_film(
            path.with_stem("part"),
            frames(100)[at : at + count],
            sound=beep(count / 25, 0.7) if sound else None,
            sound_codec=sound or "",
            muxing={"output_ts_offset": str(moment)},
            **about,
        )
        data += part.read_bytes()
        at += count
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("begins", [-30, 0, 30, 300], ids="from {}".format)
@pytest.mark.parametrize(
    ("suffix", "codec", "sound", "options"),
    [
        ("ts", "libx264", None, SHORT_GOP),
        ("ts", "libx264", "aac", SHORT_GOP),
        ("ts", "libx264", "ac3", SHORT_GOP),
        ("mpg", "mpeg2video", "mp2", {"g": "10", "bf": "2"}),
        ("mpg", "mpeg2video", None, {"g": "10", "b": "4M"}),
    ],
)
def test_files_put_one_behind_the_other(
    suffix: str,
    codec: str,
    sound: str | None,
    options: dict[str, str],
    begins: int,
    films: Path,
    tmp_path: Path,
) -> None:
    """Whether the timestamps of the second begin again, or much later or earlier."""
    film = joined(
        films / f"together.{suffix}", begins, codec=codec, options=options, sound_codec=sound
    )
    done = copied(film, tmp_path / "out.mp4")
    assert done.clip.rate == done.made.rate == 25 and done.clip.constant
    assert done.read == [(k, k) for k in range(100)] and done.written == list(range(100))
    assert done.made.duration == 4
    if sound:
        assert beeps(tmp_path / "out.mp4") == pytest.approx([0.7, 2.7, 3.9], abs=0.04)
    later = copied(film, tmp_path / "part.mp4", start=1.8, end=3)
    assert later.written == list(range(45, 75))
    if sound:
        assert beeps(tmp_path / "part.mp4") == pytest.approx([0.9], abs=0.04)


def test_a_pause_stays_one(films: Path, tmp_path: Path) -> None:
    film = joined(films / "pause.ts", 5, options=SHORT_GOP, sound_codec="aac")
    done = copied(film, tmp_path / "out.mp4")
    assert done.written == list(range(100)) and not done.clip.constant
    assert [float(done.made.time(k)) for k in (49, 50, 79, 80)] == pytest.approx(
        [1.96, 5, 6.16, 6.2], abs=0.001
    )
    assert beeps(tmp_path / "out.mp4") == pytest.approx([0.7, 5.7, 6.9], abs=0.04)


def test_files_that_end_without_sound(films: Path, tmp_path: Path) -> None:
    """The sound of the third is not taken for that of the second."""
    parts = [
        write_film(films / "part.ts", frames(50), sound=sound, options=SHORT_GOP).read_bytes()
        for sound in (beep(2, 0.7), None, beep(2, 0.9))
    ]
    (films / "mixed.ts").write_bytes(b"".join(parts))
    copied(films / "mixed.ts", tmp_path / "out.mp4")
    assert beeps(tmp_path / "out.mp4") == pytest.approx([0.7, 4.9], abs=0.04)


def test_sound_that_cannot_be_read_is_a_sentence_about_the_film(
    plain: Path, tmp_path: Path
) -> None:
    clip = open_clip(plain)
    (tmp_path / "other.mp4").write_bytes(b"something else in the meantime")
    other = Clip(**{**clip.__dict__, "path": tmp_path / "other.mp4"})
    with (
        pytest.raises(StyleSwapError, match="The video cannot be read"),
        writing(tmp_path / "a.mp4", other, range(60), (64, 48), 20),
    ):
        pass
    assert names(tmp_path) == ["other.mp4"]


def edited(film: Path, target: Path, begin: float, seconds: float) -> Path:
    """The MP4 with edit lists that show a part of it."""
    data = bytearray(film.read_bytes())
    at = data.index(b"elst")
    for time_base in (12_800, SOUND_RATE):
        length, begun, rate = struct.unpack(">IiI", data[at + 12 : at + 24])
        begun += round(begin * time_base)
        assert length > 1000 * seconds
        data[at + 12 : at + 24] = struct.pack(">IiI", round(1000 * seconds), begun, rate)
        at = data.find(b"elst", at + 1)
    target.write_bytes(data)
    return target


def test_an_edit_list_leaves_frames_out(plain: Path, tmp_path: Path) -> None:
    film = edited(plain, tmp_path / "edited.mp4", 1, 1.2)
    done = copied(film, tmp_path / "out.mp4")
    assert done.written == list(range(25, 55)) and done.made.rate == 25
    assert heard(tmp_path / "out.mp4")[0] == pytest.approx(0.5, abs=0.03)


def test_damage_in_the_middle(plain: Path, tmp_path: Path) -> None:
    data = bytearray(plain.read_bytes())
    begin = data.index(b"mdat")
    size = len(data) - begin
    dice = np.random.default_rng(0)
    data[begin + size // 3 : begin + size // 2] = dice.bytes(size // 2 - size // 3)
    (tmp_path / "damaged.mp4").write_bytes(data)
    done = copied(tmp_path / "damaged.mp4", tmp_path / "out.mp4")
    ks = [k for k, _ in done.read]
    assert ks == sorted(set(ks)) and 30 <= len(ks) <= 60
    for k in (0, 10, 58, 59):  # before and after, every frame is at its moment
        assert (k, k) in done.read
    assert done.made.duration == pytest.approx(2.4, abs=0.05)


# --- pictures -----------------------------------------------------------------------------------

CORNERS = np.array([[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (255, 255, 0)]], np.uint8)


def quarters(width: int, height: int) -> Pixels:
    return CORNERS.repeat(height // 2, 0).repeat(width // 2, 1)


def middles(pixels: Pixels, rows: int, columns: int) -> NDArray[Any]:
    """(rows, columns, 3): the mean around the middle of each field."""
    high, wide = pixels.shape[0] // rows, pixels.shape[1] // columns
    fields = pixels.reshape(rows, high, columns, wide, 3).astype(float)
    inner = fields[:, high // 2 - 2 : high // 2 + 2, :, wide // 2 - 2 : wide // 2 + 2]
    return inner.mean((1, 3))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_turned_by_the_camera(rotation: int, mirrored: bool, films: Path, tmp_path: Path) -> None:
    film = write_film(
        films / "turned.mp4", [quarters(64, 48)] * 3, rotation=rotation, mirrored=mirrored
    )
    want = np.rot90(CORNERS, rotation // 90)  # counter-clockwise, as the file says it
    want = want[:, ::-1] if mirrored else want
    done = copied(film, tmp_path / "out.mp4")
    assert done.clip.size == done.made.size == ((48, 64) if rotation % 180 else (64, 48))
    for path in (film, tmp_path / "out.mp4"):
        assert np.abs(middles(first(path), 2, 2) - want).max() < 12
    with av.open(str(tmp_path / "out.mp4")) as container:
        shown = next(container.decode(video=0))
        assert shown.rotation == 0 and "DISPLAYMATRIX" not in {d.type.name for d in shown.side_data}
    assert_probed(tmp_path / "out.mp4", 3, Fraction(25), None)


def test_turned_where_a_frame_comes_with_what_is_unknown() -> None:
    class Frame:
        rotation = -90

        @property
        def side_data(self) -> Any:
            raise ValueError("99 is not a valid Type")

    assert video._turn(Frame()) == (True, False, True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("codec", "pix_fmt"), [("libx264", "yuv444p"), ("mpeg4", "yuv420p"), ("ffv1", "yuv420p")]
)
def test_odd_sizes_become_even(codec: str, pix_fmt: str, films: Path, tmp_path: Path) -> None:
    suffix = "mp4" if codec != "ffv1" else "mkv"
    film = write_film(
        films / f"odd-{codec}.{suffix}", frames(3, 641, 359), codec=codec, pix_fmt=pix_fmt
    )
    done = copied(film, tmp_path / "out.mp4")
    assert done.clip.size == (641, 359) and done.made.size == (640, 360)
    assert done.written == [0, 1, 2]
    assert_probed(tmp_path / "out.mp4", 3, Fraction(25), None)


@pytest.mark.parametrize(
    ("ratio", "rotation", "size"),
    [
        (Fraction(4, 3), 0, (128, 48)),
        (Fraction(16, 15), 0, (102, 48)),
        (Fraction(1, 2), 0, (48, 48)),
        (Fraction(4, 3), 90, (48, 128)),
    ],
)
def test_pixels_that_are_not_square(
    ratio: Fraction, rotation: int, size: tuple[int, int], films: Path, tmp_path: Path
) -> None:
    film = write_film(films / "wide.mp4", [quarters(96, 48)] * 3, ratio=ratio, rotation=rotation)
    done = copied(film, tmp_path / "out.mp4")
    assert done.clip.size == done.made.size == size
    pixels = first(tmp_path / "out.mp4")
    want = np.rot90(CORNERS, rotation // 90)
    assert np.abs(middles(pixels, 2, 2) - want).max() < 12
    assert_probed(tmp_path / "out.mp4", 3, Fraction(25), None)


# What makes luma out of red and blue, by the number that files tag it with.
LUMA = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
COLOURS = np.concatenate(
    [
        [(255 * (i >> 2), 255 * (i >> 1 & 1), 255 * (i & 1)) for i in range(8)],
        np.repeat([[16], [64], [128], [200], [235]], 3, 1),
        np.random.default_rng(0).integers(0, 256, (11, 3)),
    ]
).reshape(4, 6, 3)


def card(field: int = 16) -> Pixels:
    """A test card: saturated colours, greys, and some at random."""
    return COLOURS.astype(np.uint8).repeat(field, 0).repeat(field, 1)


def off(path: Path) -> float:
    """How far the colours of the test card are off, of 255."""
    pixels = first(path)
    assert pixels.shape[0] % 4 == 0 and pixels.shape[1] % 6 == 0
    return float(np.abs(middles(pixels, 4, 6) - COLOURS).max())


def in_luma(
    pixels: Pixels, matrix: int, full: bool, bits: int, halved: bool, tagged: bool = True
) -> av.VideoFrame:
    """A frame by the definitions of ITU-R BT.601, 709 and 2020."""
    red, blue = LUMA[matrix]
    r, g, b = np.moveaxis(pixels / 255, 2, 0)
    y = red * r + (1 - red - blue) * g + blue * b
    chroma = [(b - y) / (2 - 2 * blue), (r - y) / (2 - 2 * red)]
    top, one = 2**bits - 1, 2 ** (bits - 8)
    planes = [y * top if full else (219 * y + 16) * one]
    planes += [c * (top if full else 224 * one) + 128 * one for c in chroma]
    height, width = y.shape
    if halved:
        planes[1:] = [p.reshape(height // 2, 2, width // 2, 2).mean((1, 3)) for p in planes[1:]]
    name = ("yuv420p" if halved else "yuv444p") + ("10le" if bits == 10 else "")
    frame = av.VideoFrame(width, height, name)
    kind = np.uint8 if bits == 8 else np.uint16
    for into, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((len(values), into.line_size // np.dtype(kind).itemsize), kind)
        rows[:, : values.shape[1]] = np.clip(np.round(values), 0, top)
        into.update(rows.tobytes())
    frame.colorspace = matrix if tagged else 2
    frame.color_range = 2 if full else 1
    return frame


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", LUMA)
def test_colours_come_back(matrix: int, full: bool, films: Path, tmp_path: Path) -> None:
    for bits, halved in ((8, False), (8, True), (10, True)):
        frame = in_luma(card(), matrix, full, bits, halved)
        film = write_film(films / "card.mkv", [frame] * 2, codec="ffv1", pix_fmt=frame.format.name)
        assert off(film) <= 1.5
        copied(film, tmp_path / "out.mp4", quality=6)
        assert off(tmp_path / "out.mp4") <= 3


@pytest.mark.parametrize("depth", [8, 10])
def test_colours_come_back_from_h264(depth: int, films: Path, tmp_path: Path) -> None:
    frame = in_luma(card(), 1, False, depth, True)
    film = write_film(films / "card.mp4", [frame] * 3, pix_fmt=frame.format.name)
    copied(film, tmp_path / "out.mp4", quality=6)
    assert off(film) <= 2 and off(tmp_path / "out.mp4") <= 3
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert context.pix_fmt == "yuv420p"
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert tuple(map(int, tags)) == (1, 1, 1, 1)


@pytest.mark.parametrize(("height", "matrix"), [(576, 5), (720, 1)])
def test_without_a_tag_the_size_tells_the_matrix(
    height: int, matrix: int, films: Path, tmp_path: Path
) -> None:
    frame = in_luma(card(height // 4), matrix, False, 8, True, tagged=False)
    film = write_film(films / "untagged.mp4", [frame])
    clip = open_clip(film)
    assert off(film) <= 2
    # However small it is then made.
    ((_, small),) = read_frames(clip, range(1), (144, 96))
    assert np.abs(middles(small, 4, 6) - COLOURS).max() <= 2


@pytest.mark.parametrize("pix_fmt", ["bgr0", "bgra", "gray", "rgb48le"])
def test_colours_that_are_not_luma(pix_fmt: str, films: Path) -> None:
    pixels = card()
    if pix_fmt == "gray":
        pixels = pixels[..., 1:2].repeat(3, 2)
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=pix_fmt)
    film = write_film(films / "rgb.mkv", [frame] * 2, codec="ffv1", pix_fmt=pix_fmt)
    want = middles(pixels, 4, 6)
    assert np.abs(middles(first(film), 4, 6) - want).max() <= 2


def woven(k: int, width: int = 96, height: int = 72) -> Pixels:
    """Frame `k` with stripes below that move on from one field to the next."""
    pixels = numbered(k, width, height)
    for field in (0, 1):
        stripes = 128 + 100 * np.sin((np.arange(width) + 6 * (2 * k + field)) * np.pi / 12)
        pixels[height // 2 + field :: 2] = stripes[None, :, None]
    return pixels


def combs(pixels: Pixels) -> float:
    """How much every other row differs from those next to it, in the lower half."""
    rows = pixels[pixels.shape[0] // 2 + 4 : -4].astype(float)
    return float(np.abs(2 * rows[1:-1] - rows[:-2] - rows[2:]).mean())


FIELDS = {"flags": "+ilme+ildct", "b": "8M", "g": "10"}


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        ("mpg", "mpeg2video", FIELDS),
        ("mpg", "mpeg2video", FIELDS | {"bf": "2"}),
        ("mkv", "libx264", SHORT_GOP | {"x264-params": "tff=1"}),
    ],
)
def test_fields_become_frames(
    suffix: str, codec: str, options: dict[str, str], films: Path, tmp_path: Path
) -> None:
    pictures = [woven(k) for k in range(30)]
    film = write_film(films / f"fields.{suffix}", pictures, codec=codec, options=options)
    done = copied(film, tmp_path / "out.mp4")
    assert done.read == [(k, k) for k in range(30)] and done.written == list(range(30))
    assert done.made.rate == 25
    assert min(map(combs, pictures)) > 50
    for k, pixels in everything(done.clip):
        assert combs(pixels) < 10, k
    assert copied(film, tmp_path / "part.mp4", start=0.6, end=0.8).written == list(range(15, 20))


def test_frames_that_are_whole_stay_as_they_are(films: Path) -> None:
    """Stripes across, which a deinterlacer would take for combs."""
    stripes = np.full((72, 96, 3), 40, np.uint8)
    stripes[::2] = 200
    film = write_film(films / "stripes.mkv", [stripes] * 4, codec="ffv1", pix_fmt="yuv444p")
    pixels = first(film)
    assert np.abs(pixels.astype(float) - stripes).max() < 4


def test_fields_and_frames_of_other_sizes_in_turn(films: Path, tmp_path: Path) -> None:
    """None is lost, and each keeps its number."""
    fields, data = {"x264-params": "tff=1"}, b""
    for part, (more, width) in enumerate([({}, 96), (fields, 96), (fields, 64), ({}, 64)]):
        pictures = [woven(10 * part + k, width) for k in range(10)]
        data += write_film(films / "part.ts", pictures, options=SHORT_GOP | more).read_bytes()
    (films / "turns.ts").write_bytes(data)
    done = copied(films / "turns.ts", tmp_path / "out.mp4")
    assert done.read == [(k, k) for k in range(40)] and done.written == list(range(40))


def see_through(pixels: Pixels) -> Image.Image:
    """Black and transparent in its lower quarter."""
    height = pixels.shape[0] * 3 // 4
    picture = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    picture[height:] = 0
    return Image.fromarray(picture)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animations(suffix: str, films: Path, tmp_path: Path) -> None:
    pictures = [see_through(pixels) for pixels in frames(12)]
    film = films / f"animation.{suffix}"
    more: dict[str, Any] = {"webp": {"lossless": True}, "gif": {"disposal": 2}}.get(suffix, {})
    pictures[0].save(film, save_all=True, append_images=pictures[1:], duration=100, **more)
    done = copied(film, tmp_path / "out.mp4")
    assert done.clip.rate == done.made.rate == 10 and done.clip.sound is None
    assert done.read == [(k, k) for k in range(12)] and done.written == list(range(12))
    for _, pixels in everything(done.clip):
        assert (pixels[37:] == 255).all()
        assert np.abs(pixels[:24].astype(int) - pixels[:1]).max() <= 2  # bars, not noise
    assert copied(film, tmp_path / "part.mp4", start=0.5, end=0.8).written == [5, 6, 7]


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_animations_of_a_variable_rate(suffix: str, films: Path, tmp_path: Path) -> None:
    pictures = [Image.fromarray(pixels) for pixels in frames(6)]
    shown, film = [40, 80, 40, 300, 40, 80], films / f"uneven.{suffix}"
    pictures[0].save(film, save_all=True, append_images=pictures[1:], duration=shown, lossless=True)
    done = copied(film, tmp_path / "out.mp4")
    want = [Fraction(sum(shown[:k]), 1000) for k in range(7)]
    assert [done.clip.time(k) for k in range(7)] == want
    assert [done.made.time(k) for k in range(7)] == want


# --- GIF out ------------------------------------------------------------------------------------


def test_gif_out(plain: Path, tmp_path: Path) -> None:
    done = copied(plain, tmp_path / "out.gif", start=0.4, end=1.2)
    assert done.written == list(range(10, 30)) and done.made.rate == 25
    assert done.made.sound is None and done.made.path.read_bytes()[:6] == b"GIF89a"
    with Image.open(tmp_path / "out.gif") as picture:
        assert picture.n_frames == 20 and picture.info["loop"] == 0
        assert picture.info["duration"] == 40
        picture.seek(7)
        shown = np.asarray(picture.convert("RGB")).astype(int)
    assert np.abs(shown - numbered(17)).mean() < 12
    assert names(tmp_path) == ["out.gif"]


def test_gif_of_more_frames_than_a_gif_can_show(films: Path, tmp_path: Path) -> None:
    film = write_film(films / "fast.mp4", frames(48), rate=120)
    done = copied(film, tmp_path / "out.gif")
    assert np.diff(done.made.ticks).min() * done.made.time_base >= Fraction(1, 50)
    assert done.made.duration == pytest.approx(0.4, abs=0.03)
    for k, drawn in enumerate(done.written):  # which frames are left, they are at their moments
        assert float(done.made.time(k)) == pytest.approx(drawn / 120, abs=0.006)
    # Two frames at nearly the same moment are one.
    film = write_film(
        films / "close.mp4", frames(4), ticks=[0, 100, 101, 200], time_base=Fraction(1, 1000)
    )
    assert copied(film, tmp_path / "out.gif").written == [0, 1, 3]


def test_gif_too_long(films: Path, tmp_path: Path) -> None:
    film = write_film(films / "slow.mp4", frames(8), rate=Fraction(1, 5))
    with pytest.raises(StyleSwapError, match="at most 30 s long and this would be 40 s"):
        copied(film, tmp_path / "out.gif")
    assert names(tmp_path) == []
    assert len(copied(film, tmp_path / "out.gif", end=30).written) == 6


# --- what cannot be read ------------------------------------------------------------------------


def sentence(path: Path) -> str:
    with pytest.raises(StyleSwapError) as refused:
        open_clip(path, "film")
    text = str(refused.value)
    assert text.startswith("The film ") and text.endswith(".") and "\n" not in text
    return text


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_cut_short(share: float, plain: Path, films: Path, tmp_path: Path) -> None:
    whole = plain.read_bytes()
    assert whole.index(b"moov") < whole.index(b"mdat")
    (tmp_path / "front.mp4").write_bytes(whole[: int(len(whole) * share)])
    assert "cut short" in sentence(tmp_path / "front.mp4")
    behind = write_film(films / "behind.mp4", frames(20)).read_bytes()
    assert behind.index(b"moov") > behind.index(b"mdat")
    (tmp_path / "behind.mp4").write_bytes(behind[: int(len(behind) * min(share, 0.9))])
    assert "cut short" in sentence(tmp_path / "behind.mp4")
    mkv = write_film(films / "whole.mkv", frames(40)).read_bytes()
    (tmp_path / "a.mkv").write_bytes(mkv[: int(len(mkv) * min(share, 0.8))])
    assert any(words in sentence(tmp_path / "a.mkv") for words in ("cut short", "no frames"))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.8])
def test_webp_cut_short(share: float, films: Path, tmp_path: Path) -> None:
    pictures = [Image.fromarray(pixels) for pixels in frames(12)]
    film = films / "whole.webp"
    pictures[0].save(film, save_all=True, append_images=pictures[1:], lossless=True)
    (tmp_path / "a.webp").write_bytes(film.read_bytes()[: int(share * film.stat().st_size)])
    sentence(tmp_path / "a.webp")


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2.4,\nplain.ts\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile plain.ts\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"'
    ' mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="video/mp4">'
    "<Representation><BaseURL>plain.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("suffix", ["mp4", "m3u8"])
def test_playlists_are_not_followed(
    kind: str, suffix: str, plain: Path, films: Path, tmp_path: Path
) -> None:
    shutil.copy(plain, tmp_path / "plain.mp4")
    write_film(tmp_path / "plain.ts", frames(10))
    (tmp_path / f"list.{suffix}").write_text(PLAYLISTS[kind])
    assert "no video" in sentence(tmp_path / f"list.{suffix}")


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "bmp", "avif", "tiff"])
def test_still_pictures(suffix: str, tmp_path: Path) -> None:
    colourful(96, 64).save(tmp_path / f"still.{suffix}")
    shutil.copy(tmp_path / f"still.{suffix}", tmp_path / "still.mp4")
    for name in (f"still.{suffix}", "still.mp4"):
        assert "still picture" in sentence(tmp_path / name)


def tune(path: Path, cover: bool = False) -> Path:
    """Sound without pictures, or with one on its cover."""
    with av.open(str(path), "w") as container:
        out: Any = container.add_stream("aac", rate=SOUND_RATE)
        out.codec_context.layout = "mono"
        if cover:
            art: Any = container.add_stream("mjpeg", rate=1)
            art.width, art.height, art.pix_fmt = 64, 48, "yuvj420p"
            art.disposition = av.stream.Disposition.attached_pic
            shown = av.VideoFrame.from_ndarray(numbered(0), "rgb24").reformat(format="yuvj420p")
            container.mux([*art.encode(shown), *art.encode(None)])
        sound = beep(1, 0.3, 1)
        for k in range(0, 46 * 1024, 1024):
            frame = av.AudioFrame.from_ndarray(sound[:, k : k + 1024].copy(), "fltp", "mono")
            frame.sample_rate, frame.pts = SOUND_RATE, k
            frame.time_base = Fraction(1, SOUND_RATE)
            container.mux(out.encode(frame))
        container.mux(out.encode(None))
    return path


def test_sound_alone(tmp_path: Path) -> None:
    for cover in (False, True):
        film = tune(tmp_path / f"{cover}.mp4", cover)
        with av.open(str(film)) as container:
            assert len(container.streams.video) == cover
        assert "only sound" in sentence(film)


def test_other_files(plain: Path, tmp_path: Path) -> None:
    huge = b"YUV4MPEG2 W%d H%d F25:1 C420\nFRAME\n" + bytes(999)
    kinds: dict[str, tuple[bytes, str]] = {
        "text.mp4": (b"Dear reader, this is no film.\n" * 99, "no video"),
        "zeros.mp4": (bytes(9999), "no video"),
        "head.mp4": (plain.read_bytes()[:32], "no video"),
        "noise.mkv": (np.random.default_rng(0).bytes(9999), "no video"),
        "empty.mp4": (b"", "is an empty file"),
        "8k.y4m": (huge % (7680, 4320), "is 7680 x 4320, and 4096 x 2304 is the largest"),
        "tall.y4m": (huge % (64, 4098), "is 64 x 4098, and"),
    }
    for name, (data, words) in kinds.items():
        (tmp_path / name).write_bytes(data)
        assert words in sentence(tmp_path / name)
    assert "is a folder" in sentence(tmp_path)
    assert "no file" in sentence(tmp_path / "absent.mp4")
    assert "no file" in sentence(plain / "below.mp4")
    assert names(tmp_path) == sorted(kinds)


def test_a_pixel_so_wide_that_the_frame_is_too_large(films: Path) -> None:
    film = write_film(films / "far.mp4", [quarters(256, 48)] * 2, ratio=Fraction(20))
    assert "is 5120 x 48, and" in sentence(film)


def test_a_frame_that_cannot_be_decoded(plain: Path, tmp_path: Path) -> None:
    data = bytearray(plain.read_bytes())
    begin = data.index(b"mdat") + 4
    clip = open_clip(plain)
    data[begin:] = bytes(len(data) - begin)
    (tmp_path / "hollow.mp4").write_bytes(data)
    hollow = Clip(**{**clip.__dict__, "path": tmp_path / "hollow.mp4"})
    with pytest.raises(StyleSwapError, match="could not be decoded"):
        list(read_frames(hollow, range(10), (64, 48)))
    sentence(tmp_path / "hollow.mp4")


def test_a_file_that_goes_away_while_it_is_read(plain: Path, tmp_path: Path) -> None:
    clip = Clip(**{**open_clip(plain).__dict__, "path": tmp_path / "gone.mp4"})
    with pytest.raises(StyleSwapError, match="no file"):
        list(read_frames(clip, range(10), (64, 48)))


# --- what cannot be written ---------------------------------------------------------------------


def test_places_where_nothing_can_be_written(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    clip = open_clip(plain)
    for path, words in [
        (tmp_path / "a.avi", "ends in .mp4, .gif"),
        (tmp_path / "folder.mp4", "is a folder"),
        (tmp_path / "nowhere" / "a.mp4", "make the folder first"),
    ]:
        with (
            pytest.raises(StyleSwapError, match=words),
            writing(path, clip, range(60), (64, 48), 20),
        ):
            raise AssertionError("begun")
    assert names(tmp_path) == ["folder.mp4"]


@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_a_fault_while_writing_leaves_what_was_there(
    suffix: str, plain: Path, tmp_path: Path
) -> None:
    clip, target = open_clip(plain), tmp_path / f"a.{suffix}"
    target.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), writing(target, clip, range(60), (64, 48), 20) as writer:
        for k in range(50):
            writer.add(k, numbered(k))
        assert len(names(tmp_path)) == 2
        raise ZeroDivisionError
    assert names(tmp_path) == [target.name] and target.read_bytes() == b"old"


@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_what_is_done_by_then_is_a_whole_film(suffix: str, plain: Path, tmp_path: Path) -> None:
    clip, target = open_clip(plain), tmp_path / f"a.{suffix}"
    target.write_bytes(b"old")
    with writing(target, clip, range(60), (64, 48), 10) as writer:
        for k in range(17):
            writer.add(k, numbered(k))
    made = open_clip(target)
    assert [number(pixels) for _, pixels in everything(made)] == list(range(17))
    assert made.rate == 25 and made.duration == pytest.approx(17 / 25)
    if suffix == "mp4":
        assert heard(target)[1] == pytest.approx(17 / 25, abs=0.05)
        assert_probed(target, 17, Fraction(25), "aac")
    assert names(tmp_path) == [target.name]


@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_no_frame_at_all(suffix: str, plain: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(StyleSwapError, match="no frame yet"),
        writing(tmp_path / f"a.{suffix}", open_clip(plain), range(60), (64, 48), 20),
    ):
        pass
    assert names(tmp_path) == []


def test_it_plays_before_it_is_loaded(plain: Path, tmp_path: Path) -> None:
    copied(plain, tmp_path / "a.mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(tmp_path / "a.mp4")) as container:
        keys = [p.is_keyframe for p in container.demux(video=0) if p.size]
    gaps = np.diff([k for k, key in enumerate([*keys, True]) if key])
    assert keys[0] and gaps.max() <= 50  # two seconds


WRITE = """
    import resource, signal, sys, time
    from pathlib import Path
    import numpy as np
    from styleswap import video
    from styleswap.errors import StyleSwapError

    source, target, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    clip, dice = video.open_clip(source), np.random.default_rng(0)
    try:
        with video.writing(target, clip, range(60), (64, 48), 10) as writer:
            for k in range(60):
                writer.add(k, dice.integers(0, 256, (48, 64, 3), np.uint8))
                if k == 50 and not limit:
                    print("half", flush=True)
                    time.sleep(60)
    except StyleSwapError as error:
        print(error)
"""


def writer_process(source: Path, target: Path, limit: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITE), str(source), str(target), str(limit)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs limits on files")
@pytest.mark.parametrize(("suffix", "limit"), [("mp4", 1000), ("mp4", 100_000), ("gif", 50_000)])
def test_a_full_disk(suffix: str, limit: int, plain: Path, tmp_path: Path) -> None:
    process = writer_process(plain, tmp_path / f"a.{suffix}", limit)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in err
    assert out.startswith("Cannot save as") and "File too large" in out and out.count("\n") == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (av.error.ArgumentError(errno.EINVAL, "Invalid argument"), "The video's times are such"),
        (av.error.InvalidDataError(1094995529, "Invalid data"), "The video's times are such"),
        (OverflowError("too large"), "The video's times are such"),
        (av.error.FFmpegError(errno.ENOSPC, "No space left"), "Cannot save as .*No space left"),
    ],
    ids=lambda fault: type(fault).__name__ if isinstance(fault, Exception) else "",
)
def test_the_place_is_not_blamed_for_what_is_in_the_film(
    fault: Exception, words: str, plain: Path, tmp_path: Path
) -> None:
    clip = open_clip(plain)
    with (
        pytest.raises(StyleSwapError, match=words) as told,
        writing(tmp_path / "a.mp4", clip, range(60), (64, 48), 20),
    ):
        raise fault
    assert (str(tmp_path) in str(told.value)) == ("Cannot save" in words)
    assert names(tmp_path) == []


GO_ON = """
    import resource, signal, sys
    from pathlib import Path
    from styleswap import video
    from tests.helpers import numbered
    source, target = map(Path, sys.argv[1:])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    clip = video.open_clip(source)
    for limit in (0, 1000, 20000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        faults = []
        try:
            with video.writing(target, clip, clip.between(0, 0), (640, 480), 16) as writer:
                for k in range(60):
                    try:
                        writer.add(k, numbered(k, 640, 480))
                    except Exception as fault:
                        faults.append(fault)
        except Exception as fault:
            print(len(set(faults)), len(faults) > 1, type(fault).__name__, fault)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs limits on files")
def test_whoever_goes_on_after_a_fault_is_told_it_again(plain: Path, tmp_path: Path) -> None:
    """libavformat is not asked a second time: the process would not outlive it."""
    command = [sys.executable, "-c", textwrap.dedent(GO_ON), str(plain), str(tmp_path / "a.mp4")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert line.startswith("1 True StyleSwapError Cannot save as"), line


def test_killed_in_the_middle(plain: Path, tmp_path: Path) -> None:
    process = writer_process(plain, tmp_path / "a.mp4", 0)
    assert process.stdout is not None and process.stdout.readline() == "half\n"
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.communicate()
    assert [path for path in names(tmp_path) if path.endswith(".mp4")] == []


# --- a clip by itself ---------------------------------------------------------------------------


def clip_of(
    ticks: list[int],
    time_base: Fraction = Fraction(1, 1000),
    last: int = 40,
    rate: Fraction | None = None,
    size: tuple[int, int] = (640, 360),
) -> Clip:
    constant = rate is not None
    return Clip(
        Path("none.mp4"), size, ticks, time_base, last, rate or Fraction(25), constant, None
    )


tenths = st.integers(0, 120).map(lambda n: n / 10)


@given(st.sampled_from([*video.RATES, Fraction(10)]), st.integers(1, 300), tenths, tenths)
def test_between_of_a_constant_rate(rate: Fraction, n: int, start: float, end: float) -> None:
    clip = clip_of([round(k * 1000 / rate) for k in range(n)], rate=rate)
    check_between(clip, start, end)


@given(st.lists(st.integers(1, 900), min_size=1, max_size=60), tenths, tenths)
def test_between_of_a_variable_rate(gaps: list[int], start: float, end: float) -> None:
    ticks = [int(t) for t in np.cumsum([0, *gaps[:-1]])]
    check_between(clip_of(ticks, last=gaps[-1]), start, end)


def check_between(clip: Clip, start: float, end: float) -> None:
    begin, stop = Fraction(str(start)), Fraction(str(end)) or Fraction(10**6)
    times = [clip.time(k) for k in range(len(clip.ticks))]
    want = [k for k, time in enumerate(times) if begin <= time < stop]
    if begin >= min(stop, clip.time(len(times))):
        with pytest.raises(StyleSwapError, match="choose another part"):
            clip.between(start, end)
        return
    shown = [k for k, time in enumerate(times) if time <= begin][-1:]
    assert list(clip.between(start, end)) == (want or shown)


def test_between_takes_people_at_their_word() -> None:
    clip = clip_of([100 * k for k in range(30)], rate=Fraction(10))
    for k in range(1, 29):
        assert clip.between(k / 10, (k + 1) / 10) == range(k, k + 1)
    assert clip.between(0, 0) == clip.between(0, 99) == range(30)
    assert clip.between(2.95, 0) == range(29, 30)  # the last is on the screen until 3.0


@given(st.integers(1, 9000), st.integers(1, 9000), st.integers(2, 4000))
def test_fitted(width: int, height: int, longest: int) -> None:
    fitted = clip_of([0], size=(width, height)).fitted(longest)
    shrink = min(1, longest / max(width, height))
    for side, new in zip((width, height), fitted, strict=True):
        assert new % 2 == 0 and new >= 2
        assert abs(new - side * shrink) <= 1 or new == 2
    assert max(fitted) <= longest + 1


@given(st.lists(st.integers(-999, 999), min_size=1, max_size=40), st.integers(-1100, 1100))
def test_nearest(moments: list[int], pts: int) -> None:
    ticks = sorted(set(moments))
    found = ticks[video._nearest(ticks, pts)]
    assert abs(found - pts) == min(abs(tick - pts) for tick in ticks)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(video.RATES),
    st.sampled_from([Fraction(1, 1000), Fraction(1, 90_000), Fraction(1, 12_800)]),
    st.integers(2, 200),
    st.integers(-5000, 5000),
)
def test_rounded_moments_are_of_the_rate_that_was_meant(
    rate: Fraction, time_base: Fraction, n: int, begin: int
) -> None:
    ticks = [begin + round(k / rate / time_base) for k in range(n)]
    last = round(1 / rate / time_base)
    found = video._clip(Path("x"), (2, 2), ticks, time_base, last, video.RATES, None)
    assert found.constant
    if n > 150:  # 29.97 and 30 differ by no more than the rounding in a short film
        assert found.rate == rate


def survives(data: bytes, path: Path) -> None:
    """Frames, or one sentence; anything else escapes and fails the test."""
    path.write_bytes(data)
    try:
        clip = open_clip(path)
        for _, pixels in read_frames(clip, clip.between(0, 0), (32, 32)):
            assert pixels.shape == (32, 32, 3)
    except StyleSwapError as refused:
        assert str(refused).startswith("The video ") and "\n" not in str(refused)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "gif", "webp"])
def test_random_damage(suffix: str, films: Path, tmp_path: Path) -> None:
    film = films / f"small.{suffix}"
    if suffix in ("gif", "webp"):
        pictures = [Image.fromarray(pixels) for pixels in frames(5, 32, 32)]
        pictures[0].save(film, save_all=True, append_images=pictures[1:], lossless=True)
    else:
        write_film(film, frames(6, 32, 32), sound=beep(0.3, 0.1))
    whole, dice = film.read_bytes(), np.random.default_rng(1)
    heads = min(len(whole), 3000)
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(int(dice.integers(1, 6))):
            at = int(dice.integers(0, len(data) if dice.random() < 0.5 else heads))
            data[at] = int(dice.integers(0, 256))
        survives(bytes(data), tmp_path / f"bad.{suffix}")
    for _ in range(8):
        survives(whole[: int(dice.integers(1, len(whole)))], tmp_path / f"cut.{suffix}")


# --- what strangers send ------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8000, 11025, 12000, 16000])
def test_mp3_of_a_low_rate_becomes_aac(rate: int, films: Path, tmp_path: Path) -> None:
    """An MP4 holds no MP3 below 16 kHz."""
    sound = beep(1.2, 0.5, rate=rate)
    more = {"sound_codec": "libmp3lame", "sound_rate": rate, "codec": "mpeg4", "options": {}}
    film = write_film(films / f"low{rate}.avi", frames(30), sound=sound, **more)  # type: ignore[arg-type]
    clip = open_clip(film)
    chosen = clip.between(0, 0)
    with writing(tmp_path / "a.mp4", clip, chosen, clip.size, 21) as writer:
        for k, pixels in read_frames(clip, chosen, clip.size):
            writer.add(k, pixels)
    assert open_clip(tmp_path / "a.mp4").sound == ("aac" if rate < 16_000 else "mp3")


def test_a_codec_that_is_not_known(films: Path, tmp_path: Path) -> None:
    data = write_film(films / "known.mkv", frames(3)).read_bytes()
    (tmp_path / "a.mkv").write_bytes(data.replace(b"V_MPEG4/ISO/AVC", b"V_MPEG9/ISO/AVX"))
    assert "is coded in a way that is not known here" in sentence(tmp_path / "a.mkv")


@pytest.mark.parametrize("timescale", [2**31 - 1, 10**8, 10**6])
def test_an_absurd_frame_rate(timescale: int, films: Path, tmp_path: Path) -> None:
    data = bytearray(write_film(films / "slow.mp4", frames(6)).read_bytes())
    at = data.index(b"mdhd")
    data[at + 16 : at + 20] = struct.pack(">I", timescale)
    film = tmp_path / "a.mp4"
    film.write_bytes(data)
    told = sentence(film)
    assert "frames a second, which nothing plays" in told and "/" not in told
