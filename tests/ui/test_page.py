"""The endpoint, the page's events as a stranger may call them, and what later methods need."""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import numpy as np
import pillow_heif
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from styleswap import limits, live, media, specs, video
from styleswap.engine import Engine
from styleswap.errors import StyleSwapError
from styleswap.live import Forbidden, Room
from styleswap.methods import denoise
from styleswap.specs import MethodSpec
from styleswap.ui import examples, fetch, i18n, page, picture, stage
from styleswap.ui.i18n import both, duration
from styleswap.ui.styles import weighted
from styleswap.ui.video import VideoTab
from styleswap.ui.webcam import WebcamTab
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
    named = listed["named_endpoints"]
    assert list(named) == ["/stylize", "/compare", "/video", "/denoise", "/methods", "/styles"]
    assert not listed["unnamed_endpoints"]
    for endpoint in named.values():
        assert len(endpoint["description"]) > 50
    for name in ("/stylize", "/compare", "/video", "/denoise"):
        for argument in named[name]["parameters"]:
            assert argument["label"] == argument["parameter_name"]


def test_stylize_gives_a_png_and_its_numbers(client: Client, photo: Path, style: Path) -> None:
    path, numbers = stylize(
        client,
        content=handle_file(photo),
        style=handle_file(style),
        method="gatys",
        settings={"size": 128, "steps": 3},
        style_3=handle_file(photo),
        weights=[1, 0.5],
    )
    assert Path(path).name == "gatys.png"
    with Image.open(path) as result:
        assert (result.format, result.size) == ("PNG", (128, 85))
        about = json.loads(result.text["styleswap"])  # type: ignore[attr-defined]
    assert about["method"] == "gatys" and about["content"] is None
    assert about["settings"]["steps"] == 3
    assert about["styles"] == [
        {"name": None, "weight": 1},
        {"name": None, "weight": 0.5},
    ]
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
        ({"style": None, "method": None}, "meta needs a style picture"),
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
    given = {"content": handle_file(photo), "style": handle_file(style), "method": "gatys"}
    whole = given | arguments
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


def called(app: str, content: Any) -> str:
    """All that an endpoint answers over plain HTTP, where this is given for its photograph."""
    data = [content, None, "fake_none", {"size": 64}, *[None] * 6]
    joined = httpx.post(f"{app}gradio_api/call/stylize", json={"data": data})
    if joined.status_code != 200:
        return joined.text
    event = joined.json()["event_id"]
    with httpx.stream("GET", f"{app}gradio_api/call/stylize/{event}", timeout=60) as answer:
        return "".join(answer.iter_text())


def test_a_file_may_be_sent_whole(extra_app: str, photo: Path) -> None:
    whole = base64.b64encode(photo.read_bytes()).decode()
    url, meta = f"data:image/jpeg;base64,{whole}", {"_type": "gradio.FileData"}
    for given in (
        url,
        {"url": url},
        {"path": url, "meta": meta},
        {"path": None, "url": url, "meta": meta},
        {"path": whole, "meta": meta},
    ):
        answer = called(extra_app, given)
        assert "event: complete" in answer and '"height": 43' in answer, (str(given)[:80], answer)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"url": "https://127.0.0.1/a.jpg"}, "cannot be fetched from that address"),
        ({"path": "data:image/png;base64,@@@"}, "its base64 cannot be read"),
        ({"url": "data:image/png;base64,aGVsbG8="}, "is not a picture"),
        ({"path": "data:image/png"}, fetch.HOW),
        ({"path": "photo.jpg"}, fetch.HOW),
        ({"path": "/etc/passwd", "url": "x"}, fetch.HOW),
        ({"path": ""}, fetch.HOW),
        ({}, fetch.HOW),
        ({"path": 3}, fetch.HOW),
        ([], fetch.HOW),
        (7, fetch.HOW),
        ("A" * 200, "is not a picture"),
        ("A" * 201, "its base64 cannot be read"),
    ],
)
def test_what_is_no_file_is_one_sentence(app: str, content: Any, sentence: str) -> None:
    answer = called(app, content)
    (said,) = re.findall(r'"error": ?"([^"]*)"', answer) or re.findall(r'data: "([^"]*)"', answer)
    assert sentence in said, answer
    assert said.count(". ") == 0 and str(gr.utils.get_upload_folder()) not in answer


def test_raw_calls_read_no_file_of_the_server(app: str, tmp_path: Path, photo: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(photo.read_bytes())
    config = httpx.get(f"{app}config").json()
    kinds = {c["id"]: c for c in config["components"]}
    stolen = {"path": str(secret), "meta": {"_type": "gradio.FileData"}, "orig_name": "a.png"}
    tried = []
    for event in config["dependencies"]:
        wanted = [kinds[i] for i in event["inputs"]]
        if not event["backend_fn"] or not any(c["type"] in FILES for c in wanted):
            continue
        data = [stolen if c["type"] in FILES else c["props"].get("value") for c in wanted]
        answer = raw_call(app, event["id"], data)
        assert '"success":true' not in answer.replace(" ", ""), answer
        assert fetch.HOW in answer, answer
        tried.append(event["api_name"])
    assert {"stylize", "compare", "video", "denoise"} <= set(tried)
    # Of pictures and of videos: the page's run, its checks on upload, and the endpoint.
    assert len(tried) >= 12


def test_raw_calls_pass_no_unchecked_setting(app: str) -> None:
    config = httpx.get(f"{app}config").json()
    kinds = {c["id"]: c for c in config["components"]}
    steps = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "gatys-seed")
    run = next(d for d in config["dependencies"] if steps in d["inputs"])
    method = next(i for i in run["inputs"] if kinds[i]["props"].get("elem_id") == "method")
    given = {steps: 10**12, method: "gatys"}
    data = [given.get(i, kinds[i]["props"].get("value")) for i in run["inputs"]]
    assert "seed must be a whole number from 0" in raw_call(app, run["id"], data)


def test_launch_shuts_what_need_not_be_open(engine: Engine) -> None:
    options = page.launch_options(Room(engine))
    assert options["ssr_mode"] is False and options["max_file_size"] == 512 * 2**20
    assert options["allowed_paths"]
    for path in options["allowed_paths"]:
        assert Path(path).is_file()


def test_the_page_opens_with_what_its_own_defaults_make(engine: Engine) -> None:
    job = picture.first_job()
    *_, last = engine.run(job)
    with gr.Blocks() as blocks:
        tab: Any = picture.PictureTab(blocks, engine)
    held = {box: box.value for box in tab.methods[job.method].widgets.values()}
    assert tab.method.value == job.method
    assert tab.methods[job.method].params(held) == job.params
    assert tab.styles.trained[job.method].value == job.styles[0].name
    with Image.open(examples.FIRST_RESULT) as shown:
        assert shown.size == last.size
        difference = np.asarray(shown, float) - np.asarray(last.result(), float)
    assert np.abs(difference).mean() < 4


# --- later methods ---


def test_methods_of_every_style_kind_get_their_place(engine: Engine, extra_methods: None) -> None:
    demo = page.build(Room(engine))
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
    "method, places",
    [
        ("johnson", {"johnson-style", "johnson-more-styles"}),
        ("gatys", {"style", "more-styles", "style-2", "style-3", "style-4"}),
        ("fake_image", {"style", "more-styles", "style-2"}),
        ("fake_trained", {"fake_trained-style"}),
        ("fake_none", set()),
    ],
)
def test_choosing_a_method_shows_its_own(
    engine: Engine, extra_methods: None, method: str, places: set[str]
) -> None:
    with gr.Blocks() as blocks:
        tab: Any = picture.PictureTab(blocks, engine)
    shown = [update["visible"] for update in tab._show_method(method, 128)[2:]]
    boxes = [*tab.styles.shown, *tab.groups.values()]
    visible = dict(zip(boxes, shown, strict=True))

    def seen(box: Any) -> bool:
        return all(visible.get(b, True) for b in (box, *parents(box)))

    first = [*tab.styles.trained.values(), tab.styles.picture]
    further = [slot.box for slot in tab.styles.slots[""]]
    accordions = [box for box in boxes if isinstance(box, gr.Accordion)]
    assert {box.elem_id for box in (*first, *further, *accordions) if seen(box)} == places
    assert [name for name, group in tab.groups.items() if visible[group]] == [method]
    drawn, slots = tab.styles.of(specs.get_spec(method))
    assert (drawn is None) == (method == "fake_none")
    assert len(slots) == specs.get_spec(method).max_styles - 1


def parents(box: Any) -> list[Any]:
    return [box.parent, *parents(box.parent)] if box.parent else []


def test_shares_are_of_what_the_styles_before_left() -> None:
    assert weighted([("a", 0.5)]) == [("a", 1.0)]
    assert weighted([("a", 1.0), ("b", 0.25)]) == [("a", 0.75), ("b", 0.25)]
    assert weighted([("a", 1.0), (None, 0.5), ("b", 0.5), ("c", 0.2)]) == [
        ("a", 0.4), ("b", 0.4), ("c", 0.2),
    ]  # fmt: skip
    # Whoever takes all is alone, and whoever takes nothing is not there.
    assert weighted([("a", 1.0), ("b", 1.0), ("c", 0.0)]) == [("b", 1.0)]
    # Who is first counts, whatever its slider says.
    assert weighted([("", 1.0), ("b", 0.1), ("c", 0.5)]) == [("b", 0.5), ("c", 0.5)]
    assert weighted([]) == weighted([(None, 1.0)]) == []
    # As they stand at first, all count alike.
    thirds = weighted([("a", 1.0), ("b", 0.5), ("c", 0.33), ("d", 0.25)])
    assert all(weight == pytest.approx(0.25, abs=0.005) for _, weight in thirds)


def test_a_mixture_is_named_in_its_file(client: Client, photo: Path) -> None:
    path, facts = stylize(
        client, content=handle_file(photo), trained_style="udnie", mix_with=["great-wave"],
        weights=[1, 3], settings={"size": 96},
    )  # fmt: skip
    with Image.open(path) as result:
        about = json.loads(result.text["styleswap"])  # type: ignore[attr-defined]
    assert facts["method"] == about["method"] == "johnson"
    assert about["styles"] == [
        {"name": "udnie", "weight": 1}, {"name": "great-wave", "weight": 3},
    ]  # fmt: skip
    for wrong in ("udnie", [1], {"a": 1}):
        with pytest.raises(AppError, match="mix_with must be a list of names"):
            stylize(client, content=handle_file(photo), trained_style="udnie", mix_with=wrong)


def test_the_endpoint_takes_them(extra_client: Client, photo: Path, style: Path) -> None:
    path, numbers = stylize(
        extra_client, content=handle_file(photo), method="fake_trained", trained_style="sea",
        settings={"size": 96, "depth": 0.5},
    )  # fmt: skip
    assert Path(path).name == "sea-fake_trained.png"
    assert numbers["style_loss"] is None and numbers["perceptual"] is None
    path, _ = stylize(extra_client, content=handle_file(photo), method="fake_none")
    with Image.open(path) as result:
        assert result.size == (768, 512)
    with pytest.raises(AppError, match="fake_trained needs a trained style"):
        stylize(extra_client, content=handle_file(photo), method="fake_trained")


def test_a_job_ends_at_the_time_cap_with_what_is_done(
    extra_client: Client, photo: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_now", replace(limits.now(), minutes=0.3 / 60))
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
        about = json.loads(result.text["styleswap"])  # type: ignore[attr-defined]
    assert about["method"] == "denoise" and about["settings"]["sigma"] == 20
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
    assert Path(path).name == "udnie-johnson.mp4"
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
    monkeypatch.setattr(limits, "_now", replace(limits.now(), minutes=0.1 / 60))
    path, numbers = client.predict(clip, "udnie", None, "johnson", {"size": 512}, api_name="/video")
    assert 1 <= numbers["frames"] == len(video.open_clip(path).ticks) < 140


# --- the webcam ---


def call(app: str, number: int, data: list[Any], session: str) -> dict[str, Any]:
    """What an event that does not wait in line tells the webcam's script."""
    body = {"fn_index": number, "data": data, "session_hash": session}
    (value,) = (
        httpx.post(f"{app}gradio_api/run/predict", json=body).raise_for_status().json()["data"]
    )
    found: dict[str, Any] = value["props"]
    return found


def test_a_page_gets_its_ticket_and_sends_frames(app: str, photo: Path) -> None:
    config = httpx.get(f"{app}config").json()
    stream = next(c for c in config["components"] if c["props"].get("elem_id") == "webcam-live")
    events = [d for d in config["dependencies"] if [stream["id"], "enter"] in d["targets"]]
    (enter,) = events
    given = call(app, enter["id"], [None] * 4, "webcam")
    assert len(given["ticket"]) >= 20 and given["pictures"] == []
    assert call(app, enter["id"], [None] * 4, "webcam")["ticket"] == given["ticket"]
    assert call(app, enter["id"], [None] * 4, "another")["ticket"] != given["ticket"]
    value = stream["props"]["value"]
    look = json.dumps(value | {"styles": [pair for pair in value["styles"] if pair[0]]})

    def send(ticket: str, **headers: str) -> httpx.Response:
        return httpx.post(
            app.rstrip("/") + live.PATH,
            params={"look": look},
            content=photo.read_bytes(),
            headers={live.TICKET: ticket, **headers},
            timeout=60,
        )

    answer = send(given["ticket"], Origin=app.rstrip("/"))
    assert answer.status_code == 200
    assert media.open_frame(answer.content).shape == (200, 300, 3)
    assert json.loads(answer.headers[live.FACTS])["size"] == [300, 200]
    assert send("guess").status_code == 403
    assert send(given["ticket"], Origin="https://evil.example").status_code == 403


@pytest.mark.parametrize("spec", specs.stylisers(), ids=lambda spec: spec.id)
def test_sizes_on_the_page_are_those_everywhere(engine: Engine, spec: MethodSpec) -> None:
    """What it offers is what the API and the command line take, and so is what it begins with."""
    with gr.Blocks() as blocks:
        pictures: Any = picture.PictureTab(blocks, engine)
        films: Any = VideoTab(blocks, engine)
    (own,) = (k for k in specs.knobs(spec.params) if k.name == "size")
    (of_film,) = (k for k in specs.own_knobs(spec, specs.VideoParams) if k.name == "size")
    shown = (
        (own, pictures.size, lambda size: pictures._show_method(spec.id, size)[1]),
        (of_film, films.choice.settings["size"], lambda size: films.choice._show(spec.id, size)[1]),
    )
    for k, box, change in shown:
        assert change(box.value).get("value", box.value) == k.default
        changed = change(96)
        assert (changed["maximum"], changed.get("value", 96)) == (k.high, 96)
        assert change(4096).get("value", 4096) == k.high
        assert (k.high - box.minimum) % k.step == 0  # the slider ends there


@pytest.fixture
def tab(engine: Engine) -> Any:
    with gr.Blocks() as blocks:
        made: Any = WebcamTab(blocks, Room(engine))
    made.page = blocks
    return made


def visitor(session: str, user: str | None = None) -> Any:
    return SimpleNamespace(session_hash=session, username=user)


def test_the_webcam_begins_with_a_look_that_it_may_have(tab: Any) -> None:
    look = live.parse_look(json.dumps(tab.stream.value))
    own = [*specs.frame_knobs(look.spec, specs.LiveParams), *specs.knobs(specs.LiveParams)]
    assert tab.stream.value["settings"] == {k.name: k.default for k in own}
    assert look.params == look.spec.params() and look.live == specs.LiveParams()
    first = tab.choice.styles.trained["johnson"].value
    assert look.spec is live.live_methods()[0]
    assert look.styles == ((first, 1), ("", 0.5), ("", 0.33), ("", 0.25))  # webcam.js drops three
    props = tab.stream.props
    assert props["path"] == live.PATH and (props["ticket"], props["pictures"]) == ("", [])
    assert props["headers"] == {"ticket": live.TICKET, "facts": live.FACTS}
    assert props["kinds"] == {"johnson": "trained", "meta": "image", "adain": "image"}
    assert set(i18n.LIVE_TEXTS) == set(props["texts"])


def test_a_look_is_put_together_out_of_the_widgets(tab: Any) -> None:
    (event,) = (f for f in tab.page.fns.values() if tab.stream in f.outputs and not f.fn)
    method, *held = event.inputs
    assert method is tab.choice.method
    assert {id for id, _ in event.targets} == {box._id for box in event.inputs}
    before, between, _ = event.js.split("[method]")
    settings, styles = (
        json.loads(before.split("entries(")[1]),
        json.loads(between.split("styles: ")[1]),
    )
    for spec in live.live_methods():
        first, slots = tab.choice.styles.of(spec)
        places = [(first, None), *((slot.box, slot.share) for slot in slots)]
        assert len(places) == len(styles[spec.id]) == spec.max_styles
        for (box, share), (i, k) in zip(places, styles[spec.id], strict=True):
            # A picture is named by the server.
            assert (i is None) if isinstance(box, gr.Image) else held[i] is box
            assert (k is None) if share is None else held[k] is share
        names = {k.name for k in specs.frame_knobs(spec, specs.LiveParams)}
        assert settings[spec.id].keys() == names | {k.name for k in specs.knobs(specs.LiveParams)}
        for name, i in settings[spec.id].items():
            prefix = f"webcam-{spec.id}-" if name in names else "webcam-"
            assert held[i].elem_id == f"{prefix}{name}"
        values = {name: held[i].value for name, i in settings[spec.id].items()}
        text = json.dumps({"method": spec.id, "styles": [["x", 1]], "settings": values})
        assert live.parse_look(text).params == spec.params()


def test_a_ticket_is_the_page_s_own(tab: WebcamTab) -> None:
    room = tab.room
    ann, bob = (tab._enter(held(tab), visitor(name, name))["ticket"] for name in ("ann", "bob"))
    assert ann != bob and tab._enter(held(tab), visitor("ann", "ann"))["ticket"] == ann
    assert room.find(ann, "ann") is not room.find(bob, "bob")
    with pytest.raises(Forbidden):
        room.find(ann, "bob")
    tab._leave(visitor("ann", "ann"))
    with pytest.raises(Forbidden):
        room.find(ann, "ann")
    assert room.find(bob, "bob")


def held(tab: WebcamTab, *paths: Path | None) -> Any:
    """What the places for pictures hold."""
    places = tab.choice.styles.pictures
    return dict(zip(places, [path and str(path) for path in paths] + [None] * 4, strict=False))


def test_style_pictures_reach_the_stream_by_keys(
    tab: WebcamTab, style: Path, tmp_path: Path
) -> None:
    entered = tab._enter(held(tab, style), visitor("s"))
    stream = tab.room.find(entered["ticket"], None)

    def size(key: str) -> tuple[int, int]:
        text = json.dumps({"method": "meta", "styles": [[key, 1]], "settings": {}})
        (choice,) = stream.styles(live.parse_look(text))
        assert choice.picture is not None
        return choice.picture.size

    key, *rest = entered["pictures"]
    assert size(key)[0] == size(key)[1] > 0  # it is a square
    assert rest == [""] * 3
    wide = tmp_path / "wide.png"
    Image.fromarray(np.zeros((40, 80, 3), np.uint8)).save(wide)
    both_keys = tab._show(held(tab, style, None, wide), visitor("s"))["pictures"]
    assert both_keys[:2] == [key, ""] and size(both_keys[2])[0] == 2 * size(both_keys[2])[1]
    (other, *_) = tab._show(held(tab, wide), visitor("s"))["pictures"]
    assert other == both_keys[2] and size(other)
    with pytest.raises(StyleSwapError):
        size(key)
    assert tab._show(held(tab), visitor("s"))["pictures"] == []
    bad = tmp_path / "bad.png"
    bad.write_text("only words")
    with pytest.raises(gr.Error, match="style picture"):
        tab._show(held(tab, bad), visitor("s"))
    again = tab._enter(held(tab, bad), visitor("s"))  # it was said when it was chosen
    assert again["ticket"] == entered["ticket"] and "pictures" not in again


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


@pytest.mark.parametrize("suffix", [".heic", ".HEIF", ".tif"])
def test_what_no_browser_shows_is_shown_as_another_file(suffix: str, tmp_path: Path) -> None:
    photo, file = Image.new("RGB", (64, 48), "teal"), tmp_path / f"photo{suffix}"
    if suffix == ".tif":
        photo.save(file)
    else:
        pillow_heif.from_pillow(photo).save(file, quality=90)
    for shown in stage.checker("photograph")(str(file)):  # the file is there for that long
        with Image.open(shown) as other:
            assert (other.format, other.size) == ("PNG", (64, 48))


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
