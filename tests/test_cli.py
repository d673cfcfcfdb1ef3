from __future__ import annotations

import functools
import io
import json
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from styleswap import cli, weights
from styleswap.errors import StyleSwapError
from styleswap.methods import denoise
from styleswap.methods.base import Job, Step
from styleswap.specs import METHODS, GatysParams, StylisingParams, Text, knob, knobs
from styleswap.training import data
from tests.helpers import ROOT, add_method, colourful

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """``styleswap ...`` in this process: exit code, standard output and standard error.

    Whatever would be a traceback in a terminal comes up as an exception here.
    """
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["styleswap", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0 if code is None else 1), out, err

    return run


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "content.png"
    colourful(150, 100).save(path)
    return path


@pytest.fixture
def swirl(tmp_path: Path) -> Path:
    path = tmp_path / "swirl.jpg"
    colourful(80, 80).rotate(45).save(path)
    return path


QUICK = ("--method", "gatys", "--size", 64, "--steps", 2, "--network", "small")


def assert_refused(result: tuple[int, str, str], *words: str) -> None:
    """Exit 2, nothing on standard output, one sentence on standard error."""
    code, out, err = result
    assert code == 2 and out == ""
    assert err.count("\n") == 1 and err.strip().endswith((".", "?")), err
    for word in words:
        assert word in err


# --- making pictures ----------------------------------------------------------------------------


def test_json_is_one_line_about_the_file(
    call: Call, content: Path, swirl: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.png"
    code, out, err = call("image", content, "--style", swirl, "-o", target, *QUICK, "--json")
    assert code == 0 and err == "" and out.count("\n") == 1
    facts = json.loads(out)
    assert list(facts) == [
        *("method", "output", "width", "height", "seconds"),
        *("perceptual", "content_loss", "style_loss"),
    ]
    assert facts["method"] == "gatys" and facts["output"] == str(target)
    assert (facts["width"], facts["height"]) == (64, 43) == Image.open(target).size
    assert facts["perceptual"] == "small" and facts["seconds"] > 0
    assert 0 <= facts["content_loss"] < 1 and 0 < facts["style_loss"] < 100
    assert sorted(p.name for p in tmp_path.iterdir()) == ["content.png", "out.png", "swirl.jpg"]


@pytest.mark.parametrize(("suffix", "format"), [(".jpg", "JPEG"), (".webp", "WEBP")])
def test_without_json_it_is_a_sentence(
    suffix: str, format: str, call: Call, content: Path, swirl: Path, tmp_path: Path
) -> None:
    target = tmp_path / f"out{suffix}"
    code, out, err = call("image", content, "--style", swirl, "--output", target, *QUICK)
    assert code == 0 and err == ""
    assert out.startswith(f"wrote {target}, 64 x 43, ") and out.endswith(" s\n")
    assert Image.open(target).format == format


def test_snapshots(call: Call, content: Path, swirl: Path, tmp_path: Path) -> None:
    arguments = ("--style", swirl, "-o", tmp_path / "out.png", *QUICK, "--steps", 6)
    code, *_ = call("image", content, *arguments, "--snapshots", 2)
    assert code == 0
    found = sorted(p.name for p in tmp_path.glob("out*"))
    assert found == ["out-0002.png", "out-0004.png", "out.png"]
    pictures = {Image.open(tmp_path / name).tobytes() for name in found}
    assert len(pictures) == 3


@dataclass(frozen=True, kw_only=True)
class Steps(StylisingParams):
    steps: int = knob(5, Text("Steps", "步"), Text("How many.", "多少。"), low=1, high=99, step=1)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """What the method ``fake``, which takes two styles, was given."""
    found: list[Job] = []

    def run(job: Job) -> Iterator[Step]:
        found.append(job)
        yield Step(1, 1, job.content)

    add_method(monkeypatch, run, params=Steps, max_styles=2)
    return found


def test_styles_have_their_weights(
    jobs: list[Job], call: Call, content: Path, swirl: Path, tmp_path: Path
) -> None:
    both = ("image", content, "--style", swirl, "--style", content, "--method", "fake")
    arguments = (*both, "-o", tmp_path / "out.png", "--json")
    code, out, _ = call(*arguments, "--style-weight", 3, "--style-weight", 0.5)
    assert code == 0 and call(*arguments)[0] == 0
    assert [[s.weight for s in job.styles] for job in jobs] == [[3, 0.5], [1, 1]]
    sizes = [s.picture.shape[2:] for s in jobs[0].styles if s.picture is not None]
    assert sizes == [(80, 80), (100, 150)]
    facts = json.loads(out)
    assert facts["content_loss"] is facts["style_loss"] is facts["perceptual"] is None


def test_two_styles_with_gatys(call: Call, content: Path, swirl: Path, tmp_path: Path) -> None:
    losses = []
    for weight in (1, 50):
        arguments = ("--style-weight", 1, "--style-weight", weight, "-o", tmp_path / "out.png")
        code, out, _ = call(
            "image", content, "--style", swirl, "--style", content, *arguments, *QUICK, "--json"
        )
        assert code == 0
        losses.append(json.loads(out)["style_loss"])
    assert losses[1] < 0.5 * losses[0]  # the content itself is the heavier style


def test_flags_reach_their_settings(
    jobs: list[Job], call: Call, content: Path, swirl: Path, tmp_path: Path
) -> None:
    usual = ("image", content, "--style", swirl, "--method", "fake", "-o", tmp_path / "o.png")
    call(*usual)
    call(*usual, "--steps", 7, "--size", 96)
    assert [job.params for job in jobs] == [Steps(), Steps(steps=7, size=96)]


def test_every_flag_of_gatys_reaches_its_setting(
    monkeypatch: pytest.MonkeyPatch, call: Call, content: Path, swirl: Path, tmp_path: Path
) -> None:
    seen: list[StylisingParams] = []

    def run(job: Job) -> Iterator[Step]:
        seen.append(job.params)
        yield Step(1, 1, job.content)

    monkeypatch.setattr("styleswap.methods.gatys.run", run)
    values: dict[str, object] = {}
    flags: list[object] = []
    for k in knobs(GatysParams):
        flag = "--" + k.name.replace("_", "-")
        if k.kind == "bool":
            values[k.name] = not k.default
            flags.append(flag)
            continue
        other = [c.value for c in k.choices if c.value != k.default]
        values[k.name] = other[-1] if other else "relu3_1=2" if k.kind == "layers" else k.low
        flags += [flag, values[k.name]]
    usual = ("--style", swirl, "--method", "gatys", "-o", tmp_path / "out.png")
    code, *_ = call("image", content, *usual, *flags)
    assert code == 0 and seen == [GatysParams(**values)]  # type: ignore[arg-type]


def test_a_trained_style_and_none_at_all(
    monkeypatch: pytest.MonkeyPatch, call: Call, content: Path, tmp_path: Path
) -> None:
    names: list[list[str | None]] = []

    def run(job: Job) -> Iterator[Step]:
        names.append([s.name for s in job.styles])
        yield Step(1, 1, job.content)

    add_method(monkeypatch, run, id="ready", style="trained")
    add_method(monkeypatch, run, id="bare", style="none")
    rest = ("-o", tmp_path / "out.png")
    style = weights.styles()[0].name
    assert call("image", content, "--method", "ready", "--style", style, *rest)[0] == 0
    assert call("image", content, "--method", "bare", *rest)[0] == 0
    assert names == [[style], []]
    assert_refused(call("image", content, "--method", "ready", *rest), "needs a trained style")
    assert_refused(
        call("image", content, "--method", "bare", "--style", style, *rest), "takes no style"
    )


@pytest.mark.parametrize("command", ["image", "images"])
def test_what_paints_where_nobody_says_hangs_on_the_style(
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    call: Call,
    content: Path,
    swirl: Path,
    tmp_path: Path,
) -> None:
    used: list[tuple[str, list[tuple[str | None, float]]]] = []

    def run(job: Job, method: str) -> Iterator[Step]:
        used.append((method, [(s.name, s.weight) for s in job.styles]))
        yield Step(1, 1, job.content)

    for method in ("johnson", "meta"):
        module = f"styleswap.methods.{method}.run"
        monkeypatch.setattr(module, functools.partial(run, method=method))
    (folder := tmp_path / "pictures").mkdir()
    shutil.copy(content, folder)
    start = (command, content if command == "image" else folder, "-o", tmp_path / "out.png")
    shares = ("--style-weight", 0.25, "--style-weight", 0.75)
    assert call(*start, "--style", swirl)[0] == 0
    assert call(*start, "--style", swirl, "--style", content, *shares)[0] == 0
    assert call(*start, "--style", "udnie", "--style", "great-wave", *shares)[0] == 0
    assert used == [
        ("meta", [(None, 1.0)]),
        ("meta", [(None, 0.25), (None, 0.75)]),
        ("johnson", [("udnie", 0.25), ("great-wave", 0.75)]),
    ]


UNKNOWN = "There is no file and no trained style called"


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--style", "the-screan"), f"{UNKNOWN} the-screan. Did you mean the-scream?"),
        (("--style", "The Scream"), f"{UNKNOWN} The Scream. Did you mean the-scream?"),
        (("--style", "scream.jpg"), f"{UNKNOWN} scream.jpg. Did you mean the-scream?"),
        (("--style", "the_great_wave_off_kanagawa"), "Did you mean great-wave?"),
        (("--style", "qqq"), f"{UNKNOWN} qqq. `styleswap styles` lists the latter."),
        (("--method", "johnson", "--style", "udnei"), "Did you mean udnie?"),
        (("--method", "johnson", "--style", "qqq"), "choose one of starry-night, "),
        (
            ("--method", "adain", "--style", "udnie"),
            "udnie is a trained style, which johnson takes",
        ),
        (("--style", "udnie", "--style", "swirl.jpg"), "takes; give meta a picture."),
        (("--method", "johnson", "--style", "swirl.jpg"), "is a picture, which meta takes; give"),
    ],
)
def test_a_style_that_it_cannot_be(
    flags: tuple[str, ...],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    call: Call,
    content: Path,
    swirl: Path,
) -> None:
    monkeypatch.chdir(swirl.parent)
    for start in (("image", content, "-o", "out.png"), ("images", swirl.parent, "-o", "out")):
        assert_refused(call(*start, *flags), sentence)
    if flags[:2] == ("--style", "udnie"):
        assert_refused(call("compare", content, *flags[:2], "-o", "out"), "give compare a picture.")


def test_a_trained_style_is_meant_where_a_folder_has_its_name(
    monkeypatch: pytest.MonkeyPatch, call: Call, content: Path, tmp_path: Path
) -> None:
    """As the runs of a training have."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "udnie").mkdir()
    code, _, err = call("image", content, "--style", "udnie", "-o", "out.png", "--size", 64)
    assert (code, err) == (0, "") and Image.open("out.png").size == (64, 43)


def interrupted(after: int) -> Callable[[Job], Iterator[Step]]:
    def run(job: Job) -> Iterator[Step]:
        for i in range(1, after + 1):
            yield Step(i, 9, job.content[..., ::2, ::2])  # still at a coarse scale
        raise KeyboardInterrupt

    return run


def test_ctrl_c_keeps_what_is_done(
    monkeypatch: pytest.MonkeyPatch, call: Call, content: Path, swirl: Path, tmp_path: Path
) -> None:
    arguments = ("image", content, "--style", swirl, "--method", "fake", "-o", tmp_path / "o.png")
    add_method(monkeypatch, interrupted(0))
    assert_refused(call(*arguments), "nothing was written")
    assert not (tmp_path / "o.png").exists()
    add_method(monkeypatch, interrupted(3))
    code, out, err = call(*arguments, "--json", "--size", 64)
    assert code == 0 and err == "stopped at step 3 of 9\n" and json.loads(out)["width"] == 64
    assert Image.open(tmp_path / "o.png").size == (64, 43)


# --- what people send ---------------------------------------------------------------------------


def jpeg() -> bytes:
    buffer = io.BytesIO()
    colourful(200, 150).save(buffer, "JPEG")
    return buffer.getvalue()


def huge_png() -> bytes:
    """30000 x 30000 in one colour: 100 KB that would be 2.7 GB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(30_000 * (1 + 30_000 // 8)), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def png(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "PNG")
    return buffer.getvalue()


HOSTILE = {
    "text.jpg": lambda: b"not a picture at all\n" * 50,
    "empty.png": lambda: b"",
    "cut.jpg": lambda: jpeg()[: len(jpeg()) // 2],
    "head.jpg": lambda: jpeg()[:20],
    "dot.png": lambda: png((1, 1)),
    "huge.png": huge_png,
    "strip.png": lambda: png((1, 4000)),
    "thin.png": lambda: png((20, 4000)),
}


@pytest.mark.parametrize("name", [*HOSTILE, "folder.png", "absent.png"])
def test_hostile_files(name: str, call: Call, content: Path, swirl: Path, tmp_path: Path) -> None:
    bad, target = tmp_path / name, tmp_path / "out.png"
    if name in HOSTILE:
        bad.write_bytes(HOSTILE[name]())
    elif name == "folder.png":
        bad.mkdir()
    assert_refused(call("image", bad, "--style", swirl, "-o", target, *QUICK))
    if name != "thin.png":  # as a style it may be thin: no result is made in its shape
        refused = call("image", content, "--style", bad, "-o", target, *QUICK)
        assert_refused(refused, "no file" if name == "absent.png" else "style picture")
    assert not target.exists()


@pytest.mark.parametrize("mode", ["RGBA", "CMYK", "LA", "P", "I;16", "1"])
def test_unusual_files_that_are_pictures(
    mode: str, call: Call, swirl: Path, tmp_path: Path
) -> None:
    source = tmp_path / ("in.jpg" if mode == "CMYK" else "in.png")
    picture = colourful(90, 60)
    if mode == "I;16":
        picture = Image.new("I;16", (90, 60), 30_000)
    (picture if mode == "I;16" else picture.convert(mode)).save(source)
    code, _, err = call("image", source, "--style", source, "-o", tmp_path / "out.png", *QUICK)
    assert code == 0, err
    assert Image.open(tmp_path / "out.png").mode == "RGB"


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--size", 63), "size must be a whole number from 64 to 2048"),
        (("--steps", 0), "steps must be"),
        (("--style-strength", "nan"), "style_strength must be"),
        (("--style-strength", "inf"), "style_strength must be"),
        (("--start", "middle"), "start must be one of"),
        (("--network", "vgg16"), "network must be one of"),
        (("--style-layers", "relu9_9"), "relu9_9"),
        (("--style-layers", ""), "style_layers needs"),
        (("--content-layers", "conv4_2=-1"), "conv4_2=-1"),
        (("--method", "nope"), "no method called 'nope'"),
        (("--style-weight", 1, "--style-weight", 2), "1 styles and 2 weights"),
        (("--style-weight", 0), "weight must be above 0"),
        (("--style-weight", "nan"), "weight must be above 0"),
    ],
)
def test_bad_values(
    flags: tuple[object, ...], word: str, call: Call, content: Path, swirl: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.png"
    usual = ("--style", swirl, "--method", "gatys", "-o", target)
    assert_refused(call("image", content, *usual, *flags), word)
    assert not target.exists()


@pytest.mark.parametrize(
    "flags", [("--size", "big"), ("--steps", "1.5"), ("--no-such-flag",), ("--snapshots", "-1")]
)
def test_values_of_another_type(
    flags: tuple[str, ...], call: Call, content: Path, swirl: Path, tmp_path: Path
) -> None:
    code, out, err = call("image", content, "--style", swirl, "-o", tmp_path / "o.png", *flags)
    assert code == 2 and out == "" and flags[0] in err and "Traceback" not in err


def test_gatys_needs_a_style(call: Call, content: Path, tmp_path: Path) -> None:
    arguments = ("image", content, "--method", "gatys", "-o", tmp_path / "out.png")
    assert_refused(call(*arguments), "needs a style picture")


def test_a_setting_that_another_method_has(
    jobs: list[Job], call: Call, content: Path, swirl: Path, tmp_path: Path
) -> None:
    arguments = ("image", content, "--style", swirl, "--method", "fake", "-o", tmp_path / "o.png")
    assert_refused(call(*arguments, "--tv", 2), "fake has no setting called tv")
    assert not jobs


@pytest.mark.parametrize("target", ["missing/out.png", "out.gif", "out", "."])
def test_a_target_that_cannot_be_written_is_refused_before_the_work(
    target: str, jobs: list[Job], call: Call, content: Path, swirl: Path, tmp_path: Path
) -> None:
    path = tmp_path / target
    assert_refused(
        call("image", content, "--style", swirl, "--method", "fake", "-o", path), "Cannot save as"
    )
    assert not jobs and not (tmp_path / "missing").exists()


# --- methods, help and training -----------------------------------------------------------------


def test_methods_as_json(call: Call) -> None:
    code, out, err = call("methods", "--json")
    assert code == 0 and err == "" and out.count("\n") == 1
    listed = json.loads(out)
    assert [m["id"] for m in listed] == list(METHODS)
    for entry, spec in zip(listed, METHODS.values(), strict=True):
        assert entry["title"] == spec.title.en and entry["summary"] == spec.summary.en
        assert (entry["paper"], entry["style"], entry["pace"]) == (
            *(spec.paper, spec.style, spec.pace),
        )
        assert entry["max_styles"] == spec.max_styles
        for shown, k in zip(entry["params"], knobs(spec.params), strict=True):
            assert shown == {
                **{"name": k.name, "kind": k.kind, "default": k.default},
                **{"low": k.low, "high": k.high, "help": k.help.en},
                "choices": [c.value for c in k.choices],
            }


def test_methods_as_a_table(call: Call) -> None:
    code, out, _ = call("methods")
    assert code == 0
    assert all(name in out for name in METHODS) and "style_strength" in out.replace("\n", "")


def test_help_has_a_flag_for_every_setting(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = call("image", "--help")
    assert code == 0
    for spec in METHODS.values():
        assert f"Settings of {spec.id}" in out or f", {spec.id}" in out
        for k in knobs(spec.params):
            assert f"--{k.name.replace('_', '-')} " in out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("image", "a.png", "--size", "big", "-o", "o.png"), "--size"),
        (("image", "a.png", "--bogus", "3", "-o", "o.png"), "--bogus"),
        (("image", "a.png"), "--output"),
        (("image",), "content"),
        (("paint",), "paint"),
        (("train", "perceptual", "--pictures", ".", "--steps", "0"), "--steps"),
    ],
)
def test_a_command_line_that_cannot_be_read(
    arguments: tuple[str, ...], word: str, call: Call
) -> None:
    code, out, err = call(*arguments)
    assert code == 2 and out == ""
    assert err.count("\n") == 1 and word in err.lower()


def test_no_arguments_is_help(call: Call) -> None:
    code, out, err = call()
    assert code in (0, 2) and "image" in out + err and "train" in out + err


def test_training_refuses_what_is_not_there(call: Call, tmp_path: Path) -> None:
    places = ("--runs", tmp_path / "runs", "-o", tmp_path / "weights")
    command = ("train", "perceptual", "--teacher", tmp_path, *places)
    code, _, err = call(*command, "--pictures", tmp_path / "none")
    assert code == 2 and "fewer than two pictures" in err and "Traceback" not in err
    for i in range(2):
        colourful(80, 80).save(tmp_path / f"{i}.png")
    code, _, err = call(*command, "--pictures", tmp_path)
    assert code == 2 and "no safetensors files" in err and "Traceback" not in err
    assert not (tmp_path / "weights").exists()


class Trained(torch.nn.Linear):
    """Stands for a network that has been trained, whatever of."""

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.width = 1

    def named_weights(self) -> dict[str, torch.Tensor]:
        return self.state_dict()


@pytest.mark.parametrize(
    "what",
    [
        ("perceptual",),
        ("style", ROOT / "examples/style/waves.jpg"),
        ("inverse", "relu1_1"),
        ("meta",),
    ],
    ids=lambda what: what[0],
)
def test_every_training_tells_how_many_pictures_it_skipped(
    what: tuple[object, ...], call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pictures"
    for name in ("a.png", "b.png", "below/c.png", "below/d.png", ".hidden/e.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        colourful(80, 64).save(folder / name)
    (folder / "._a.png").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        ")
    (folder / "below" / "cut.png").write_bytes((folder / "a.png").read_bytes()[:300])
    (folder / "cut.jpg").write_bytes(b"nothing of the kind")

    def train(settings: Any, *_: object, **more: object) -> tuple[Trained, dict[str, float]]:
        (pictures,) = {getattr(settings, "photos", ()) or settings.pictures}
        files = [file for part in data.find_pictures(*map(Path, pictures)) for file in part]
        data.Crops(files, 16).draw(100, torch.Generator().manual_seed(0))
        return Trained(), dict.fromkeys(("content", "style", "weight", "worst"), 0.0)

    monkeypatch.setattr(f"styleswap.training.{what[0]}.train", train)
    monkeypatch.setattr("styleswap.training.style.repaint", lambda net, picture: picture)
    monkeypatch.setattr("styleswap.training.publish.publish", lambda *_: tmp_path / "made")
    places = ["--folder", tmp_path, "--runs", tmp_path / "runs"]
    if what[0] == "perceptual":
        places = ["--runs", tmp_path / "runs", "-o", tmp_path, "--pictures", folder]
    else:
        places += ["--photos", folder]
    if what[0] == "style":
        places += ["-o", "mine"]
    elif what[0] != "perceptual":
        places += ["--paintings", folder]
    for more, count in (((), "1 picture"), (("--recursive",), "2 pictures")):
        monkeypatch.setattr(data, "unreadable", set())
        code, out, err = call("train", *what, *places, *more)
        assert code == 0, err
        assert f"skipped {count} that could not be read\n" in out


def test_an_inverse_network_is_trained_and_published(call: Call, tmp_path: Path) -> None:
    for i in range(3):
        colourful(80, 80).rotate(30 * i).save(tmp_path / f"{i}.png")
    made = tmp_path / "made"
    data = ("--photos", tmp_path, "--paintings", tmp_path)
    command = ("train", "inverse", "relu1_1", *data, "--folder", made, "--runs", tmp_path / "runs")
    code, out, _ = call(*command, "--steps", "2", "--batch", "2", "--crop", "64")
    assert code == 0 and str(made) in out
    entry = weights.manifest(made)["inverse-relu1_1"]
    assert entry.kind == "inverse" and entry.about["layer"] == "relu1_1"
    assert set(entry.about["losses"]) == {"content", "style", "pixels"}
    assert weights.load("inverse-relu1_1", made)["last.weight"].shape[0] == 3
    assert_refused(call("train", "inverse", "relu5_1", *data), "choose one of relu1_1")
    assert_refused(call("train", "inverse", "relu1_1", *data, "--batch", "3"), "not 3")


def test_help_does_not_wait_for_torch() -> None:
    script = "import sys, styleswap.cli; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60)
    assert done.returncode == 0


def test_a_real_process_exits_2_with_one_line(tmp_path: Path) -> None:
    script = "from styleswap.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "image", "nothing.jpg", "-o", str(tmp_path / "out.png")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "nothing.jpg" in done.stderr


# --- trained styles -----------------------------------------------------------------------------


def test_styles_lists_what_is_shipped(call: Call) -> None:
    code, out, err = call("styles", "--json")
    found = json.loads(out)
    assert code == 0 and err == "" and len(found) >= 16
    for row in found:
        assert list(row) == ["id", "method", "title", "artist", "year", "width", "files"]
        assert row["title"] and row["artist"] and row["width"] == 64
        assert len(row["files"]) == 2
        for name in row["files"]:
            assert (weights.PRETRAINED / name).is_file()
    code, out, err = call("styles")
    assert code == 0 and all(row["id"] in out and row["title"] in out for row in found)


def test_a_picture_in_a_trained_style(call: Call, content: Path, tmp_path: Path) -> None:
    results = []
    for style in [row.name for row in weights.styles()][:2]:
        target = tmp_path / f"{style}.png"
        arguments = ("--method", "johnson", "--style", style, "-o", target, "--size", 96)
        code, out, err = call("image", content, *arguments, "--json")
        assert code == 0 and err == "" and json.loads(out)["width"] == 96
        results.append(Image.open(target).tobytes())
    assert results[0] != results[1]
    assert_refused(
        call("image", content, "--method", "johnson", "--style", "sunday", "-o", target),
        "no trained style called 'sunday'",
    )


def test_a_folder_of_pictures(call: Call, tmp_path: Path) -> None:
    pictures, made = tmp_path / "in", tmp_path / "deep" / "out"
    pictures.mkdir()
    colourful(90, 60).save(pictures / "one.png")
    colourful(60, 90).convert("L").save(pictures / "two.JPG")
    colourful(64, 64).save(pictures / "three.bmp")
    (pictures / "words.txt").write_text("not a picture")
    style = weights.styles()[0].name
    code, out, err = call("images", pictures, "--style", style, "-o", made, "--size", 64)
    assert code == 0 and out == f"wrote 3 pictures to {made}\n" and "Traceback" not in err
    sizes = {file.name: Image.open(file).size for file in made.iterdir()}
    assert sizes == {"one.png": (64, 43), "two.JPG": (43, 64), "three.bmp.png": (64, 64)}
    # One that cannot be read does not keep the others from being made, and hidden ones are none.
    (pictures / "broken.jpg").write_bytes(b"nothing of the kind")
    (pictures / "cut.png").write_bytes((pictures / "one.png").read_bytes()[:200])
    (pictures / "._one.png").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        ")
    code, out, err = call("images", pictures, "--style", style, "-o", made, "--size", 80)
    assert code == 0
    assert out == f"wrote 3 pictures to {made}, skipped 2 that could not be read\n"
    assert "broken.jpg: " in err and "cut.png: " in err and "._one" not in err
    assert Image.open(made / "one.png").size == (80, 53)
    # What is wrong with the job, and not with a file, still fails.
    colourful(400, 16).save(pictures / "thin.png")
    code, out, err = call("images", pictures, "--style", style, "-o", made, "--size", 64)
    assert code == 2 and out.startswith("wrote 3 pictures") and "skipped 2" in out
    assert "thin.png: At size 64" in err and "1 of 6 could not be made" in err
    assert_refused(call("images", pictures, "--style", style, "-o", pictures), "overwrite")
    assert_refused(call("images", tmp_path, "--style", style, "-o", made), "no pictures in")
    assert_refused(call("images", pictures, "-o", made), "needs a trained style")
    for file in pictures.glob("*"):
        file.write_bytes(b"nothing of the kind")
    code, out, err = call("images", pictures, "--style", style, "-o", made)
    assert code == 2 and out == "" and "None of the 6 pictures can be read." in err


def test_a_folder_of_folders_of_pictures(call: Call, tmp_path: Path) -> None:
    pictures = tmp_path / "in"
    for name in ("a.png", "DCIM/100APPLE/a.png", "DCIM/b.jpg", ".thumbs/c.png", "DCIM/._b.jpg"):
        (pictures / name).parent.mkdir(parents=True, exist_ok=True)
        colourful(64, 64).save(pictures / name)
    common = ("images", pictures, "--style", weights.styles()[0].name, "--size", 64)
    assert_refused(call(*common[:1], tmp_path, *common[2:], "-o", tmp_path / "o"), "--recursive")
    code, out, _ = call(*common, "-o", tmp_path / "flat")
    assert code == 0 and out.startswith("wrote 1 picture ")
    made = pictures / "painted"  # whose pictures are not repainted the next time
    for _ in range(2):
        code, out, _ = call(*common, "-o", made, "--recursive")
        assert code == 0 and out == f"wrote 3 pictures to {made}\n"
        files = sorted(str(f.relative_to(made)) for f in made.rglob("*") if f.is_file())
        assert files == ["DCIM/100APPLE/a.png", "DCIM/b.jpg", "a.png"]
    code, out, _ = call("images", pictures / "DCIM", *common[2:], "-o", pictures)
    assert code == 0 and out == f"wrote 1 picture to {pictures}\n" and (pictures / "b.jpg").exists()


def test_bench_prints_the_figures(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from styleswap.runtimes import bench

    asked: list[tuple[int, ...]] = []
    figures = {
        "size": "64x48",
        "reference_ms": 80.5,
        "runtimes": {"openvino": {"ms": 4.25, "ratio": 18.94}},
        "best_ratio": 18.94,
        "peak_rss_mb": 321,
    }
    monkeypatch.setattr(bench, "measure", lambda *sides: asked.append(sides) or figures)
    code, out, _ = call("bench", "johnson", "--size", "64x48", "--json")
    assert code == 0 and json.loads(out) == figures and asked == [(64, 48, 1)]
    code, out, _ = call("bench", "johnson", "--size", "64x48", "--batch", "4")
    assert code == 0 and all(word in out for word in ("80.5", "4.25", "18.94", "321"))
    assert asked[-1] == (64, 48, 4)
    for bad in ("640", "640x", "axb", "0x480", "640x480x3", "99999x99999"):
        assert_refused(call("bench", "johnson", "--size", bad), "640x480")


# --- denoise ---


@pytest.fixture
def five_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, preset in denoise.PRESETS.items():
        monkeypatch.setitem(denoise.PRESETS, name, replace(preset, steps=5))


def test_denoise(call: Call, content: Path, tmp_path: Path, five_steps: None) -> None:
    target = tmp_path / "clean.png"
    for add in ("gaussian:20", "poisson:40", "gaussian"):
        code, out, _ = call("denoise", content, "-o", target, "--add", add, "--json")
        facts = json.loads(out)
        assert code == 0 and facts["output"] == str(target) and target.exists()
        assert {"seconds", "sigma", "psnr_noisy", "psnr", "ssim"} <= facts.keys()
    assert facts["psnr_noisy"] == pytest.approx(20.2, abs=0.3)  # sigma 25, the usual
    code, out, _ = call("denoise", content, "-o", target, "--preset", "paper", "--seed", 3)
    assert code == 0 and "the noise was" in out and "PSNR" not in out
    code, out, _ = call("denoise", content, "-o", target, "--clean", content)
    assert code == 0 and "PSNR" in out
    code, out, _ = call("denoise", content, "-o", target, "--clean", content, "--json")
    assert code == 0 and json.loads(out, parse_constant=pytest.fail)["psnr_noisy"] is None


def test_denoise_refuses(call: Call, content: Path, swirl: Path, tmp_path: Path) -> None:
    command = ("denoise", content, "-o", tmp_path / "o.png")
    for more, match in (
        (("--add", "salt:3"), "gaussian:25 or poisson:50"),
        (("--add", "gaussian:loud"), "sigma must be a number"),
        (("--preset", "slow"), "preset must be one of"),
        (("--clean", swirl), "another size"),
        (("--clean", tmp_path / "none.png"), "none.png"),
    ):
        assert_refused(call(*command, *more), match)
    assert not (tmp_path / "o.png").exists()


def test_the_last_step_of_a_method(
    call: Call, content: Path, swirl: Path, tmp_path: Path, five_steps: None
) -> None:
    command = ("image", content, "--style", swirl, "--method", "adain", "--size", 96)
    for finish in ("none", "denoise"):
        target = tmp_path / f"{finish}.png"
        code, _, _ = call(*command, "--finish", finish, "-o", target)
        assert code == 0
    assert (tmp_path / "none.png").read_bytes() != (tmp_path / "denoise.png").read_bytes()


# --- methods side by side -----------------------------------------------------------------------

LAKE, WAVES = ROOT / "examples" / "content" / "lake.jpg", ROOT / "examples" / "style" / "waves.jpg"


def test_methods_are_compared_into_a_folder(call: Call, tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder"
    code, out, err = call(
        *("compare", LAKE, "--style", WAVES, "--methods", "adain, johnson", "--size", 128),
        *("-o", target, "--json"),
    )
    assert code == 0 and err == "" and out.count("\n") == 1
    found = json.loads(out)
    assert found.pop("output") == str(target)
    assert found == json.loads((target / "results.json").read_text("utf-8"))
    assert found["settings"]["methods"] == ["johnson", "adain"]
    assert [row["file"] for row in found["results"]] == ["johnson.png", "adain.png"]
    assert len(list(target.iterdir())) == 5
    for row in found["results"]:
        with Image.open(target / row["file"]) as picture:
            about = json.loads(picture.text["styleswap"])  # type: ignore[attr-defined]
            assert about["method"] == row["method"] and about["settings"]["size"] == 128
            assert picture.size == (found["settings"]["width"], found["settings"]["height"])
    assert Image.open(target / "contact-sheet.jpg").format == "JPEG"


def test_a_method_that_fails_is_told_of_and_the_others_are_kept(
    call: Call, content: Path, swirl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(job: Job) -> Iterator[Step]:
        yield Step(1, 2, job.content)
        raise StyleSwapError("It cannot be done.")

    add_method(monkeypatch, fails, id="fails")
    add_method(monkeypatch, lambda job: iter([Step(1, 1, job.content)]), id="works")
    arguments = ("--style", swirl, "--methods", "works,fails", "--size", 64, "-o", tmp_path / "to")
    code, out, err = call("compare", content, *arguments)
    assert code == 2
    assert "fails: It cannot be done." in err and "1 of 2 could not be made." in err
    assert "(photograph)" in out and "works" in out and out.endswith(f"wrote {tmp_path / 'to'}\n")
    assert (tmp_path / "to" / "works.png").exists()
    assert not (tmp_path / "to" / "fails.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--methods", "adain,denoise"), "denoise takes no style"),
        (("--methods", "adain,nonesuch"), "There is no method called 'nonesuch'"),
        (("--methods", "johnson"), "no style that was trained from this picture"),
        (("--methods", ","), "There is no method to compare"),
        (("--size", "8"), "size must be a whole number"),
        (("--style", "absent.jpg"), "absent.jpg"),
    ],
)
def test_what_cannot_be_compared_leaves_nothing(
    call: Call, content: Path, swirl: Path, tmp_path: Path, arguments: tuple[str, str], words: str
) -> None:
    before = sorted(tmp_path.iterdir())
    assert_refused(
        call("compare", content, "--style", swirl, "-o", tmp_path / "to", *arguments), words
    )
    assert sorted(tmp_path.iterdir()) == before
