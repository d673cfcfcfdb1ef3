"""What programs may call: by ``gradio_client``, over HTTP, and as an agent's tools by MCP."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import api

from styleswap import specs, weights
from styleswap.specs import Knob, MethodSpec
from styleswap.ui import line
from styleswap.ui.stage import toasts
from styleswap.ui.styles import trained_styles

# Gradio's own schema for JSON is none that MCP takes.
_SETTING = {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "boolean"}]}
_SETTINGS = {"type": "object", "additionalProperties": _SETTING}
_NUMBERS = {"type": "array", "items": {"type": "number"}}


@dataclass(frozen=True)
class Argument:
    """What a program hands over.

    Attributes:
        box: where Gradio takes it.
        about: what it is.
        by_mcp: what an agent has to know beside that.
    """

    box: Component
    about: str
    by_mcp: str = ""


def picture(box: Component, what: str) -> Argument:
    """A picture or a video, in a place for one."""
    return Argument(box, what, " By its http(s) address, or the whole file as a data: URL.")


def settings(knobs: Mapping[str, Sequence[Knob]]) -> Argument:
    """Settings by name; `knobs` are those of each method, or of whatever else has some."""
    parts = [f"{of}: {', '.join(k.outline() for k in own)}." for of, own in knobs.items()]
    about = "Settings by name; /methods tells what each does. There are, with their defaults, "
    return Argument(_typed(gr.JSON(), _SETTINGS), about + " ".join(parts))


def numbers(about: str) -> Argument:
    """A list of numbers."""
    return Argument(_typed(gr.JSON(), _NUMBERS), about)


def method(methods: Sequence[MethodSpec], usual: str) -> Argument:
    """One of some methods; `usual` where none is named."""
    ids = [spec.id for spec in methods]
    box = _typed(gr.Textbox(usual), {"type": "string", "enum": ids})
    return Argument(box, " ".join(f"{spec.id}: {spec.summary.en}" for spec in methods))


def several(methods: Sequence[MethodSpec]) -> Argument:
    """Some of some methods; all that can where none are named."""
    ids = [spec.id for spec in methods]
    box = _typed(gr.JSON(), {"type": "array", "items": {"type": "string", "enum": ids}})
    return Argument(box, f"A list out of {', '.join(ids)}; all that can, where there is none.")


def trained_style(methods: Sequence[MethodSpec]) -> Argument:
    """The name of one of the trained styles of some methods."""
    takers = [spec.id for spec in methods if spec.style == "trained"]
    names = [entry.name for taker in takers for entry in trained_styles(taker)]
    # A list of none would allow none, and the sentence that says why is our own.
    allowed = {"enum": names} if names else {}
    about = f"Name of a trained style, for {' and '.join(takers)}."
    return Argument(_typed(gr.Textbox(), {"type": "string", **allowed}), about)


def _typed(box: Component, schema: dict[str, Any]) -> Component:
    """A place for a value of which programs are told more than Gradio knows."""
    box.api_info = lambda: schema  # type: ignore[method-assign]
    return box


def publish(
    name: str,
    about: str,
    work: Callable[..., Iterator[tuple[Any, ...]]],
    arguments: Mapping[str, Argument],
    outputs: Sequence[Component],
) -> None:
    """Make an endpoint and tool of a job; drawn, unseen, where it is called.

    Args:
        about: what it does and what comes back.
        work: takes the arguments in their order, under their names.
    """

    # The tool's name, and what it tells of its arguments, are read off the function.
    @functools.wraps(work)
    def tool(*values: Any) -> Iterator[tuple[Any, ...]]:
        yield from work(*values)

    tool.__name__ = name
    told = [f"{key}: {argument.about}{argument.by_mcp}" for key, argument in arguments.items()]
    tool.__doc__ = "\n".join([about, "Args:", *told])
    for key, argument in arguments.items():
        box = argument.box
        box.label = key
        # What Gradio's page about the API shows.
        _typed(box, {**(box.api_info() or {}), "additional_description": argument.about})
    gr.Button(visible=False).click(
        tool,
        [argument.box for argument in arguments.values()],
        list(outputs),
        api_name=name,
        api_description=about,
        concurrency_limit=None,
        concurrency_id=line.ENGINE,
    )


def publish_lists() -> None:
    """The endpoints that tell what there is to choose from."""
    api(methods, api_name="methods", queue=False)
    api(styles, api_name="styles", queue=False)


def methods() -> list[dict[str, Any]]:
    """List the methods: what each does, what style it takes, and its settings with their ranges."""
    return [specs.describe(spec) for spec in specs.METHODS.values()]


def styles() -> list[dict[str, Any]]:
    """List the trained styles: name, title, artist, and the method that takes it."""
    with toasts(str):
        return [weights.describe(entry) for entry in weights.styles()]
