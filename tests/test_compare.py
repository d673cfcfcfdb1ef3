"""Several methods on one photograph: who takes part, what they are measured by, what is written."""

from __future__ import annotations

import csv
import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageOps

from styleswap import __version__, compare, media, specs
from styleswap.compare import (
    CELL,
    LINES,
    Comparison,
    Fault,
    Result,
    State,
    Working,
    choose,
    open_comparison,
)
from styleswap.engine import Engine, Progress, Request, StyleChoice
from styleswap.errors import StyleSwapError
from styleswap.methods.base import Job, Step
from styleswap.specs import METHODS, CompareParams, stylisers
from tests.helpers import CONTENT, ROOT, add_method, colourful

WAVES = ROOT / "examples" / "style" / "waves.jpg"  # a style was trained from it
DOTS = WAVES.with_name("dots.jpg")  # none from this
PARAMS = CompareParams(size=128)
IMAGE_METHODS = [spec.id for spec in stylisers() if spec.style == "image"]


def task_of(
    methods: Sequence[str] | None, style: Path = WAVES, params: CompareParams = PARAMS
) -> Comparison:
    return open_comparison(str(CONTENT), str(style), methods, params)


def quick(job: Job) -> Iterator[Step]:
    yield Step(1, 2, job.content / 2)
    yield Step(2, 2, job.content)


def failing(job: Job) -> Iterator[Step]:
    yield Step(1, 2, job.content)
    raise StyleSwapError("It cannot be done.")


# --- who takes part -----------------------------------------------------------------------------


def test_without_a_choice_all_that_can_take_part_the_quickest_first() -> None:
    assert choose(None, str(WAVES)) == (["johnson", *IMAGE_METHODS], {"johnson": "waves"})
    assert choose(None, str(DOTS)) == (IMAGE_METHODS, {})
    assert IMAGE_METHODS[:2] == ["meta", "adain"] and IMAGE_METHODS[-1] == "gatys"


@given(st.lists(st.sampled_from(["johnson", *IMAGE_METHODS]), min_size=1))
def test_the_order_is_theirs_whatever_the_order_of_the_choice(chosen: list[str]) -> None:
    found, trained = choose(chosen, str(WAVES))
    assert found == [spec.id for spec in stylisers() if spec.id in chosen]
    assert "johnson" not in found or trained == {"johnson": "waves"}


@pytest.mark.parametrize(
    ("methods", "style", "sentence"),
    [
        (["adain", "nonesuch"], WAVES, "There is no method called 'nonesuch'; choose one of"),
        (["denoise"], WAVES, "denoise takes no style; compare some of johnson, meta"),
        (["johnson"], DOTS, "johnson has no style that was trained from this picture"),
        ([], WAVES, "There is no method to compare"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    methods: list[str], style: Path, sentence: str
) -> None:
    with pytest.raises(StyleSwapError, match=sentence) as refused:
        task_of(methods, style)
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)


def test_a_trained_style_is_known_by_its_picture_s_bytes(tmp_path: Path) -> None:
    renamed, anew = tmp_path / "renamed.png", tmp_path / "waves.jpg"
    shutil.copy(WAVES, renamed)
    media.save_picture(media.open_picture(WAVES), anew)
    assert choose(["johnson"], str(renamed))[1] == {"johnson": "waves"}
    assert "johnson" not in choose(None, str(anew))[0]


@pytest.mark.parametrize("bad", ["content", "style"])
def test_a_file_that_is_no_picture_is_named(bad: str, tmp_path: Path) -> None:
    words = tmp_path / "words.jpg"
    words.write_text("only words")
    content, style = (words, WAVES) if bad == "content" else (CONTENT, words)
    what = {"content": "photograph", "style": "style picture"}[bad]
    with pytest.raises(StyleSwapError, match=f"^The {what} .*is not a picture"):
        open_comparison(str(content), str(style), None, PARAMS)


def test_a_photograph_too_thin_for_the_size_is_refused_before_the_work(tmp_path: Path) -> None:
    thin = tmp_path / "thin.png"
    colourful(400, 60).save(thin)
    with pytest.raises(StyleSwapError, match="choose a size of at least"):
        open_comparison(str(thin), str(WAVES), None, PARAMS)


def test_every_method_is_asked_for_the_same() -> None:
    task = task_of(None, params=CompareParams(size=192))
    for method in task.methods:
        job = task.request(method)
        assert job.method == method and job.content is task.content
        assert job.params == METHODS[method].params(size=192)
        (style,) = job.styles
        if method == "johnson":
            assert (style.name, style.picture) == ("waves", None)
        else:
            assert (style.name, style.picture) == (None, task.style)


# --- the work -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """A comparison that was run and written."""

    task: Comparison
    states: list[State]
    own: dict[str, float]
    results: list[Result]
    records: dict[str, Any]
    folder: Path


@pytest.fixture(scope="module")
def made(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Made:
    task, folder = task_of(["adain", "johnson"]), tmp_path_factory.mktemp("compared")
    states = list(compare.run(engine, task, threading.Event()))
    own = compare.untouched(engine, task, threading.Event())
    results = [state for state in states if isinstance(state, Result)]
    for result in results:
        assert compare.save_result(task, result, folder) == folder / f"{result.method}.png"
    return Made(
        task, states, own, results, compare.save_records(task, own, results, folder), folder
    )


def test_each_method_ends_with_its_figures(made: Made) -> None:
    assert [result.method for result in made.results] == ["johnson", "adain"]
    for result in made.results:
        of_it = [state for state in made.states if state.method == result.method]
        *steps, last = of_it
        assert steps and last is result
        progress = [state.progress for state in steps if isinstance(state, Working)]
        assert len(progress) == len(steps) and progress[-1] is result.progress
        assert list(result.figures) == ["content", "style", "brightness"]
        # It left the photograph and came nearer to the style.
        assert 0 < result.figures["content"] < 1.5
        assert 0 < result.figures["style"] < made.own["style"]
        assert 0 < result.figures["brightness"] < 1
        assert result.row.keys() == {"method", "seconds", "content", "style", "brightness"}
        assert result.row["seconds"] == round(result.progress.seconds, 3) > 0


def test_one_that_fails_does_not_keep_the_others_from_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_method(monkeypatch, failing, id="fails")
    add_method(monkeypatch, quick, id="works")
    states = list(compare.run(engine, task_of(["fails", "works"]), threading.Event()))
    failed, last = (state for state in states if not isinstance(state, Working))
    assert failed == Fault("fails", "It cannot be done.")
    assert isinstance(last, Result) and last.method == "works" and states[-1] is last


def test_stop_before_the_first_step_gives_nothing(engine: Engine) -> None:
    cancel = threading.Event()
    cancel.set()
    task = task_of(["johnson", "adain"])
    assert list(compare.run(engine, task, cancel)) == []
    assert compare.untouched(engine, task, cancel) == {}


def test_stop_at_work_keeps_what_there_is(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    add_method(monkeypatch, quick, id="works")
    add_method(monkeypatch, quick, id="later")
    cancel, states = threading.Event(), []
    for state in compare.run(engine, task_of(["works", "later"]), cancel):
        states.append(state)
        cancel.set()
    assert {state.method for state in states} == {"works"}
    assert isinstance(states[-1], Result) and states[-1].progress.i == 1


def test_the_photograph_and_the_style_are_at_no_distance_from_themselves(engine: Engine) -> None:
    task = task_of(["adain"])
    own = compare.untouched(engine, task, threading.Event())
    photograph = media.fit(task.content, 128)
    assert own["content"] == pytest.approx(0, abs=1e-6) and own["style"] > 0.1
    by_hand = np.asarray(photograph, float).mean((0, 1)) @ (0.2126, 0.7152, 0.0722) / 255
    assert own["brightness"] == pytest.approx(by_hand, abs=1e-4)
    look = media.fit(task.style, 128)
    figures = engine.measure(look, look, task.style, threading.Event())
    # The style is measured at the result's size, which torch and Pillow shrink a little unlike.
    assert figures["style"] < 0.02


# --- what is written ----------------------------------------------------------------------------


def test_the_records_are_complete(made: Made) -> None:
    assert json.loads((made.folder / "results.json").read_text("utf-8")) == made.records
    assert list(made.records) == ["settings", "photograph", "results"]
    assert made.records["settings"] == {
        "content": "lake.jpg",
        "style": "waves.jpg",
        "methods": ["johnson", "adain"],
        "trained_styles": {"johnson": "waves"},
        **asdict(PARAMS),
        "width": 128,
        "height": media.fit(made.task.content, 128).height,
        "version": __version__,
    }
    assert made.records["photograph"] == {k: round(v, 4) for k, v in made.own.items()}
    for row, result in zip(made.records["results"], made.results, strict=True):
        assert list(row) == ["method", "seconds", "content", "style", "brightness", "file"]
        assert row == result.row | {"file": f"{result.method}.png"}
    names = {file.name for file in made.folder.iterdir()}
    records = {"results.json", "results.csv"}
    assert names == {"johnson.png", "adain.png", "contact-sheet.jpg", *records}
    with (made.folder / "results.csv").open(encoding="utf-8", newline="") as file:
        photograph, *rows = csv.DictReader(file)
    assert photograph["method"] == "(photograph)" and photograph["file"] == ""
    for row, found in zip(rows, made.records["results"], strict=True):
        assert {k: v for k, v in row.items() if v} == {k: str(v) for k, v in found.items()}


def test_a_picture_carries_the_settings_that_make_it_again(made: Made, engine: Engine) -> None:
    with Image.open(made.folder / "johnson.png") as file:
        about = json.loads(file.text["styleswap"])  # type: ignore[attr-defined]
        before = file.convert("RGB")
    assert about == {
        "version": __version__,
        "method": "johnson",
        "content": "lake.jpg",
        "styles": [{"name": "waves", "weight": 1.0}],
        "settings": asdict(METHODS["johnson"].params(size=128)),
    }
    (style,) = about["styles"]
    params = specs.make_params(METHODS[about["method"]], about["settings"])
    content = media.open_picture(CONTENT.with_name(about["content"]))
    *_, last = engine.run(Request(about["method"], content, [StyleChoice(**style)], params))
    assert not ImageChops.difference(last.result(), before).getbbox()
    with Image.open(made.folder / "adain.png") as file:
        about = json.loads(file.text["styleswap"])  # type: ignore[attr-defined]
    assert about["styles"] == [{"name": "waves.jpg", "weight": 1.0}]


def plain(size: tuple[int, int], number: int) -> Result:
    """A result of one colour."""
    colour = torch.tensor([0.2, 0.1 * number, 0.8]).view(1, 3, 1, 1).expand(1, 3, *size[::-1])
    figures = {"content": 0.1234567, "style": 0.2, "brightness": 0.5}
    method = stylisers()[number % len(stylisers())].id
    return Result(method, Progress(1, 1, {}, 1234.5, None, colour, size), figures)


@settings(max_examples=12, deadline=None)
@given(
    count=st.integers(0, 6), width=st.integers(96, 500), height=st.integers(96, 500),
    name=st.sampled_from(["style.jpg", f"{'long ' * 40}.jpg"]),
)  # fmt: skip
def test_the_contact_sheet_shows_every_picture_in_its_place(
    count: int, width: int, height: int, name: str
) -> None:
    photo, style = colourful(width, height), colourful(80, 120).rotate(90)
    task = Comparison(photo, style, ("photo.jpg", name), [], {}, CompareParams(size=512))
    shown = media.fit(photo, 512)
    results = [plain(shown.size, number) for number in range(count)]
    sheet = compare.contact_sheet(task, {"content": 0.0, "style": 1.0}, results)
    pictures = [shown, style, *(result.progress.result() for result in results)]
    across = 3 if len(pictures) <= 6 else 4
    high = round(CELL * shown.height / shown.width)
    assert sheet.size == (CELL * across, (high + LINES) * -(-len(pictures) // across))
    for i, picture in enumerate(pictures):
        left, top = i % across * CELL, i // across * (high + LINES)
        cell = sheet.crop((left, top, left + CELL, top + high))
        assert not ImageChops.difference(cell, ImageOps.fit(picture, cell.size)).getbbox()
        lines = sheet.crop((left, top + high, left + CELL, top + high + LINES))
        written = ImageOps.invert(lines.convert("L")).getbbox()
        # Two lines of text that keep to their cell.
        assert written and written[0] >= 4 and written[2] <= CELL - 4


def test_a_method_that_was_stopped_says_how_far_it_came() -> None:
    figures = {"content": 0.1, "style": 0.2, "brightness": 0.3}

    def row(i: int) -> dict[str, Any]:
        image = torch.zeros(1, 3, 32, 32)
        done = Progress(i, 9, {}, 1.0, None, image, (32, 32))
        return Result("gatys", done, figures).row

    assert (row(4)["step"], row(4)["steps"]) == (4, 9)
    assert row(9) == {"method": "gatys", "seconds": 1.0, **figures}
