from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from styleswap import video, weights
from styleswap.methods.base import Job, Step
from styleswap.specs import VideoParams, frame_knobs, knobs, stylisers
from tests import test_cli
from tests.helpers import ROOT, Writer, add_method, beep, colourful, number, numbered, write_film
from tests.test_cli import Call, assert_refused

call = test_cli.call
NTSC = Fraction(30000, 1001)
STYLE = weights.styles()[0].name


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 frames, 96 x 64, with sound."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    frames = [numbered(k, 96, 64) for k in range(30)]
    return write_film(path, frames, rate=NTSC, sound=beep(1, 0.5))


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """What the method ``bare``, which gives the frames back, was given."""
    jobs: list[Job] = []

    def run(job: Job) -> Iterator[Step]:
        jobs.append(job)
        yield Step(1, 1, job.content)

    add_method(monkeypatch, run, id="bare", style="none")
    return jobs


BARE = ("--method", "bare", "--steady", 0)


def drawn(path: Path) -> list[int]:
    clip = video.open_clip(path)
    return [number(p) for _, p in video.read_frames(clip, clip.between(0, 0), clip.size)]


def test_json_is_one_line_about_the_film(call: Call, film: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    code, out, err = call("video", film, "--style", STYLE, "-o", target, "--json")
    assert code == 0 and err == "" and out.count("\n") == 1
    facts = json.loads(out)
    assert list(facts) == [
        *("method", "output", "frames", "fps_in", "fps_out", "width", "height"),
        *("audio", "seconds", "ms_per_frame"),
    ]
    assert facts["method"] == "johnson" and facts["output"] == str(target)
    assert facts["frames"] == 30 and facts["fps_in"] == facts["fps_out"] == "30000/1001"
    assert (facts["width"], facts["height"], facts["audio"]) == (96, 64, "aac")
    assert facts["seconds"] > 0
    assert facts["ms_per_frame"] == pytest.approx(1000 * facts["seconds"] / 30, rel=0.05, abs=0.05)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_without_json_it_is_a_sentence(call: Call, film: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    code, out, _ = call("video", film, *BARE, "-o", target)
    assert code == 0 and out.startswith(f"wrote {target}, 96 x 64, 30 frames, ")
    assert out.endswith(" ms a frame\n") and out.count("\n") == 1
    assert drawn(target) == list(range(30))


def test_a_slow_method_says_so_first(call: Call, film: Path, tmp_path: Path) -> None:
    code, _, err = call("video", film, *BARE, "--end", 0.2, "-o", tmp_path / "out.mp4")
    assert code == 0 and "for each of 6 frames; johnson and meta are made for videos" in err


def test_a_picture_is_for_meta(call: Call, film: Path, writer: Writer, tmp_path: Path) -> None:
    colourful(80, 80).rotate(45).save(tmp_path / "swirl.jpg")
    command = ("video", film, "--style", tmp_path / "swirl.jpg", "--end", 0.2, "--json")
    code, out, err = call(*command, "-o", tmp_path / "a.mp4", "--warping-error")
    facts = json.loads(out)
    assert code == 0 and err == "" and facts["method"] == "meta" and facts["frames"] == 6
    assert 0 < facts["warping_error"] < 1 and 0 < facts["warping_error_content"] < 1
    code, out, _ = call(*command, "-o", tmp_path / "b.mp4", "--strength", 0.2)
    assert code == 0 and "warping_error" not in json.loads(out)
    assert (tmp_path / "a.mp4").read_bytes() != (tmp_path / "b.mp4").read_bytes()


def test_a_part_of_the_film(call: Call, film: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    code, out, _ = call("video", film, *BARE, "-o", target, "--start", 0.3, "--end", 0.7, "--json")
    assert code == 0 and json.loads(out)["frames"] == 12
    assert drawn(target) == list(range(9, 21))
    code, out, _ = call("video", film, *BARE, "-o", target, "--start", 0.9, "--json")
    assert code == 0 and drawn(target) == [27, 28, 29]
    refused = call("video", film, *BARE, "-o", tmp_path / "no.mp4", "--start", 5)
    assert_refused((refused[0], refused[1], refused[2].splitlines()[-1] + "\n"), "another part")
    assert not (tmp_path / "no.mp4").exists()


def test_size_quality_and_gif(call: Call, film: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.gif"
    code, out, _ = call("video", film, *BARE, "-o", target, "--size", 64, "--end", 0.4, "--json")
    facts = json.loads(out)
    assert code == 0 and (facts["width"], facts["height"]) == (64, 42) and facts["audio"] is None
    with Image.open(target) as picture:
        assert picture.format == "GIF" and picture.n_frames == 12
    sizes = []
    for quality in ("small", "best"):
        code, *_ = call("video", film, *BARE, "-o", tmp_path / "q.mp4", "--quality", quality)
        assert code == 0
        sizes.append((tmp_path / "q.mp4").stat().st_size)
    assert sizes[0] < 0.8 * sizes[1]


def test_johnson_of_strength_0_gives_the_film_back(call: Call, film: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    flags = ("--strength", 0, "--steady", 0, "--quality", "best", "--end", 0.2)
    code, *_ = call("video", film, "--style", STYLE, "-o", target, *flags)
    assert code == 0 and drawn(target) == list(range(6))
    made = video.open_clip(target)
    ((_, pixels),) = video.read_frames(made, range(1), made.size)
    assert np.abs(pixels.astype(int) - numbered(0, 96, 64)).mean() < 6  # of which most is chroma


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("-o", "out.avi"), "ends in .mp4, .gif"),
        (("-o", "out"), "ends in .mp4, .gif"),
        (("-o", "no/out.mp4"), "make the folder first"),
        (("--style", "nobody"), "no trained style called nobody"),
        (("--style", STYLE, "--refine", 9), "has no setting called refine"),
        (("--style", STYLE, "--finish", "denoise"), "finish"),
        (("--style", STYLE, "--method", "nope"), "no method called 'nope'"),
        (("--style", STYLE, "--steady", 1.5), "steady must be"),
        (("--style", STYLE, "--size", 63), "size must be"),
        (("--style", STYLE, "--start", -1), "start must be"),
        (("--style", STYLE, "--quality", "gold"), "quality must be one of"),
        (("--style", STYLE, "--style-weight", 0), "weight must be above 0"),
        (("--style", STYLE, "--start", 5), "choose another part"),
        ((), "johnson needs a trained style"),
        (("--style", STYLE) * 5, "at most 4 trained styles, not 5"),
    ],
    ids=lambda v: " ".join(map(str, v)) if isinstance(v, tuple) else "",
)
def test_refusals(
    flags: tuple[object, ...], word: str, call: Call, film: Path, tmp_path: Path
) -> None:
    flags = tuple(tmp_path / f if str(f).startswith(("out", "no/")) else f for f in flags)
    target = () if "-o" in flags else ("-o", tmp_path / "out.mp4")
    style = ("--style", STYLE) if "-o" in flags else ()
    code, out, err = call("video", film, *style, *target, *flags)
    assert code == 2 and out == "" and err.count("\n") == 1 and word in err, err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["text.mp4", "empty.mp4", "absent.mp4", "folder.mp4", "cut.mp4"])
def test_what_is_no_film(name: str, call: Call, film: Path, tmp_path: Path) -> None:
    bad = tmp_path / name
    if name == "folder.mp4":
        bad.mkdir()
    elif name != "absent.mp4":
        data = {"text.mp4": b"words " * 99, "empty.mp4": b""}
        bad.write_bytes(data.get(name, film.read_bytes()[:9000]))
    refused = call("video", bad, "--style", STYLE, "-o", tmp_path / "out.mp4")
    assert_refused(refused, "The video")
    assert not (tmp_path / "out.mp4").exists()


def test_help_has_a_flag_for_every_setting(call: Call) -> None:
    code, out, _ = call("video", "--help")
    assert code == 0 and "Settings of the video" in out
    of_methods = [k for spec in stylisers() for k in frame_knobs(spec, VideoParams)]
    for k in [*knobs(VideoParams), *of_methods]:
        assert f"--{k.name.replace('_', '-')} " in out
    assert "--finish" not in out


INTERRUPTED = """
    import sys, time
    from styleswap import cli, movie

    restyle = movie.restyle

    def told(*about):
        for progress in restyle(*about):
            print(progress.i, file=sys.stderr, flush=True)
            time.sleep(0.05)
            yield progress

    movie.restyle = told
    cli.main()
"""


def test_ctrl_c_keeps_what_is_done(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    command = ("video", film, "--style", STYLE, "--strength", 0, "--steady", 0, "-o", target)
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED), *map(str, command), "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while (line := process.stderr.readline()) != "5\n":
        assert line.strip().isdecimal(), line + process.stderr.read()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and "Traceback" not in err
    facts = json.loads(out)
    done = facts["frames"]
    assert 5 <= done < 30 and drawn(target) == list(range(done))
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
