"""The tab that takes noise out of a picture, and the endpoint ``/denoise``."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import gradio as gr
from gradio.components import Component

from styleswap import media, specs
from styleswap.errors import StyleSwapError
from styleswap.request import Request, check_clean
from styleswap.specs import DenoiseParams, Params
from styleswap.ui import controls, endpoints, i18n, line, link
from styleswap.ui.boxes import picture_input
from styleswap.ui.examples import content_examples, content_input, noisy_example
from styleswap.ui.i18n import both, t
from styleswap.ui.link import Link
from styleswap.ui.stage import (
    QUICK,
    PictureStage,
    answers,
    checker,
    file_name,
    inline,
    jpeg,
    paint,
    toasts,
)

if TYPE_CHECKING:
    from PIL import Image

    from styleswap.engine import Engine, Progress
    from styleswap.methods.denoise import Report

SPEC = specs.METHODS["denoise"]


def make_request(content: str | None, params: Params) -> Request:
    """A job out of checked settings and the picture's path."""
    if not content:
        raise StyleSwapError("There is no picture yet; choose or upload one.")
    return Request(SPEC.id, media.open_picture(content, "picture"), [], params)


class DenoiseTab:
    """The tab's widgets and what happens on them; drawn where it is constructed."""

    def __init__(self, page: gr.Blocks, engine: Engine) -> None:
        self.engine = engine
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320):
                self._draw_inputs()
            with gr.Column(scale=6, min_width=320, elem_classes="result"):
                self.stage = PictureStage(i18n.DENOISE, i18n.DENOISE_IDLE, prefix="denoise-")
                self.figures = gr.HTML("", elem_id="denoise-figures", container=False)
                with gr.Accordion(t(i18n.PAIR), open=False, elem_id="denoise-pair"), gr.Row():
                    self.shown = [
                        gr.Image(
                            label=t(label),
                            interactive=False,
                            buttons=["fullscreen"],
                            min_width=100,
                            elem_id=f"denoise-{name}",
                        )
                        for name, label in (
                            ("first", i18n.FIRST_HALF),
                            ("second", i18n.SECOND_HALF),
                            ("residual", i18n.RESIDUAL),
                        )
                    ]
        self.content.upload(
            checker("picture"),
            self.content,
            self.content,
            **(QUICK | {"queue": True}),
            concurrency_limit=None,
        )
        inputs = {self.content, *self.controls.widgets.values()}
        self.stage.wire(page, self._work, inputs, [self.figures, *self.shown])
        self._wire_endpoint()
        self.link = Link(
            {
                "content": link.example(self.content, content_examples()),
                **link.settings(specs.knobs(SPEC.params), self.controls.widgets),
            }
        )

    def _draw_inputs(self) -> None:
        self.content = content_input(i18n.NOISY, "denoise-", noisy_example())
        gr.HTML(f'<p class="fine">{both(i18n.LIMITS)}</p>', container=False)
        self.controls = controls.build(SPEC, {})

    def _work(
        self, values: dict[Component, Any], cancel: threading.Event
    ) -> Iterator[dict[Any, Any]]:
        content = values[self.content]
        job = make_request(content, self.controls.params(values))
        name, about = file_name(SPEC.id, content), job.about(None)
        last = yield from self.stage.show(self.engine, job, cancel, name, about)
        if last is None:
            return
        found = self._report(job, last)
        lines = [both(i18n.NOISE_FOUND, **found.figures)]
        if "psnr" in found.figures:
            lines.append(both(i18n.PSNR_FOUND, **found.figures))
        pictures = (found.first, found.second, found.residual)
        yield {
            self.figures: "".join(f"<p>{line}</p>" for line in lines),
            **{
                box: inline(jpeg(picture, picture.size)).model_dump()
                for box, picture in zip(self.shown, pictures, strict=True)
            },
        }

    def _report(self, job: Request, last: Progress, clean: Image.Image | None = None) -> Report:
        """What can be said of the result; `clean` is the picture without noise."""
        from styleswap.methods import denoise as method  # with torch, which the job has needed

        params = cast(DenoiseParams, job.params)
        return self.engine.take_turn(
            lambda: method.report(job.content, params, last.image, clean), threading.Event()
        )

    def _wire_endpoint(self) -> None:
        with gr.Column(visible=False):
            endpoints.publish(
                "denoise",
                f"{SPEC.summary.en} Gives the picture, a PNG, the seconds of work and the deviation"
                " of the noise that was found, in steps of 255; and where the clean picture is"
                " known how near it came: PSNR before and after, and SSIM. A caller that listens"
                " is first told the step, with a null for the picture.",
                self._denoise,
                {
                    "content": endpoints.picture(picture_input(), "The noisy picture."),
                    "settings": endpoints.settings({SPEC.id: specs.knobs(SPEC.params)}),
                    "clean": endpoints.picture(
                        picture_input(), "The picture without noise, to measure against."
                    ),
                },
                [gr.File(label="picture"), gr.JSON(label="facts")],
            )

    def _denoise(
        self,
        content: str | None,
        settings: dict[str, Any] | None = None,
        clean: str | None = None,
    ) -> Iterator[tuple[str | None, dict[str, Any]]]:
        with toasts(str):
            if not isinstance(settings or {}, Mapping):
                raise StyleSwapError("settings must be an object of names and values.")
            job = make_request(content, specs.make_params(SPEC, settings or {}))
            reference = media.open_picture(clean, "clean picture") if clean else None
            check_clean(job.content, reference)
            last = yield from answers(paint(self.engine, job, line.cancel()))
            found = self._report(job, last, reference)
            with tempfile.TemporaryDirectory() as folder:
                after = Path(folder) / file_name(SPEC.id)
                media.save_picture(last.result(), after, job.about(None))
                yield str(after), {"seconds": round(last.seconds, 3), **found.figures}
