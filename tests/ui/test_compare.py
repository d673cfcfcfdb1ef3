"""The tab Compare without a browser: its endpoint, what it shows, and what it hands over."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from styleswap import limits, specs
from styleswap.compare import Fault, Result
from styleswap.engine import Engine, Progress
from styleswap.errors import StyleSwapError
from styleswap.methods.base import Job, Step
from styleswap.specs import METHODS, CompareParams, StylisingParams, stylisers
from styleswap.ui import compare as tab
from styleswap.ui import i18n
from styleswap.ui.compare import CompareTab
from styleswap.ui.i18n import both
from styleswap.ui.picture import PictureTab
from tests.helpers import CONTENT, ROOT, add_method

WAVES = ROOT / "examples" / "style" / "waves.jpg"  # a style was trained from it
DOTS = WAVES.with_name("dots.jpg")  # none from this


# --- the endpoint ---


@pytest.fixture(scope="module")
def client(app: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(app, verbose=False, download_files=tmp_path_factory.mktemp("client"))


def ask(client: Client, *arguments: Any) -> tuple[str, list[str], dict[str, Any]]:
    sheet, files, found = client.predict(*arguments, api_name="/compare")
    return sheet, files, found


def test_compare_gives_pictures_contact_sheet_and_figures(client: Client) -> None:
    sheet, files, found = ask(
        client, handle_file(CONTENT), handle_file(WAVES), ["adain", "johnson"], {"size": 128}
    )
    named = {Path(file).name: Path(file) for file in files}
    assert list(named) == ["johnson.png", "adain.png", "results.json"]
    assert Path(sheet).name == "contact-sheet.jpg"
    assert json.loads(named["results.json"].read_text("utf-8")) == found
    assert [row["method"] for row in found["results"]] == ["johnson", "adain"]
    assert found["settings"]["content"] == "photograph" and found["settings"]["size"] == 128
    assert found["photograph"]["content"] == 0
    with Image.open(named["johnson.png"]) as picture:
        about = json.loads(picture.text["styleswap"])  # type: ignore[attr-defined]
        assert max(picture.size) == 128 and about["styles"] == [{"name": "waves", "weight": 1}]


def test_its_faults_are_one_sentence(client: Client, tmp_path: Path) -> None:
    words = tmp_path / "words.png"
    words.write_text("only words")
    content, style = handle_file(CONTENT), handle_file(DOTS)
    for arguments, sentence in (
        ((None, style, None, None), "There is no photograph yet"),
        ((content, None, None, None), "There is no style picture yet"),
        ((content, handle_file(words), None, None), "The style picture is not a picture"),
        ((content, style, "adain", None), "methods must be a list of names"),
        ((content, style, [1], None), "methods must be a list of names"),
        ((content, style, {"adain": 1}, None), "methods must be a list of names"),
        ((content, style, [], None), "There is no method to compare"),
        ((content, style, ["nonesuch"], None), "There is no method called 'nonesuch'"),
        ((content, style, ["denoise"], None), "denoise takes no style"),
        ((content, style, ["johnson"], None), "no style that was trained from this picture"),
        ((content, style, ["adain"], {"steps": 3}), "A comparison has no setting called steps"),
        ((content, style, ["adain"], {"size": "x"}), "size must be a whole number"),
        ((content, style, ["adain"], [1]), "settings must be an object"),
    ):
        with pytest.raises(AppError, match=sentence) as refused:
            ask(client, *arguments)
        assert "\n" not in str(refused.value)


# --- the work ---


def slow(job: Job) -> Iterator[Step]:
    for i in range(1, 5001):
        time.sleep(0.02)
        yield Step(i, 5000, job.content)


def test_a_comparison_ends_at_the_time_cap_with_what_is_done(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_now", replace(limits.now(), minutes=0.3 / 60))
    for name in ("first", "second"):
        add_method(monkeypatch, slow, id=name)
    task = tab.make_task(str(CONTENT), str(DOTS), ["first", "second"], {"size": 64})
    began = time.monotonic()
    states = list(tab.states(engine, task, threading.Event()))
    assert time.monotonic() - began < 60  # one of them alone would take over 100 s
    assert {state.method for state in states} == {"first"}
    last = states[-1]
    assert isinstance(last, Result) and last.progress.seconds >= 0.3


# --- what is shown ---


@pytest.fixture(scope="module")
def made(engine: Engine) -> tuple[CompareTab, PictureTab, gr.Blocks]:
    with gr.Blocks() as blocks, gr.Tabs() as tabs:
        with gr.Tab("p"):
            picture = PictureTab(blocks, engine)
        with gr.Tab("c"):
            found = CompareTab(blocks, engine, picture, tabs)
    return found, picture, blocks


def result(method: str, style: float = 0.2) -> Result:
    figures = {"content": 0.5, "style": style, "brightness": 0.4}
    return Result(method, Progress(1, 1, {}, 2.5, None, torch.zeros(1, 3, 8, 8), (8, 8)), figures)


OWN = {"content": 0.0, "style": 0.9, "brightness": 0.6}


def test_a_caption_names_every_figure_in_both_languages() -> None:
    line = tab.caption(result("johnson").row)
    for words in ("2.5 s", "content 0.500", "style 0.200", "brightness 0.40"):
        assert f'lang="en">{words}<' in line
    for words in ("2.5 秒", "内容 0.500", "风格 0.200", "亮度 0.40"):
        assert f'lang="zh">{words}<' in line
    assert "秒" not in tab.caption(OWN)


def test_table_and_plot_show_the_photograph_and_every_result() -> None:
    results = [result("johnson"), result("adain", 0.3)]
    for made_of in (tab.table(OWN, results), tab.plot(OWN, results)):
        for text in (i18n.CONTENT, i18n.COLUMNS["content"], i18n.COLUMNS["style"]):
            assert text.en in made_of and text.zh in made_of
        for method in ("johnson", "adain"):
            assert METHODS[method].name.en in made_of
    assert tab.table(OWN, results).count("<tr>") == 4
    assert "<td>2.500</td><td>0.500</td><td>0.200</td><td>0.400</td>" in tab.table(OWN, results)
    assert "<td></td><td>0.000</td><td>0.900</td><td>0.600</td>" in tab.table(OWN, results)
    assert tab.plot(OWN, results).count("<circle") == 3
    # Each has a colour of its own, which does not change when others are there, too.
    everything = [result(spec.id) for spec in stylisers()]
    colours = [part.split('"')[0] for part in tab.plot(OWN, everything).split('fill="')[1:]]
    assert len(set(colours)) == len(colours) == 1 + len(everything)
    alone = tab.plot({}, [result("adain")]).split('fill="')[1].split('"')[0]
    assert alone == colours[1 + [spec.id for spec in stylisers()].index("adain")]


def test_a_fault_is_escaped(made: Any) -> None:
    found, _, _ = made
    shown = found.stage.show_fault(Fault("adain", "<b> & so on."))
    assert "&lt;b&gt; &amp; so on." in shown[found.stage.captions["adain"]]


def test_who_cannot_take_part_is_told_why(made: Any) -> None:
    found, _, _ = made
    values = {box: box.value for box in found.settings.values()}
    values |= {found.content: str(CONTENT), found.style: str(DOTS)}
    captions = found.stage.captions
    began = next(found._work(values | {found.methods: ["johnson", "adain"]}, threading.Event()))
    assert began[captions["johnson"]] == both(i18n.UNTRAINED)
    assert began[captions["adain"]] == both(i18n.WAITING)
    assert began[captions["gatys"]] == both(i18n.NOT_CHOSEN)
    with pytest.raises(StyleSwapError, match="no style that was trained from this picture"):
        next(found._work(values | {found.methods: ["johnson"]}, threading.Event()))


# --- what is handed over ---


@pytest.mark.parametrize("method", [spec.id for spec in stylisers()])
def test_the_picture_tab_is_given_the_job(made: Any, method: str) -> None:
    _, picture, _ = made
    trained = "waves" if METHODS[method].style == "trained" else None
    settings = {"size": 192, "finish": True}
    changes = picture.opened(method, str(CONTENT), str(WAVES), trained, settings)
    assert set(changes) <= set(picture.openable)
    assert changes[picture.method] == method and changes[picture.content] == str(CONTENT)
    if trained:
        assert changes[picture.styles.trained[method]] == "waves"
        assert picture.styles.picture not in changes
    else:
        assert changes[picture.styles.picture] == str(WAVES)
    # Nothing that was mixed in before is left.
    spec = METHODS[method]
    held = {box: box.value for box in picture.styles.inputs} | changes
    assert picture.styles.chosen(spec, held) == [(trained or str(WAVES), 1.0)]
    assert sum(value is None for value in changes.values()) == spec.max_styles - 1
    # What the widgets hold then is the compared job.
    held = {box: box.value for box in picture.methods[method].widgets.values()} | changes
    params = picture.methods[method].params(held)
    assert params == METHODS[method].params(size=192, finish="denoise")


def test_opening_an_untrained_one_is_refused(made: Any) -> None:
    found, _, blocks = made
    button = found.stage.openers["johnson"]
    (event,) = (f for f in blocks.fns.values() if (button._id, "click") in f.targets)
    values = [str(CONTENT), str(DOTS), *(box.value for box in found.settings.values())]
    with pytest.raises(gr.Error, match="no style that was trained from this picture"):
        event.fn(*values)


def test_the_settings_are_those_that_every_method_has() -> None:
    ours = {k.name for k in specs.knobs(CompareParams)}
    assert ours == {k.name for k in specs.knobs(StylisingParams)}
    with pytest.raises(StyleSwapError, match="size"):
        tab.make_task(str(CONTENT), str(DOTS), None, {"size": 10**6})


# --- sentences ---


def test_one_english_sentence_has_one_chinese() -> None:
    """The catalogue is by the English: of two that differ in Chinese alone, one would be lost."""
    chinese: dict[str, set[str]] = {}
    for text in i18n._texts():
        chinese.setdefault(text.en, set()).add(text.zh)
    assert {en: zh for en, zh in chinese.items() if len(zh) > 1} == {}
