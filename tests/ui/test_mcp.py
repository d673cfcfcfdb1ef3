"""The page as an agent sees it: its tools by MCP, through the protocol's own client."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import jsonschema
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, ImageContent, TextContent, Tool
from PIL import Image

from styleswap import specs, weights
from styleswap.engine import Engine
from styleswap.methods import denoise
from styleswap.ui import line, mcp, page

TOOLS = ["stylize", "compare", "video", "denoise", "methods", "styles"]

Ask = Callable[[Callable[[ClientSession], Awaitable[Any]]], Any]


def finished(work: Coroutine[Any, Any, Any]) -> Any:
    """What it gives, in a thread of its own: the browser's tests keep an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@pytest.fixture(scope="module")
def ask(app: str) -> Ask:
    """Does something in a session of its own."""

    def do(what: Callable[[ClientSession], Awaitable[Any]]) -> Any:
        async def session() -> Any:
            async with (
                streamable_http_client(f"{app}gradio_api/mcp/") as (read, write, _),
                ClientSession(read, write) as client,
            ):
                await client.initialize()
                return await what(client)

        return finished(session())

    return do


@pytest.fixture(scope="module")
def call(ask: Ask) -> Callable[..., CallToolResult]:
    return lambda tool, **given: ask(lambda client: client.call_tool(tool, given))


@pytest.fixture(scope="module")
def tools(ask: Ask) -> dict[str, Tool]:
    listed = ask(lambda client: client.list_tools())
    return {tool.name: tool for tool in listed.tools}


def data_url(file: Path) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(file.read_bytes()).decode()}"


def texts(result: CallToolResult) -> list[str]:
    return [part.text for part in result.content if isinstance(part, TextContent)]


def parts(result: CallToolResult) -> tuple[Image.Image, str, dict[str, Any]]:
    """The picture, its address and the facts."""
    assert not result.isError, result
    shown, where, facts = result.content
    assert isinstance(shown, ImageContent) and shown.mimeType == "image/png"
    assert isinstance(where, TextContent) and isinstance(facts, TextContent)
    picture = Image.open(io.BytesIO(base64.b64decode(shown.data)))
    return picture, where.text.removeprefix("Image URL: "), json.loads(facts.text)


def fault(result: CallToolResult) -> str:
    assert result.isError
    (sentence,) = texts(result)
    assert "\n" not in sentence
    return sentence


# --- what there is ---


def test_the_tools_are_the_named_endpoints_and_nothing_else(tools: dict[str, Tool]) -> None:
    assert list(tools) == TOOLS


def test_a_tool_tells_what_it_takes(tools: dict[str, Tool]) -> None:
    for tool in tools.values():
        jsonschema.Draft202012Validator.check_schema(tool.inputSchema)
        assert len(tool.description or "") > 50
        for name, argument in tool.inputSchema["properties"].items():
            assert len(argument["description"]) > 20, (tool.name, name)
    stylize, compared, film, cleaner = (tools[name].inputSchema for name in TOOLS[:4])
    assert all(schema["required"] == ["content"] for schema in (stylize, film, cleaner))
    assert compared["required"] == ["content", "style"]
    assert compared["properties"]["methods"]["items"]["enum"] == [s.id for s in specs.stylisers()]
    assert "size=512 (64 to 1024)" in compared["properties"]["settings"]["description"]
    assert stylize["properties"]["method"]["enum"] == [s.id for s in specs.stylisers()]
    for schema in (stylize, film):
        names = schema["properties"]["trained_style"]["enum"]
        assert sorted(names) == sorted(entry.name for entry in weights.styles_of("johnson"))
    words = stylize["properties"]["settings"]["description"]
    for spec in specs.stylisers():
        assert f"{spec.id}: size=768 (64 to " in words and spec.summary.en in str(stylize)
    assert "keep_colours=false" in words and "start=content (content, style, noise)" in words
    assert "sigma=25.0 (1 to 100)" in cleaner["properties"]["settings"]["description"]
    words = film["properties"]["settings"]["description"]
    assert "every method: size=1280 (64 to 3840), steady=0.5 (0 to 1)" in words
    assert "levels=4" in words and "finish" not in words


def test_methods_and_styles_come_as_json(call: Callable[..., CallToolResult]) -> None:
    (text,) = texts(call("methods"))
    assert json.loads(text) == [specs.describe(spec) for spec in specs.METHODS.values()]
    (text,) = texts(call("styles"))
    assert json.loads(text) == [weights.describe(entry) for entry in weights.styles()]


def test_nobody_sees_where_a_tool_s_values_go(app: str) -> None:
    config = httpx.get(f"{app}config").json()
    visible = {c["id"]: c["props"].get("visible", True) for c in config["components"]}
    seen = set()

    def look(node: dict[str, Any]) -> None:
        if visible.get(node["id"], True):
            seen.add(node["id"])
            for child in node.get("children") or []:
                look(child)

    look(config["layout"])
    taken = {box for d in config["dependencies"] if d["api_name"] in TOOLS for box in d["inputs"]}
    assert len(taken) >= 17 and len(seen) > 50 and not taken & seen


# --- what it makes ---


def test_a_picture_is_repainted_and_handed_on(
    call: Callable[..., CallToolResult], app: str, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(denoise.PRESETS, "fast", replace(denoise.PRESETS["fast"], steps=5))
    given = {"method": "johnson", "trained_style": "udnie", "settings": {"size": 96}}
    picture, where, facts = parts(call("stylize", content=data_url(photo), **given))
    assert (picture.format, picture.size) == ("PNG", (96, 64))
    assert (facts["method"], facts["width"], facts["perceptual"]) == ("johnson", 96, None)
    assert where.startswith(f"{app}gradio_api/file=") and where.endswith("/udnie-johnson.png")
    assert httpx.get(where).content[:4] == b"\x89PNG"
    # The page's own files need not be sent again, results or what was uploaded.
    again, _, facts = parts(call("denoise", content=where, settings={"strength": 0}))
    assert again.convert("RGB").tobytes() == picture.convert("RGB").tobytes()
    assert facts["sigma"] >= 0
    (path,) = httpx.post(f"{app}gradio_api/upload", files={"files": photo.open("rb")}).json()
    other, _, _ = parts(call("stylize", content=f"{app}gradio_api/file={path}", **given))
    assert other.tobytes() == picture.tobytes()


def test_whoever_asks_is_told_of_progress(ask: Ask, photo: Path) -> None:
    heard = []

    async def listen(done: float, _total: float | None, _message: str | None) -> None:
        heard.append(done)

    given = {"content": data_url(photo), "method": "johnson", "trained_style": "ink"}
    result = ask(
        lambda client: client.call_tool(
            "stylize", given | {"settings": {"size": 64}}, progress_callback=listen
        )
    )
    assert parts(result)[0].size == (64, 43) and heard


def test_no_thread_waits_for_a_job() -> None:
    future: Future[Any] = Future()
    future.set_result(["file", {}])
    job = SimpleNamespace(future=future)  # without a `result` to wait for
    told = mcp.Server._execute_tool_without_progress(Any, job)  # type: ignore[arg-type]
    assert finished(told) == ["file", {}]


# --- what it refuses ---


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"method": "nonesuch"}, "'nonesuch' is not one of"),
        ({"trained_style": "nobody"}, "'nobody' is not one of"),
        ({"settings": {"size": 1}}, "size must be a whole number from 64 to 4096, not 1"),
        ({"settings": {"sise": 64}}, "johnson has no setting called sise. Did you mean size?"),
        ({"settings": {"size": [64]}}, "is not valid under any of the given schemas"),
        ({"weights": ["a"]}, "'a' is not of type 'number'"),
        ({"content": "data:image/png;base64,AAAA"}, "The photograph is not a picture"),
        ({"trained_style": "udnie", "content": "/etc/passwd"}, "provide a url"),
        ({"content": "file:///etc/passwd"}, "provide a url"),
        ({"content": "http://127.0.0.1:1/x.png"}, "cannot be fetched"),
        ({"content": "http://169.254.169.254/latest"}, "cannot be fetched"),
        (
            {"content": "http://localhost/gradio_api/file=/etc/passwd"},
            "cannot be fetched",
        ),
    ],
)
def test_faults_are_one_sentence(
    call: Callable[..., CallToolResult], photo: Path, given: dict[str, Any], sentence: str
) -> None:
    whole = {"content": data_url(photo), "method": "johnson", "trained_style": "udnie"}
    assert sentence in fault(call("stylize", **(whole | given)))


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory, photo: Path) -> Path:
    """A picture on the server that nobody uploaded."""
    path = tmp_path_factory.mktemp("secret") / "secret-of-the-server.jpg"
    path.write_bytes(photo.read_bytes())
    return path


def uploads() -> list[Path]:
    return list(Path(gr.utils.get_upload_folder()).rglob("secret-of-the-server*"))


def test_no_argument_reads_a_file_of_the_server(
    ask: Ask, tools: dict[str, Tool], app: str, secret: Path, photo: Path
) -> None:
    file = {"path": str(secret), "meta": {"_type": "gradio.FileData"}}
    address = f"{app}gradio_api/file={secret}"

    async def steal(client: ClientSession) -> None:
        for tool in tools.values():
            whole = {name: data_url(photo) for name in tool.inputSchema.get("required", [])}
            for name in tool.inputSchema["properties"]:
                for stolen in (str(secret), f"file://{secret}", address, file, [file], {"x": file}):
                    fault(await client.call_tool(tool.name, whole | {name: stolen}))

    ask(steal)
    assert not uploads()


def test_a_file_of_the_server_is_refused_whatever_a_tool_takes(secret: Path) -> None:
    file = {"path": str(secret), "meta": {"_type": "gradio.FileData"}}
    for value in ({"settings": file}, {"settings": {"size": [file]}}):
        with pytest.raises(ValueError, match="A file is given by its"):
            mcp.Server.convert_strings_to_filedata(Any, value, [])  # type: ignore[arg-type]


# --- the server ---


def test_a_picture_that_came_whole_is_deleted_like_an_upload(photo: Path) -> None:
    with gr.Blocks() as blocks:
        pass
    given = {"content": data_url(photo), "note": "data:,"}
    made = mcp.Server(blocks).convert_strings_to_filedata(given, [["content"]])
    assert blocks.upload_file_set == {made["content"]["path"]} and made["note"] == "data:,"


def test_a_page_without_its_tools_does_not_come_up(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("no such luck")

    with gr.Blocks() as blocks:
        pass
    line.adopt(blocks, [])
    monkeypatch.setattr("gradio.mcp.GradioMCPServer.__init__", fail)
    monkeypatch.setattr(page, "build", lambda room: blocks)
    with pytest.raises(RuntimeError, match="no such luck"):
        page.launch(engine, quiet=True)
    assert not blocks.is_running
