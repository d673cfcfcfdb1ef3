"""What tests of the page share: a quiet environment, running apps, a browser, extra methods."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from styleswap import specs
from styleswap.specs import Choice, MethodSpec, StylisingParams, Text, knob

if TYPE_CHECKING:
    from gradio import Blocks
    from playwright.sync_api import Browser, BrowserType

    from styleswap.engine import Engine
    from styleswap.methods.base import Job, Step
    from styleswap.ui.hosting import Hosting
    from tests.helpers import Writer

_folder = tempfile.mkdtemp(prefix="styleswap-tests-")


def pytest_configure() -> None:
    """Before any test module, and with it Gradio, is imported."""
    os.environ.update(
        OMP_NUM_THREADS="1",  # each of two processes has a core
        GRADIO_ANALYTICS_ENABLED="False",
        HF_HUB_OFFLINE="1",
        GRADIO_TEMP_DIR=f"{_folder}/gradio",
        STYLESWAP_CACHE=f"{_folder}/cache",
    )
    settings.register_profile("suite", deadline=None)  # a busy machine may take its time
    settings.load_profile("suite")


def pytest_unconfigure() -> None:
    shutil.rmtree(_folder, ignore_errors=True)


@pytest.fixture(scope="session")
def engine() -> Engine:
    from styleswap.engine import Engine

    return Engine("cpu")


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Writer:
    """What the engine takes for the meta network."""
    from styleswap import engine as module
    from tests.helpers import Writer

    found = Writer()
    monkeypatch.setattr(module.meta, "load", lambda: found)
    return found


def launch(engine: Engine, hosting: Hosting | None = None) -> Iterator[Blocks]:
    """The page as it is launched by app.py, on a free port."""
    from styleswap.ui import page

    demo = page.launch(engine, hosting, prevent_thread_lock=True, quiet=True)
    yield demo
    demo.close()


@pytest.fixture(scope="session")
def demo(engine: Engine) -> Iterator[Blocks]:
    """The page with the methods that there are."""
    yield from launch(engine)


@pytest.fixture(scope="session")
def app(demo: Blocks) -> str:
    """Its address."""
    return str(demo.local_url)


def chromium(kind: BrowserType, *more: str) -> Browser:
    """A browser with two cameras of its own, of 60 frames a second; `more` are flags."""
    flags = (
        "--no-sandbox --disable-gpu --disable-quic --disable-background-networking"
        " --disable-component-update --disable-sync"
        " --use-fake-device-for-media-stream=device-count=2,fps=60"
    )
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if not Path(path).exists() and not os.environ.get("CI"):
        pytest.skip("no Chromium here: apt-get install chromium fonts-noto-cjk, or set CHROMIUM")
    return kind.launch(executable_path=path, args=[*flags.split(), *more])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = chromium(playwright.chromium)
        yield found
        found.close()


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JPEG of 300 x 200 with something to see."""
    y, x = np.mgrid[0:200, 0:300]
    pixels = np.stack([x * 255 // 300, y * 255 // 200, (x * y) % 256], axis=-1)
    path = tmp_path_factory.mktemp("pictures") / "photo.jpg"
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def style(photo: Path) -> Path:
    """A PNG of 120 x 120 stripes."""
    y, x = np.mgrid[0:120, 0:120]
    pixels = np.stack([(x // 8 % 2) * 255, (y // 8 % 2) * 255, 0 * x], axis=-1)
    path = photo.with_name("style.png")
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


@dataclass(frozen=True, kw_only=True)
class SlowParams(StylisingParams):
    """Settings of the method that blends, in as many slow steps as one likes."""

    steps: int = knob(
        200,
        Text("Blending steps", "混合步数"),
        Text("How many.", "多少步。"),
        low=1,
        high=5000,
        step=1,
    )
    tone: str = knob(
        "warm",
        Text("Tone", "色调"),
        Text("Which tone.", "哪种色调。"),
        choices=(Choice("warm", Text("warm", "暖")), Choice("cold", Text("cold", "冷"))),
        advanced=True,
    )


@dataclass(frozen=True, kw_only=True)
class PlainParams(StylisingParams):
    """Settings of methods that work in one pass."""

    depth: float = knob(
        0.5, Text("Depth", "深度"), Text("How deep.", "多深。"), low=0.0, high=1.0, step=0.1
    )


def _slow(job: Job) -> Iterator[Step]:
    from styleswap.methods.base import Step

    assert isinstance(job.params, SlowParams)
    assert all(s.picture is not None for s in job.styles)
    for i in range(1, job.params.steps + 1):
        time.sleep(0.02)
        share = i / job.params.steps
        yield Step(i, job.params.steps, job.content * (1 - share), {"content": share, "style": 1.0})


def _plain(job: Job) -> Iterator[Step]:
    from styleswap.methods.base import Step

    assert isinstance(job.params, PlainParams)
    yield Step(1, 1, job.content * job.params.depth)


@pytest.fixture(scope="module")
def extra_methods() -> Iterator[None]:
    """One more method of each style kind, declared as later methods will be."""
    from styleswap import weights

    shipped = weights.manifest()
    trained = {
        "poppies": weights.Entry("poppies", "p.safetensors", "style", "Poppies", "0" * 64, {}),
        "sea": weights.Entry(
            "sea", "s.safetensors", "style", "Sea", "0" * 64, {"method": "fake_trained"}
        ),
    }
    summary = Text("Only in tests.", "仅用于测试。")
    fakes = [
        MethodSpec(
            id=f"fake_{style}",
            title=Text(f"Fake: {style}", f"假的：{style}"),
            summary=summary,
            paper="none",
            style=style,
            pace="seconds",
            params=SlowParams if style == "image" else PlainParams,
            max_styles=2 if style == "image" else 1,
        )
        for style in ("image", "trained", "none")
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "manifest", lambda *_: shipped | trained)
        for spec in fakes:
            module = types.ModuleType(f"styleswap.methods.{spec.id}")
            module.__dict__["run"] = _slow if spec.style == "image" else _plain
            patch.setitem(sys.modules, module.__name__, module)
            patch.setitem(specs.METHODS, spec.id, spec)
        yield


@pytest.fixture(scope="module")
def extra_app(engine: Engine, extra_methods: None) -> Iterator[str]:
    """Address of the page with `extra_methods` too."""
    for demo in launch(engine):
        yield str(demo.local_url)
