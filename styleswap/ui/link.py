"""What is chosen on a tab, in the page's address: a link that opens the page as it was.

A tab declares what a link names of it (`Link`), out of the declarations that there are anyway:
`settings` for knobs, `choice` for lists, `example` for pictures and videos. link.js writes the
address while a visitor changes things, without the server; what an address asks for is checked
here, for anybody may have written it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr
from gradio.components import Component

from styleswap import specs
from styleswap.errors import StyleSwapError
from styleswap.specs import Knob
from styleswap.ui import i18n
from styleswap.ui.controls import Controls, is_switch
from styleswap.ui.examples import style_examples
from styleswap.ui.i18n import both
from styleswap.ui.stage import QUICK
from styleswap.ui.styles import StyleBoxes
from styleswap.ui.tiles import key_of

SCRIPT = Path(__file__).with_suffix(".js")
# Characters of a query that are read; ours have some hundreds.
LONGEST = 4096


@dataclass(frozen=True)
class Named:
    """A widget, and what it holds as a text in an address.

    Attributes:
        read: what the widget is given for a text; `StyleSwapError` or `KeyError` where it may not
            hold that.
        words: the texts, by what the browser has for each; None where that is the text.
    """

    box: Component
    read: Callable[[str], Any]
    words: Mapping[str, str] | None = None


def settings(knobs: Iterable[Knob], widgets: Mapping[str, Component]) -> dict[str, Named]:
    """Those of the settings that have one of the widgets."""
    return {k.name: _setting(k, widgets[k.name]) for k in knobs if k.name in widgets}


def _setting(k: Knob, box: Component) -> Named:
    values = {"true": True, "false": False} if k.kind == "bool" else {}

    def read(text: str) -> Any:
        value = k.check(values.get(text, text))
        if is_switch(k):
            return value != k.choices[0].value
        # A slider may stop short of what its knob allows, and then takes no more.
        if isinstance(box, gr.Slider) and not box.minimum <= value <= box.maximum:
            raise KeyError(text)
        return value

    words = dict(zip(("false", "true"), [c.value for c in k.choices], strict=False))
    return Named(box, read, words if is_switch(k) else None)


def choice(box: gr.Dropdown | gr.Radio | gr.CheckboxGroup) -> Named:
    """A widget whose choices are known by name; several of them with commas between."""
    known = {str(value): value for _, value in box.choices}

    def read(text: str) -> Any:
        if isinstance(box, gr.CheckboxGroup):
            return list(dict.fromkeys(known[name] for name in text.split(",")))
        return known[text]

    return Named(box, read)


def example(box: Component, files: Iterable[Path]) -> Named:
    """A place for a picture or a video; what is not one of `files` is never named."""
    files = list(files)
    paths = {file.stem: str(file) for file in files}
    return Named(box, paths.__getitem__, {key_of(str(file)): file.stem for file in files})


def by_method(methods: Mapping[str, Controls], styles: StyleBoxes) -> dict[str, dict[str, Named]]:
    """The styles and the settings of every method, whose widgets are given."""
    named = {}
    for name, method in methods.items():
        named[name] = settings(specs.knobs(method.spec.params), method.widgets)
        first, slots = styles.of(method.spec)
        if first is not None:
            named[name]["style"] = _style(first)
        for n, slot in enumerate(slots, 2):
            named[name] |= {f"style{n}": _style(slot.box), f"share{n}": _share(slot.share)}
    return named


def _style(box: gr.Dropdown | gr.Image) -> Named:
    return choice(box) if isinstance(box, gr.Dropdown) else example(box, style_examples())


def _share(box: gr.Slider) -> Named:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise KeyError(text) from None
        if not box.minimum <= value <= box.maximum:
            raise KeyError(text)
        return value

    return Named(box, read)


@dataclass(frozen=True)
class Link:
    """What a link names of a tab.

    Attributes:
        shared: whatever the method, by name.
        method: where a method is chosen, if one is.
        methods: beside that for each method, by its id.
    """

    shared: Mapping[str, Named]
    method: gr.Dropdown | None = None
    methods: Mapping[str, Mapping[str, Named]] = field(default_factory=dict)

    def fields(self, method: str | None) -> dict[str, Named]:
        """What is named while `method` is chosen."""
        if self.method is None or method is None:
            return dict(self.shared)
        return {"method": choice(self.method), **self.shared, **self.methods[method]}

    def read(self, asked: Mapping[str, str]) -> tuple[dict[Component, Any], list[str]]:
        """What the widgets are given, and the names of what they cannot be given."""
        method = self.method.value if self.method else None
        if asked.get("method") in self.methods:
            method = asked["method"]
        fields, values, wrong = self.fields(method), {}, []
        for name, text in asked.items():
            try:
                values[fields[name].box] = fields[name].read(text)
            except (KeyError, StyleSwapError):
                wrong.append(name)
        return values, wrong


class Links:
    """The links of a page, by tab; `wire` hooks them up."""

    def __init__(self, tabs: Mapping[str, Link]) -> None:
        self.tabs = tabs
        of_tabs = [
            link.fields(method) for link in tabs.values() for method in link.methods or [None]
        ]
        self.names = ["tab", *dict.fromkeys(name for fields in of_tabs for name in fields)]

    def read(self, query: str) -> tuple[str, dict[Component, Any], list[str]]:
        """The tab that a query asks for, what its widgets are given, and what it asks in vain.

        Parameters that no tab has are somebody else's.
        """
        pairs = parse_qsl(query[:LONGEST].removeprefix("?"), keep_blank_values=True)
        asked: dict[str, str] = {}
        for name, text in pairs:
            if name in self.names:
                asked.setdefault(name, text)
        first = next(iter(self.tabs))
        tab = asked.pop("tab", first)
        known = tab in self.tabs
        tab = tab if known else first
        values, wrong = self.tabs[tab].read(asked)
        return tab, values, wrong if known else ["tab", *wrong]

    def wire(self, page: gr.Blocks, tabs: gr.Tabs, items: Mapping[str, gr.Tab]) -> None:
        """Draw the script, which shows nothing, where it is called.

        Args:
            items: the tabs, whose widgets' ids are ``<name>-tab``.
        """
        tables: dict[str, dict[str, Any]] = {}
        everything: dict[Component, None] = {}
        for name, link in self.tabs.items():
            methods = {method or "": link.fields(method) for method in link.methods or [None]}
            held = list({f.box: None for fields in methods.values() for f in fields.values()})
            tables[name] = {
                "starts": [box.value for box in held],
                "method": held.index(link.method) if link.method else None,
                "fields": {
                    method: {key: [held.index(f.box), f.words] for key, f in fields.items()}
                    for method, fields in methods.items()
                },
            }
            gr.on(
                [items[name].select, *(box.change for box in held)],  # type: ignore[attr-defined]
                None,
                held,
                js=f"(...held) => window.nameInAddress?.('{name}', held)",
                api_visibility="private",
            )
            everything |= dict.fromkeys(held)
        script = gr.HTML(
            html_template="",
            js_on_load=SCRIPT.read_text("utf-8"),
            visible="hidden",
            elem_id="link",
            tabs=tables,
            names=self.names,
        )

        # Not earlier: a page whose tab changes while its parts still come never finishes loading.
        page.load(None, None, script, js="() => 'loaded'", api_visibility="private")

        def open_(event: gr.EventData) -> dict[Any, Any]:
            query = event._data.get("query") if isinstance(event._data, dict) else None
            tab, values, wrong = self.read(query if isinstance(query, str) else "")
            if wrong:
                gr.Warning(both(i18n.LEFT_OUT, names=", ".join(wrong)))
            return {tabs: gr.update(selected=tab), **values}

        # In the queue, since the page hears warnings from there alone.
        quick = QUICK | {"queue": True}
        script.open(open_, None, [tabs, *everything], **quick, concurrency_limit=None)
