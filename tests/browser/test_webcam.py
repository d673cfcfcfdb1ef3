"""The tab Webcam as a person meets it, in a real Chromium with a camera of its own."""

from __future__ import annotations

import base64
import contextlib
import http.server
import io
import ipaddress
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from styleswap import live, metrics, tensors, video
from styleswap.engine import Engine
from styleswap.media import Pixels
from styleswap.ui import page as page_module
from styleswap.ui.hosting import Hosting
from tests.browser.acts import download, upload
from tests.conftest import chromium
from tests.helpers import ROOT, example
from tests.helpers import small as networks

Watch = Callable[..., Page]
STATE = "document.querySelector('#webcam-live canvas')"
STATUS = "#webcam-live .live-status"
GO = "#webcam-live .live-go"


@pytest.fixture
def watch(browser: Browser) -> Iterator[Watch]:
    """Open the tab; what the script says of faults must be nothing but answers of the server."""
    pages: list[Page] = []
    faults: list[str] = []

    def open_(
        address: str,
        *,
        camera: bool = True,
        browser: Browser = browser,
        before: Callable[[Page], object] = lambda page: None,
        **about: Any,
    ) -> Page:
        about = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"} | about
        context = browser.new_context(permissions=["camera"] if camera else [], **about)
        page = context.new_page()
        pages.append(page)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        before(page)
        page.click("#webcam-tab-button")
        expect(page.locator(GO)).to_be_visible()
        return page

    yield open_
    for page in pages:
        page.context.close()
    assert not faults


def started(page: Page) -> Page:
    page.click(GO)
    drawn(page, 3)
    return page


def state(page: Page, name: str) -> Any:
    return page.evaluate(f"{STATE}.live.{name}")


def drawn(page: Page, more: int) -> None:
    """Wait until so many more frames have been drawn."""
    first = state(page, "drawn")
    page.wait_for_function(f"{STATE}.live.drawn >= {first + more}", timeout=30_000)


def shown(page: Page) -> Pixels:
    """What the canvas shows, (H, W, 3)."""
    data = page.evaluate(f"{STATE}.toDataURL('image/png')")
    picture = Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2])))
    return np.asarray(picture.convert("RGB"))


def choose(page: Page, style: str) -> None:
    page.click("#webcam-johnson-style input")
    page.get_by_role("option", name=re.compile(style)).click()


def from_style(pixels: Pixels, style: str) -> float:
    """How far a picture is from a style picture of ours."""
    small: Any = Image.fromarray(pixels).resize((256, 192))
    found = metrics.style_distance(networks(), tensors.from_pil(small), example(style, 256))
    return float(np.mean(list(found.values())))


def camera_picture(page: Page) -> Pixels:
    """A frame as the camera gives it, in the browser."""
    data = page.evaluate(
        """async () => {
          const film = document.createElement('video');
          film.srcObject = await navigator.mediaDevices.getUserMedia({video: true});
          await film.play();
          const canvas = document.createElement('canvas');
          [canvas.width, canvas.height] = [film.videoWidth, film.videoHeight];
          canvas.getContext('2d').drawImage(film, 0, 0);
          return canvas.toDataURL('image/png');
        }"""
    )
    picture = Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2])))
    return np.asarray(picture.convert("RGB"))


@pytest.fixture(scope="module")
def sailing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our clip as a file that Chromium takes for a camera."""
    clip = video.open_clip(ROOT / "examples" / "content" / "sailing.mp4")
    path = tmp_path_factory.mktemp("camera") / "sailing.mjpeg"
    with path.open("wb") as file:
        for _, pixels in video.read_frames(clip, range(40), (640, 360)):
            Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return path


# --- the stream ---


def test_a_clip_before_the_camera_is_painted_in_the_style(
    watch: Watch, app: str, browser: Browser, sailing: Path, tmp_path: Path
) -> None:
    file = f"--use-file-for-fake-video-capture={sailing}"
    with contextlib.closing(chromium(browser.browser_type, file)) as browser:
        page = started(watch(app, browser=browser))
        choose(page, "Swirls")
        page.locator("#webcam-mirror input").uncheck()
        drawn(page, 30)
        filmed, painted = camera_picture(page), shown(page)
        assert painted.shape == (360, 640, 3)
        assert np.abs(painted.astype(float) - filmed).mean() > 20
        assert from_style(painted, "swirls") < 0.5 * from_style(filmed, "swirls")
        picture = download(page, tmp_path, "#webcam-live .live-snapshot")
        assert picture.name == "webcam-swirls.png"
        with Image.open(picture) as snapshot:
            assert (snapshot.format, snapshot.size) == ("PNG", (640, 360))
        page.click("#webcam-live .live-record")
        expect(page.locator(STATUS)).to_contain_text("Recording, 0:0")
        drawn(page, 20)
        film = download(page, tmp_path, "#webcam-live .live-record")
        with av.open(str(film)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(frames) >= 5 and frames[-1].shape == (360, 640, 3)
        assert np.abs(np.diff(np.stack(frames[-2:]).astype(float), axis=0)).mean() < 60
        page.context.close()


def test_settings_take_effect_while_it_runs(watch: Watch, app: str) -> None:
    page = started(watch(app))
    drawn(page, 10)
    first = shown(page)
    choose(page, "Swirls")
    drawn(page, 25)
    other = shown(page)
    assert np.abs(first.astype(float) - other).mean() > 10
    page.fill("#webcam-johnson-strength input[type=number]", "0")
    page.keyboard.press("Tab")
    drawn(page, 15)
    plain = shown(page)
    # The fake camera's background is one green.
    green = plain[plain.shape[0] // 4, 5]
    assert green[1] > green[0] and green[1] > green[2]
    page.fill("#webcam-johnson-strength input[type=number]", "1")
    page.keyboard.press("Tab")
    page.locator("#webcam-split input").check()
    expect(page.locator("#webcam-live .live-line")).to_be_visible()
    drawn(page, 15)
    both = shown(page)
    left, right = both[:, 10:300].astype(float), both[:, 340:630].astype(float)
    # The camera's own picture is flat, the painted one is not.
    assert left[:60].std((0, 1)).sum() != right[:60].std((0, 1)).sum()
    page.locator("#webcam-live .live-line").fill("0")
    drawn(page, 3)
    assert np.abs(shown(page)[:, 10:300].astype(float) - left).mean() > 5
    expect(page.locator(STATUS)).to_contain_text(re.compile(r"\d+ frames a second · \d+ ms"))


def test_a_slider_turns_one_style_into_another(watch: Watch, app: str) -> None:
    page = watch(app)
    page.click("#webcam-johnson-more-styles button")
    slider = page.locator("#webcam-johnson-share-2 input[type=range]")
    expect(slider).not_to_be_visible()
    page.click("#webcam-johnson-style-2 input")
    page.get_by_role("option", name=re.compile("Ink")).click()
    expect(slider).to_be_visible()
    started(page)
    (name, _), _ = state(page, "facts")["styles"]
    for share in (0.5, 0.25, 1.0, 0.0):
        slider.fill(str(share))
        least = live.LEAST_WEIGHT
        page.wait_for_function(
            f"""() => {{
              const [[one, first], [other, second]] = {STATE}.live.facts.styles;
              return one === '{name}' && Math.abs(first - {max(1 - share, least)}) < 1e-6
                && other === 'ink' && Math.abs(second - {max(share, least)}) < 1e-6;
            }}""",
            timeout=30_000,
        )
    drawn(page, 3)


def test_any_picture_is_a_style(watch: Watch, app: str, style: Path) -> None:
    page = watch(app)
    page.click("#webcam-method input")
    page.get_by_role("option", name="Meta").click()
    expect(page.locator("#webcam-style")).to_be_visible()
    started(page)
    drawn(page, 3)
    first = shown(page)
    upload(page, "#webcam-style", style)
    drawn(page, 25)
    assert np.abs(first.astype(float) - shown(page)).mean() > 10
    expect(page.locator(STATUS)).to_contain_text("frames a second")


def test_stop_start_and_out_of_sight(watch: Watch, app: str) -> None:
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    page = started(watch(app))
    before = sum(file.is_file() for file in folder.rglob("*"))
    page.click("#picture-tab-button")
    page.wait_for_timeout(500)
    sent = state(page, "sent")
    page.wait_for_timeout(700)
    assert state(page, "sent") == sent
    page.click("#webcam-tab-button")
    drawn(page, 3)
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.wait_for_timeout(500)
    sent = state(page, "sent")
    page.wait_for_timeout(700)
    assert state(page, "sent") == sent
    page.evaluate("delete document.hidden")
    drawn(page, 3)
    page.click(GO)
    expect(page.locator(STATUS)).to_contain_text("the camera is off")
    sent = state(page, "sent")
    page.wait_for_timeout(500)
    assert (state(page, "state"), state(page, "sent")) == ("idle", sent)
    started(page)
    assert sum(file.is_file() for file in folder.rglob("*")) == before


def test_the_camera_can_be_chosen(watch: Watch, app: str) -> None:
    page = started(watch(app))
    cameras = page.locator("#webcam-live .live-camera")
    expect(cameras.locator("option")).to_have_count(2)
    first = cameras.input_value()
    other = page.evaluate(
        "(first) => [...document.querySelector('#webcam-live .live-camera').options]"
        ".find((option) => option.value !== first).value",
        first,
    )
    cameras.select_option(other)
    drawn(page, 5)
    assert cameras.input_value() == other


def test_a_page_loaded_anew_goes_on(watch: Watch, app: str) -> None:
    page = started(watch(app))
    page.reload()
    page.wait_for_function(f"{STATE}?.live?.drawn >= 5")
    expect(page.locator(GO)).to_be_visible()
    page.click(GO)
    page.reload()
    expect(page.locator(GO)).to_be_visible()
    assert state(page, "state") == "idle"


def test_two_pages_at_once(watch: Watch, app: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LEAST_RATE", 0.1)  # however slow this machine is
    pages = [started(watch(app)) for _ in range(2)]
    choose(pages[1], "Swirls")
    for page in pages:
        drawn(page, 20)
    assert np.abs(shown(pages[0]).astype(float) - shown(pages[1])).mean() > 10


def test_a_full_room_says_so_and_lets_the_next_in(
    watch: Watch, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_PEOPLE", 1)
    monkeypatch.setattr(live, "GONE", 1.0)
    first, second = started(watch(app)), watch(app)
    second.click(GO)
    expect(second.locator(STATUS)).to_contain_text("Number 1 in line")
    first.click(GO)
    drawn(second, 3)


# --- what goes wrong ---


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        ("NotFoundError", "There is no camera"),
        ("NotReadableError", "another program may be using it"),
        ("NotAllowedError", "did not allow the camera"),
    ],
)
def test_no_picture_from_the_camera(watch: Watch, app: str, why: str, sentence: str) -> None:
    page = watch(app)
    page.evaluate(
        f"""() => {{
          const media = navigator.mediaDevices, real = media.getUserMedia.bind(media);
          media.getUserMedia = async () => {{
            media.getUserMedia = real;
            throw new DOMException('no', '{why}');
          }};
        }}"""
    )
    page.click(GO)
    expect(page.locator(STATUS)).to_contain_text(sentence)
    expect(page.locator(GO)).to_have_text("Retry", use_inner_text=True)
    started(page)


def test_a_camera_that_is_refused(watch: Watch, app: str) -> None:
    page = watch(app, camera=False)
    page.click(GO)
    expect(page.locator(STATUS)).to_contain_text("did not allow the camera")
    page.context.grant_permissions(["camera"])
    started(page)


def test_garbage_is_told_and_the_stream_goes_on(watch: Watch, app: str) -> None:
    page = started(watch(app))
    page.evaluate(
        """() => {
          const real = HTMLCanvasElement.prototype.toBlob;
          HTMLCanvasElement.prototype.toBlob = function (done, ...more) {
            HTMLCanvasElement.prototype.toBlob = real;
            done(new Blob(['garbage'], {type: 'image/jpeg'}));
          };
        }"""
    )
    expect(page.locator(STATUS)).to_contain_text("no JPEG or WebP that can be read")
    drawn(page, 5)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def test_a_server_that_goes_and_comes_back(watch: Watch, engine: Engine) -> None:
    about: Any = {"prevent_thread_lock": True, "quiet": True, "server_port": free_port()}
    demo = page_module.launch(engine, **about)
    page = started(watch(str(demo.local_url)))
    demo.close()
    expect(page.locator(STATUS)).to_contain_text("The connection to the server was lost")
    expect(page.locator(GO)).to_have_text("Retry", use_inner_text=True)
    # What comes back knows nothing of the page's ticket, and Gradio may load the page anew.
    demo = page_module.launch(engine, **about)
    page.click(GO)
    for _ in range(3):
        page.wait_for_function(f"{STATE}?.live?.drawn >= 20")
        page.wait_for_timeout(500)
    page.context.close()
    demo.close()


# --- who may send frames ---


def look() -> str:
    return json.dumps({"method": "johnson", "styles": [["swirls", 1]], "settings": {}})


def post(address: str, **about: Any) -> httpx.Response:
    headers = about.pop("headers", {})
    params = {"look": look()}
    url = f"{address.rstrip('/')}{live.PATH}"
    return httpx.post(url, params=params, headers=headers, content=b"garbage", **about)


def ticket_of(page: Page) -> str:
    """The ticket that a page sends with its frames."""
    with page.expect_request(re.compile(live.PATH)) as waiting:
        pass
    return str(waiting.value.headers[live.TICKET.lower()])


def test_a_ticket_is_for_its_page_and_ends_with_it(watch: Watch, app: str) -> None:
    page = started(watch(app))
    ticket = ticket_of(page)
    page.click(GO)
    good = {live.TICKET: ticket}
    assert post(app, headers=good).status_code == 400  # let in, and garbage
    assert post(app, headers=good | {"Origin": "https://elsewhere.example"}).status_code == 403
    assert post(app, headers=good | {"Origin": app.rstrip("/")}).status_code == 400
    assert post(app, headers={live.TICKET: ticket[:-1]}).status_code == 403
    assert post(app).status_code == 403
    page.context.close()
    until = time.monotonic() + 20
    while post(app, headers=good).status_code != 403:
        assert time.monotonic() < until
        time.sleep(0.2)


def test_behind_a_login(watch: Watch, engine: Engine) -> None:
    hosting = Hosting(auth=(("ann", "secret"), ("bob", "other")))
    demo = page_module.launch(engine, hosting, prevent_thread_lock=True, quiet=True)
    address = str(demo.local_url)

    def log_in(page: Page) -> None:
        page.get_by_label("username").fill("ann")
        page.get_by_label("password").fill("secret")
        page.get_by_role("button", name="Login").click()
        expect(page.locator("#go")).to_be_enabled()

    page = started(watch(address, before=log_in))
    headers = {live.TICKET: ticket_of(page)}
    cookies = {c["name"]: c["value"] for c in page.context.cookies() if "value" in c}
    assert post(address, headers=headers).status_code == 401
    assert post(address, headers=headers, cookies=cookies).status_code == 400
    with httpx.Client() as bob:
        bob.post(f"{address}login", data={"username": "bob", "password": "other"})
        assert post(address, headers=headers, cookies=dict(bob.cookies)).status_code == 403
    page.context.close()
    demo.close()


def test_behind_a_proxy(watch: Watch, engine: Engine) -> None:
    hosting = Hosting(proxies=(ipaddress.ip_network("127.0.0.1"),))
    demo = page_module.launch(
        engine, hosting, prevent_thread_lock=True, quiet=True, root_path="/styles"
    )
    inner = httpx.Client(base_url=str(demo.local_url), timeout=60)

    class Proxy(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            headers["X-Forwarded-Host"] = self.headers["Host"]
            path = self.path.removeprefix("/styles")
            request = inner.build_request(
                self.command, path or "/", headers=headers, content=self.rfile.read(size)
            )
            answer = inner.send(request, stream=True)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            with contextlib.suppress(OSError):
                for part in answer.iter_raw():
                    self.wfile.write(part)
                    self.wfile.flush()
            answer.close()
            self.close_connection = True

        do_GET = do_POST = do_HEAD = pass_on

        def log_message(self, *args: object) -> None:
            pass

    outer = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=outer.serve_forever, daemon=True).start()
    page = started(watch(f"http://127.0.0.1:{outer.server_port}/styles/"))
    drawn(page, 5)
    page.context.close()
    outer.shutdown()
    demo.close()
    inner.close()


@pytest.mark.parametrize(("locale", "word"), [("en-GB", "Start"), ("zh-CN", "开始")])
def test_a_telephone_in_either_language(watch: Watch, app: str, locale: str, word: str) -> None:
    page = watch(app, viewport={"width": 390, "height": 844}, locale=locale)
    expect(page.locator(GO)).to_have_text(word, use_inner_text=True)
    expect(page.locator(GO)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
