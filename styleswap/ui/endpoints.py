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
from styleswap.errors import StyleSwapError
from styleswap.specs import Knob, MethodSpec
from styleswap.ui import line
from styleswap.ui.boxes import picture_input
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


def method(methods: Sequence[MethodSpec]) -> Argument:
    """One of some methods; see `method_for` for where none is named."""
    ids = [spec.id for spec in methods]
    box = _typed(gr.Textbox(), {"type": "string", "enum": ids})
    about = " ".join(f"{spec.id}: {spec.summary.en}" for spec in methods)
    trained, picture = (specs.usual_method(trained=kind).id for kind in (True, False))
    unset = f" Where none is named, {trained} for a trained style and {picture} for a picture."
    return Argument(box, about + unset)


def method_for(method: str | None, trained_style: str | None) -> MethodSpec:
    """The method that is named, or what takes the style best."""
    return specs.get_spec(method) if method else specs.usual_method(trained=bool(trained_style))


def several(methods: Sequence[MethodSpec]) -> Argument:
    """Some of some methods; all that can where none are named."""
    ids = [spec.id for spec in methods]
    box = _typed(gr.JSON(), {"type": "array", "items": {"type": "string", "enum": ids}})
    return Argument(box, f"A list out of {', '.join(ids)}; all that can, where there is none.")


def trained_style(methods: Sequence[MethodSpec]) -> Argument:
    """The name of one of the trained styles of some methods."""
    about = f"Name of a trained style, for {' and '.join(_takers(methods))}."
    return Argument(_typed(gr.Textbox(), _name_of_style(methods)), about)


def further_styles(methods: Sequence[MethodSpec]) -> dict[str, Argument]:
    """Styles beside the first one, of either kind, and what each counts; see `all_styles`."""
    names = _typed(gr.JSON(), {"type": "array", "items": _name_of_style(methods)})
    counts = "How much each style counts, in their order; all the same where there is none."
    return {
        **{
            f"style_{n}": picture(picture_input(), f"Style picture {n}, to be mixed in.")
            for n in (2, 3, 4)
        },
        "weights": Argument(_typed(gr.JSON(), _NUMBERS), counts),
        "mix_with": Argument(names, "A list of further trained styles, to be mixed in."),
    }


def all_styles(
    spec: MethodSpec,
    pictures: Sequence[str | None],
    trained_style: str | None,
    mix_with: list[str] | None,
    weights: list[float] | None,
) -> list[tuple[str, Any]]:
    """The pictures' paths or the trained styles' names that a method takes, with their weights.

    Raises:
        StyleSwapError: not as many weights, or no list of names.
    """
    others = mix_with or []
    if not isinstance(others, list) or not all(isinstance(name, str) for name in others):
        raise StyleSwapError("mix_with must be a list of names.")
    given = [trained_style, *others] if spec.style == "trained" else pictures
    names = [name for name in given if name]
    shares = [1.0] * len(names) if weights is None else weights
    if not isinstance(shares, list) or len(shares) != len(names):
        raise StyleSwapError(f"weights must be a list of {len(names)} numbers, one for each style.")
    return list(zip(names, shares, strict=True))


def _takers(methods: Sequence[MethodSpec]) -> list[str]:
    return [spec.id for spec in methods if spec.style == "trained"]


def _name_of_style(methods: Sequence[MethodSpec]) -> dict[str, Any]:
    names = [entry.name for taker in _takers(methods) for entry in trained_styles(taker)]
    # A list of none would allow none, and the sentence that says why is our own.
    return {"type": "string", **({"enum": names} if names else {})}


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
