"""Places for pictures and videos, also after a visitor's has changed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import numpy as np
from gradio.state_holder import SessionState
from PIL import Image

from styleswap import media, specs
from styleswap.engine import Engine
from styleswap.request import Request
from styleswap.ui import boxes
from tests.helpers import run_apart

FILE = {"_type": "gradio.FileData"}


def ramp() -> Image.Image:
    """Sixteen bits of grey, all but a few of them above 255."""
    steps = np.linspace(0, 65535, 96 * 64).astype(np.uint16)
    return Image.fromarray(steps.reshape(64, 96))


def clear() -> Image.Image:
    """Blue, and clear but for the middle: upon white, or upon black where that is forgotten."""
    pixels = np.zeros((64, 96, 4), np.uint8)
    pixels[..., 2] = 200
    pixels[16:48, 24:72, 3] = 255
    return Image.fromarray(pixels, "RGBA")


def colours(mode: str) -> Image.Image:
    y, x = np.mgrid[0:64, 0:96]
    pixels = np.stack([x * 255 // 96, y * 255 // 64, (x * y) % 256], axis=-1).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


KINDS: dict[str, Callable[[Path], None]] = {
    "ramp.png": lambda file: ramp().save(file),
    "ramp.tif": lambda file: ramp().save(file),
    "clear.png": lambda file: clear().save(file),
    "clear.webp": lambda file: clear().save(file, lossless=True),
    "inks.jpg": lambda file: colours("CMYK").save(file, quality=95),
    "grey.png": lambda file: colours("LA").save(file),
    "few.gif": lambda file: colours("P").save(file),
    "two.png": lambda file: colours("1").save(file),
    "turned.jpg": lambda file: colours("RGB").save(file, exif=_turned()),
}


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


class Visitor:
    """One session of the tab Picture, by the events that its page would send."""

    def __init__(self, app: str) -> None:
        self.app, self.session = app, "visitor"
        config = httpx.get(f"{app}config").json()
        self.kinds = {c["id"]: c["props"] for c in config["components"]}
        self.ids = {props.get("elem_id"): i for i, props in self.kinds.items()}
        content = self.ids["content"]
        (self.check,) = (
            d for d in config["dependencies"] if [content, "upload"] in d["targets"]
        )  # fmt: skip
        (self.go,) = (
            d for d in config["dependencies"]
            if {content, self.ids["method"]} <= set(d["inputs"]) and d["backend_fn"]
            and self.ids["stage"] in d["outputs"]
        )  # fmt: skip
        self.content: Any = None

    def send(self, event: dict[str, Any], data: list[Any]) -> dict[str, Any]:
        """What comes of an event: its last output and whether it went well."""
        body = {"fn_index": event["id"], "data": data, "session_hash": self.session}
        httpx.post(f"{self.app}gradio_api/queue/join", json=body).raise_for_status()
        found: dict[str, Any] = {}
        at = f"{self.app}gradio_api/queue/data"
        with httpx.stream("GET", at, params={"session_hash": self.session}, timeout=60) as answer:
            for line in answer.iter_lines():
                message = json.loads(line.removeprefix("data: ")) if line else {}
                if message.get("msg") in ("process_generating", "process_completed"):
                    if message["output"].get("data"):
                        found["data"] = message["output"]["data"]
                    found |= {k: v for k, v in message["output"].items() if k != "data"}
                    found["success"] = message["success"]
                if message.get("msg") == "process_completed":
                    break
        return found

    def upload(self, file: Path) -> dict[str, Any]:
        files = {"files": (file.name, file.read_bytes())}
        (path,) = httpx.post(f"{self.app}gradio_api/upload", files=files).json()
        self.content = {"path": path, "meta": FILE}
        found = self.send(self.check, [self.content])
        (change,) = found.get("data") or [None]
        if isinstance(change, dict) and "path" in change:
            self.content = {"path": change["path"], "meta": FILE}
        return found

    def painted(self) -> np.ndarray:
        """The picture that a click on the button gives, from a method that changes nothing."""
        held = {"content": self.content, "method": "fake_none", "size": 64, "fake_none-depth": 1}
        chosen = {self.ids[name]: value for name, value in held.items()}
        data = [chosen.get(i, self.kinds[i].get("value")) for i in self.go["inputs"]]
        found = self.send(self.go, data)
        assert found["success"], found
        _, after = found["data"][self.go["outputs"].index(self.ids["stage"])]
        answer = httpx.get(f"{self.app}gradio_api/file={after['path']}").raise_for_status()
        with Image.open(io.BytesIO(answer.content)) as picture:
            return np.asarray(picture)


def on_the_command_line(engine: Engine, file: Path) -> np.ndarray:
    params = specs.make_params(specs.get_spec("fake_none"), {"size": 64, "depth": 1.0})
    *_, last = engine.run(Request("fake_none", media.open_picture(file), [], params))
    return np.asarray(last.result())


def test_every_upload_of_a_session_is_taken_as_it_is(
    engine: Engine, extra_app: str, tmp_path: Path
) -> None:
    visitor = Visitor(extra_app)
    for name, save in [*KINDS.items(), *KINDS.items()]:
        file = tmp_path / name
        save(file)
        assert visitor.upload(file)["success"]
        assert np.array_equal(visitor.painted(), on_the_command_line(engine, file)), name
    bad = tmp_path / "bad.png"
    bad.write_text("only words")
    found = visitor.upload(bad)
    assert not found["success"] and "is not a picture that can be read" in found["error"]
    assert "/" not in found["error"]
    assert visitor.upload(file)["success"]
    assert np.array_equal(visitor.painted(), on_the_command_line(engine, file))


def test_a_box_stays_what_it_is_when_a_visitor_s_has_changed(
    demo: gr.Blocks, tmp_path: Path
) -> None:
    """Once Gradio keeps the object this can go, and `preprocess` be put on what is drawn."""
    places = [
        box
        for box in {box for event in demo.fns.values() if event.fn for box in event.inputs}
        if isinstance(box, gr.Image | gr.Video)
    ]
    assert {"content", "style", "style-2", "compare-content", "compare-style", "denoise-content",
            "video-content", "webcam-style"} <= {box.elem_id for box in places}  # fmt: skip
    for box in places:
        assert isinstance(box, boxes.PictureBox | boxes.VideoBox)
        assert box.get_config()["name"] in ("image", "video")
        state = SessionState(demo)
        changes = [e for e in demo.fns.values() if e.outputs == [box] and e.fn]
        if not changes:
            continue  # an endpoint's
        before = state[box._id]
        run_apart(demo.postprocess_data(changes[0], gr.skip(), state))
        after: Any = state[box._id]
        assert after is not before
        payload = box.data_model(path=str(tmp_path / "x.png"))
        assert after.preprocess(payload) == payload.path
        assert after.preprocess(None) is None


def test_nothing_is_written_beside_the_source() -> None:
    assert not Path(boxes.__file__).with_suffix(".pyi").exists()
