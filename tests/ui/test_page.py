"""The endpoint, the page's events as a stranger may call them, and what later methods need."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from styleswap import specs, video
from styleswap.engine import Engine
from styleswap.methods import denoise
from styleswap.ui import i18n, page, picture, stage
from styleswap.ui import video as video_tab
from styleswap.ui.i18n import both, duration
from tests.helpers import ROOT

FILES = ("image", "video")  # components that take a file


@pytest.fixture(scope="module")
def client(app: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(app, verbose=False, download_files=tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="module")
def extra_client(extra_app: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(extra_app, verbose=False, download_files=tmp_path_factory.mktemp("client"))


def stylize(client: Client, **arguments: Any) -> tuple[str, dict[str, Any]]:
    path, numbers = client.predict(api_name="/stylize", **arguments)
    return path, numbers


def test_there_is_an_endpoint_for_each_tab(client: Client) -> None:
    listed = client.view_api(return_format="dict", print_info=False)
    assert list(listed["named_endpoints"]) == ["/stylize", "/video", "/denoise"]
    assert not listed["unnamed_endpoints"]


def test_stylize_gives_a_png_and_its_numbers(client: Client, photo: Path, style: Path) -> None:
    path, numbers = stylize(
        client,
        content=handle_file(photo),
        style=handle_file(style),
        method="gatys",
        settings={"size": 128, "steps": 3},
        more_styles=[handle_file(photo)],
        weights=[1, 0.5],
    )
    assert Path(path).name == "photo-style-gatys.png"
    with Image.open(path) as result:
        assert (result.format, result.size) == ("PNG", (128, 85))
    assert numbers.keys() == {
        "method", "width", "height", "seconds", "perceptual", "content_loss", "style_loss",
    }  # fmt: skip
    assert (numbers["width"], numbers["height"], numbers["perceptual"]) == (128, 85, "small")
    assert numbers["content_loss"] > 0 and numbers["style_loss"] > 0


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"content": None}, "There is no photograph yet"),
        ({"style": None}, "gatys needs a style picture"),
        ({"method": "nonesuch"}, "There is no method called 'nonesuch'"),
        ({"settings": {"size": 1}}, "size must be a whole number"),
        ({"settings": {"stepz": 1}}, "Did you mean steps"),
        ({"settings": [1]}, "settings must be an object"),
        ({"weights": ["a"]}, "must be a number above 0"),
        ({"weights": [0]}, "must be above 0"),
        ({"weights": [1, 2]}, "a list of 1 numbers"),
    ],
)
def test_faults_are_one_sentence(
    client: Client, photo: Path, style: Path, arguments: dict[str, Any], sentence: str
) -> None:
    whole = {"content": handle_file(photo), "style": handle_file(style)} | arguments
    with pytest.raises(AppError, match=sentence):
        stylize(client, **whole)


@pytest.mark.parametrize("kind", ["text", "cut"])
def test_a_file_that_is_no_picture(client: Client, photo: Path, tmp_path: Path, kind: str) -> None:
    bad = tmp_path / "bad.jpg"
    whole = photo.read_bytes()
    bad.write_bytes(b"only words" if kind == "text" else whole[: len(whole) // 2])
    with pytest.raises(AppError, match=r"The photograph is (not a picture|damaged or cut short)"):
        stylize(client, content=handle_file(bad), style=None)


def raw_call(app: str, number: int, data: list[Any]) -> str:
    """Queue an event by its number, as no page of ours would, and read all that comes back."""
    body = {"fn_index": number, "data": data, "session_hash": f"raw{number}"}
    joined = httpx.post(f"{app}gradio_api/queue/join", json=body)
    if joined.status_code != 200:
        return joined.text
    with httpx.stream(
        "GET", f"{app}gradio_api/queue/data", params={"session_hash": f"raw{number}"}, timeout=30
    ) as answer:
        text = ""
        for line in answer.iter_lines():
            text += line + "\n"
            if '"process_completed"' in line or '"close_stream"' in line:
                break
    return text


def test_raw_calls_read_no_file_of_the_server(app: str, tmp_path: Path, photo: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(photo.read_bytes())
    config = httpx.get(f"{app}config").json()
    kinds = {c["id"]: c for c in config["components"]}
    stolen = {"path": str(secret), "meta": {"_type": "gradio.FileData"}, "orig_name": "a.png"}
    tried = 0
    for event in config["dependencies"]:
        wanted = [kinds[i] for i in event["inputs"]]
        if not event["backend_fn"] or not any(c["type"] in FILES for c in wanted):
            continue
        data = [stolen if c["type"] in FILES else c["props"].get("value") for c in wanted]
        answer = raw_call(app, event["id"], data)
        assert '"success":true' not in answer.replace(" ", ""), answer
        assert "not uploaded by a user" in answer, answer
        tried += 1
    # Of pictures and of videos: the page's run, its checks on upload, and the endpoint.
    assert tried >= 6


def test_raw_calls_pass_no_unchecked_setting(app: str) -> None:
    config = httpx.get(f"{app}config").json()
    kinds = {c["id"]: c for c in config["components"]}
    steps = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "gatys-seed")
    run = next(d for d in config["dependencies"] if steps in d["inputs"])
    data = [10**12 if i == steps else kinds[i]["props"].get("value") for i in run["inputs"]]
    assert "seed must be a whole number from 0" in raw_call(app, run["id"], data)


def test_launch_shuts_what_need_not_be_open() -> None:
    options = page.launch_options()
    assert options["ssr_mode"] is False and options["max_file_size"] == 512 * 2**20
    assert options["allowed_paths"]
    for path in options["allowed_paths"]:
        assert Path(path).is_file()


# --- later methods ---


def test_methods_of_every_style_kind_get_their_place(engine: Engine, extra_methods: None) -> None:
    demo = page.build(engine)
    boxes = {getattr(b, "elem_id", None): b for b in demo.blocks.values()}
    assert {"fake_image-steps", "fake_image-tone", "fake_trained-depth", "fake_none-depth"} <= set(
        boxes
    )
    trained: Any = boxes["fake_trained-style"]
    assert (trained.choices, trained.value) == ([("Sea", "sea")], "sea")
    assert "fake_none-style" not in boxes
    words = i18n.catalogue().translations["zh"]
    assert words[boxes["fake_none-depth"].label.key] == "深度"


@pytest.mark.parametrize(
    "method, style_column, more, second, third",
    [
        ("gatys", True, True, True, True),
        ("fake_image", True, True, True, False),
        ("fake_trained", False, False, True, False),
        ("fake_none", False, False, True, False),
    ],
)
def test_choosing_a_method_shows_its_own(
    engine: Engine,
    extra_methods: None,
    method: str,
    style_column: bool,
    more: bool,
    second: bool,
    third: bool,
) -> None:
    import gradio as gr

    with gr.Blocks() as blocks:
        tab = picture.PictureTab(blocks, engine)
    updates = tab._show_method(method)
    shown = [update["visible"] for update in updates[1:]]
    assert shown[:2] == [style_column, more]
    assert len(tab.slots) == specs.METHODS["gatys"].max_styles
    if style_column:
        assert shown[2:4] == [second, third]
    columns = dict(zip(tab.trained_columns, shown[-len(tab.groups) - 2 :], strict=False))
    assert columns == {"johnson": False, "fake_trained": method == "fake_trained"}
    groups = dict(zip(tab.groups, shown[-len(tab.groups) :], strict=True))
    assert [name for name, visible in groups.items() if visible] == [method]


def test_the_endpoint_takes_them(extra_client: Client, photo: Path, style: Path) -> None:
    path, numbers = stylize(
        extra_client, content=handle_file(photo), method="fake_trained", trained_style="sea",
        settings={"size": 96, "depth": 0.5},
    )  # fmt: skip
    assert Path(path).name == "photo-sea-fake_trained.png"
    assert numbers["style_loss"] is None and numbers["perceptual"] is None
    path, _ = stylize(extra_client, content=handle_file(photo), method="fake_none")
    with Image.open(path) as result:
        assert result.size == (512, 341)
    with pytest.raises(AppError, match="fake_trained needs a trained style"):
        stylize(extra_client, content=handle_file(photo), method="fake_trained")


def test_a_job_ends_at_the_time_cap_with_what_is_done(
    extra_client: Client, photo: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "TIME_CAP", 0.3)
    began = time.monotonic()
    path, numbers = stylize(
        extra_client, content=handle_file(photo), style=handle_file(style), method="fake_image",
        settings={"size": 96, "steps": 5000},
    )  # fmt: skip
    assert time.monotonic() - began < 60  # 5000 steps take over 100 s
    assert 0.3 <= numbers["seconds"] < 30
    with Image.open(path) as result:
        assert result.size == (96, 64)


def test_denoise_gives_a_png_and_its_numbers(
    client: Client, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = replace(denoise.PRESETS["fast"], steps=5)
    monkeypatch.setitem(denoise.PRESETS, "fast", preset)
    settings = {"add": "gaussian", "sigma": 20}
    path, numbers = client.predict(handle_file(photo), settings, None, api_name="/denoise")
    with Image.open(path) as result, Image.open(photo) as before:
        assert result.format == "PNG" and result.size == before.size
    assert numbers["sigma"] == pytest.approx(20, rel=0.3)
    assert {"seconds", "psnr_noisy", "psnr", "ssim"} <= numbers.keys()
    path, numbers = client.predict(
        handle_file(photo), None, handle_file(photo), api_name="/denoise"
    )
    assert numbers["psnr"] > 30
    for content, settings, clean, match in (
        (None, None, None, "no picture yet"),
        (handle_file(photo), {"preset": "slow"}, None, "preset must be one of"),
        (handle_file(photo), [1], None, "settings must be an object"),
        (handle_file(photo), None, handle_file(ROOT / "examples/style/waves.jpg"), "another size"),
    ):
        with pytest.raises(AppError, match=match):
            client.predict(content, settings, clean, api_name="/denoise")


def test_video_gives_an_mp4_and_its_numbers(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = handle_file(ROOT / "examples/content/sailing.mp4")
    settings = {"size": 128, "end": 0.4}
    path, numbers = client.predict(clip, "udnie", None, "johnson", settings, api_name="/video")
    made = video.open_clip(path)
    assert Path(path).name == "sailing-udnie-johnson.mp4"
    assert (len(made.ticks), made.rate, made.size, made.sound) == (10, 25, (128, 72), "aac")
    assert (numbers["frames"], numbers["fps_out"], numbers["audio"]) == (10, "25", "aac")
    picture = handle_file(ROOT / "examples/style/waves.jpg")
    path, numbers = client.predict(clip, None, picture, "adain", settings, api_name="/video")
    assert numbers["method"] == "adain" and video.open_clip(path).size == (128, 72)
    for content, style, settings, match in (
        (None, "udnie", None, "no video yet"),
        (clip, "nobody", None, "no trained style called"),
        (clip, "udnie", {"levels": 3}, "no setting called levels"),
        (clip, "udnie", {"finish": "denoise"}, "no setting called finish"),
        (clip, "udnie", [1], "settings must be an object"),
        (clip, "udnie", {"start": 99}, "choose another part"),
        (handle_file(ROOT / "LICENSE"), "udnie", None, "cannot be read"),
    ):
        with pytest.raises(AppError, match=match):
            client.predict(content, style, None, "johnson", settings, api_name="/video")
    monkeypatch.setattr(video_tab, "TIME_CAP", 0.1)
    path, numbers = client.predict(clip, "udnie", None, "johnson", {"size": 512}, api_name="/video")
    assert 1 <= numbers["frames"] == len(video.open_clip(path).ticks) < 140


# --- parts ---


@pytest.mark.parametrize(
    "pictures, name",
    [
        (("/a/photo.jpg", "/b/style.png"), "photo-style-gatys.png"),
        (("/a/My Häus (2).JPG", None), "My-Häus-2-gatys.png"),
        (("/a/....png", "/b/../..%2Fx.png"), "2Fx-gatys.png"),
        (("/a/" + "x" * 300 + ".png",), "x" * 40 + "-gatys.png"),
    ],
)
def test_file_names(pictures: tuple[str | None, ...], name: str) -> None:
    assert stage.file_name("gatys", *pictures) == name


def test_sentences_are_escaped_in_every_language() -> None:
    text = specs.Text("Size {x}", "尺寸 {x}")
    assert both(text, x="<b>") == (
        '<span class="en" lang="en">Size &lt;b&gt;</span>'
        '<span class="zh" lang="zh">尺寸 &lt;b&gt;</span>'
    )
    assert duration(61.2).en == "1 min 1 s" and duration(0.1).zh == "1 秒"


def test_every_sentence_has_both_languages() -> None:
    words = i18n.catalogue().translations
    assert words["en"].keys() == words["zh"].keys()
    assert all(text.strip() for table in words.values() for text in table.values())
    assert json.dumps(words)
