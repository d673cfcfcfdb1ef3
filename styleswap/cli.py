"""The command line: ``styleswap image``, ``images``, ``compare``, ``video``, ``denoise``,
``styles``, ``methods``, ``train``, ``bench``.

The flags of a method's settings are made from its `Params` class. Faults that a person can put
right are one sentence on standard error and exit code 2.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from styleswap import media
from styleswap.errors import StyleSwapError
from styleswap.request import Request, StyleChoice, check_clean, check_styles
from styleswap.specs import (
    METHODS,
    CompareParams,
    DenoiseParams,
    Knob,
    MethodSpec,
    VideoParams,
    describe,
    frame_knobs,
    get_spec,
    knobs,
    make_frame_params,
    make_params,
    stylisers,
    usual_method,
)
from styleswap.training.settings import (
    InverseSettings,
    MetaSettings,
    PerceptualSettings,
    StyleSettings,
)

if TYPE_CHECKING:
    from styleswap.engine import Progress

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
train_app = typer.Typer(no_args_is_help=True, help="Train our own networks.")
app.add_typer(train_app, name="train")
bench_app = typer.Typer(no_args_is_help=True, help="Measure how fast this machine is.")
app.add_typer(bench_app, name="bench")

# The methods where --method is not given.
BY_NAME, BY_PICTURE = usual_method(trained=True), usual_method(trained=False)
# What the commands that make pictures share.
Styles = Annotated[
    list[str] | None,
    typer.Option(help="A style picture, or a trained style's name; several are mixed."),
]
Weights = Annotated[
    list[float] | None, typer.Option(help="Weight of each --style, in their order.")
]
Method = Annotated[
    str | None,
    typer.Option(
        help=f"One of: {', '.join(METHODS)}. Unset, it is {BY_NAME.id} for trained styles, and"
        f" {BY_PICTURE.id} for pictures."
    ),
]
# What the commands that print a result share.
Json = Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON.")]
# What the commands that train share.
Photos = Annotated[list[Path], typer.Option(help="A folder of photographs; several are as one.")]
Paintings = Annotated[list[Path], typer.Option(help="A folder of paintings; several are as one.")]
Recursive = Annotated[
    bool, typer.Option("--recursive", help="Take the pictures in the folders' folders too.")
]
LossNetwork = Annotated[
    str, typer.Option("--perceptual", help="small, vgg19, or a folder of teacher files.")
]
Steps = Annotated[int, typer.Option(min=1)]
ContentWeight = Annotated[float, typer.Option(min=0, help="Weight of the content loss.")]
StyleWeight = Annotated[float, typer.Option(min=0, help="Weight of the style loss.")]
Smoothness = Annotated[float, typer.Option(min=0, help="Weight of the total variation.")]
Balance = Annotated[
    float,
    typer.Option(
        min=0,
        help="Steer the style's weight until the content's distance is this; 0 leaves it.",
    ),
]
Rate = Annotated[
    float, typer.Option(min=1e-6, help="Highest rate of the cycle, relative to the weights.")
]
Folder = Annotated[Path, typer.Option(help="Folder of the weights and MANIFEST.toml.")]
Resume = Annotated[bool, typer.Option(help="Carry on from the checkpoint in --runs.")]


def _within(folders: Sequence[Path], recursive: bool) -> tuple[str, ...]:
    """Folders as `media.pictures_in` takes them."""
    return tuple(str(folder / "**" if recursive else folder) for folder in folders)


def _flag(takers: list[tuple[str, Knob]]) -> inspect.Parameter:
    """The flag of one setting; unset is None, so that each method's own default holds."""
    kinds: dict[str, type] = {"int": int, "float": float, "bool": bool}
    knob = takers[0][1]
    ranges = {owner: f"{k.low:g} to {k.high:g}" for owner, k in takers if k.low is not None}
    same = len(set(ranges.values())) < 2
    bounds = ", ".join(
        [*ranges.values()][:1]
        if same
        else (f"{text} for {owner}" for owner, text in ranges.items())
    )
    one_of = ", ".join(c.value for c in knob.choices)
    facts = "; ".join(part for part in (bounds, one_of, f"default {knob.default}") if part)
    option = typer.Option(
        help=f"{knob.help} ({facts})",
        rich_help_panel="Settings of " + ", ".join(owner for owner, _ in takers),
        show_default=False,
    )
    return inspect.Parameter(
        knob.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kinds.get(knob.kind, str) | None, option],
    )


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a flag for every setting of every method, in place of its ``**settings``."""
    return _with_flags(command, {s.id: knobs(s.params) for s in METHODS.values()})


def _with_video_settings(command: Callable[..., None]) -> Callable[..., None]:
    """The same for a command that makes videos, whose own settings come first."""
    own = {spec.id: frame_knobs(spec, VideoParams) for spec in stylisers()}
    return _with_flags(command, {"the video": knobs(VideoParams)} | own)


def _with_compare_settings(command: Callable[..., None]) -> Callable[..., None]:
    """The same for a command that compares methods."""
    return _with_flags(command, {"every method": knobs(CompareParams)})


def _with_flags(
    command: Callable[..., None], settings: Mapping[str, Sequence[Knob]]
) -> Callable[..., None]:
    """Give a command a flag for each of the settings, listed by who takes them."""
    takers: dict[str, list[tuple[str, Knob]]] = {}
    for owner, theirs in settings.items():
        for knob in theirs:
            takers.setdefault(knob.name, []).append((owner, knob))
    own = inspect.signature(command, eval_str=True)
    fixed = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    flags = [_flag(found) for found in takers.values()]
    command.__signature__ = own.replace(parameters=[*fixed, *flags])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [*fixed, *flags]}
    return command


@app.command("image")
@_with_settings
def image(
    content: Annotated[Path, typer.Argument(help="The picture to repaint.")],
    *,
    style: Styles = None,
    style_weight: Weights = None,
    method: Method = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="PNG, JPEG or WebP file to write.")
    ],
    snapshots: Annotated[
        int, typer.Option(min=0, help="Also save the picture every N steps, beside the output.")
    ] = 0,
    as_json: Json = False,
    **settings: Any,
) -> None:
    """Repaint a picture in a style. Ctrl-C stops and keeps what is done."""
    spec = _method(method, style)
    params = make_params(spec, {k: v for k, v in settings.items() if v is not None})
    media.check_target(output)
    picture = media.open_picture(content, "content")
    # Here and not above: a help text should not wait for torch.
    from styleswap.engine import Engine

    choices = _choices(spec, style, style_weight)

    def each(state: Progress) -> None:
        if snapshots and state.i % snapshots == 0 and state.i < state.n:
            name = f"{output.stem}-{state.i:04d}{output.suffix}"
            media.save_picture(state.picture(), output.with_name(name))

    job = Request(spec.id, picture, choices, params)
    last = _worked(Engine().run(job), each)
    result = last.result()
    media.save_picture(result, output, job.about(str(content), *(style or [])))
    if as_json:
        first = {"method": spec.id, "output": str(output)}
        typer.echo(json.dumps(first | last.facts(spec.id)))
    else:
        typer.echo(f"wrote {output}, {result.width} x {result.height}, {last.seconds:.1f} s")


def _worked(run: Iterator[Progress], each: Callable[[Progress], None]) -> Progress:
    """The last state of a job, which a bar shows and Ctrl-C ends.

    Raises:
        StyleSwapError: it was ended before there was a state.
    """
    last = None
    with tqdm(unit="step", disable=None, leave=False) as bar:  # None: only on a terminal
        try:
            for last in run:
                bar.total = last.n
                bar.set_postfix({k: f"{v:.4f}" for k, v in last.losses.items()}, refresh=False)
                bar.update(last.i - bar.n)
                each(last)
        except KeyboardInterrupt:
            if last is None:
                raise StyleSwapError(
                    "Stopped before the first step; nothing was written."
                ) from None
            bar.write(f"stopped at step {last.i} of {last.n}", sys.stderr)
    if last is None:
        raise StyleSwapError("The job ended before its first step; nothing was written.")
    return last


@contextlib.contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """Gives what the first Ctrl-C sets; the second ends the program."""
    stop = threading.Event()

    def first(*_: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, usual)

    usual = signal.signal(signal.SIGINT, first)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, usual)


def _method(method: str | None, styles: list[str] | None) -> MethodSpec:
    """The method that --method names, or else the usual one for what --style is.

    Raises:
        StyleSwapError: no such method, or a style that there is not or that it does not take.
    """
    from styleswap import weights

    names = styles or []
    trained = {entry.name for entry in weights.styles()} if names else set()
    if method is not None:
        spec = get_spec(method)
    else:
        for name in names:
            if name not in trained and not Path(name).exists():
                near = weights.near_style(name)
                hint = f"Did you mean {near}?" if near else "`styleswap styles` lists the latter."
                raise StyleSwapError(f"There is no file and no trained style called {name}. {hint}")
        # A trained style's name is that even where a folder is called the same.
        spec = BY_NAME if all(name in trained for name in names) else BY_PICTURE
    for name in names:
        _check_kind(spec.id, spec.style, name, name in trained)
    return spec


def _check_kind(who: str, style: str, name: str, trained: bool) -> None:
    """Refuse a picture where a trained style is needed, or the latter where a picture is.

    Args:
        who: what takes the style.
        style: as `MethodSpec.style`.
        trained: whether there is a trained style called `name`.
    """
    file = Path(name).exists()
    if style == "image" and trained and not file:
        raise StyleSwapError(
            f"{name} is a trained style, which {BY_NAME.id} takes; give {who} a picture."
        )
    if style == "trained" and file and not trained:
        raise StyleSwapError(
            f"{name} is a picture, which {BY_PICTURE.id} takes; give {who} one of the styles that"
            " `styleswap styles` lists."
        )


def _choices(
    spec: MethodSpec, styles: list[str] | None, weights: list[float] | None
) -> list[StyleChoice]:
    """What the engine is told of the style, out of --style and --style-weight."""
    from styleswap import weights as trained

    names = styles or []
    if spec.style == "trained":
        for name in names:
            trained.find_style(name)
    shares = weights or [1.0] * len(names)
    if len(shares) != len(names):
        raise StyleSwapError(
            f"There are {len(names)} styles and {len(shares)} weights; give each --style one"
            " --style-weight, or none."
        )
    return [
        StyleChoice(media.open_picture(name, "style picture"), None, weight)
        if spec.style == "image"
        else StyleChoice(None, name, weight)
        for name, weight in zip(names, shares, strict=True)
    ]


@app.command("images")
@_with_settings
def images(
    pictures: Annotated[Path, typer.Argument(help="A folder of pictures to repaint.")],
    *,
    style: Styles = None,
    style_weight: Weights = None,
    method: Method = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")],
    recursive: Recursive = False,
    **settings: Any,
) -> None:
    """Repaint every picture of a folder into another. Ctrl-C keeps the pictures that are done, and
    what cannot be read is passed over."""
    spec = _method(method, style)
    params = make_params(spec, {k: v for k, v in settings.items() if v is not None})
    if output.resolve() == pictures.resolve():
        raise StyleSwapError("The results would overwrite the pictures; give another folder to -o.")
    files = media.pictures_in(Path(*_within([pictures], recursive)))
    if output.resolve().is_relative_to(pictures.resolve()):  # what an earlier run made
        files = [file for file in files if not file.resolve().is_relative_to(output.resolve())]
    if not files:
        raise StyleSwapError(
            f"There are no pictures in {str(pictures)!r}; give another folder, or --recursive for"
            " those in its folders."
        )
    media.make_folder(output)
    from styleswap.engine import Engine

    choices, engine, skipped, faults = _choices(spec, style, style_weight), Engine(), 0, 0
    check_styles(spec, choices)
    with tqdm(files, unit="picture", disable=None) as bar:
        for file in bar:
            try:
                picture = media.open_picture(file, "content")
            except StyleSwapError as error:
                skipped += 1
                bar.write(f"{file.relative_to(pictures)}: {error}", sys.stderr)
                continue
            target = output / file.relative_to(pictures).with_name(media.target_name(file))
            try:
                media.make_folder(target.parent)
                job = Request(spec.id, picture, choices, params)
                *_, last = engine.run(job)
                media.save_picture(last.result(), target, job.about(str(file), *(style or [])))
            except StyleSwapError as error:
                faults += 1
                bar.write(f"{file.relative_to(pictures)}: {error}", sys.stderr)
    if skipped == len(files):
        raise StyleSwapError(f"None of the {skipped} pictures can be read.")
    done = len(files) - skipped - faults
    rest = f", skipped {skipped} that could not be read" if skipped else ""
    typer.echo(f"wrote {done} picture{'s' * (done != 1)} to {output}{rest}")
    if faults:
        raise StyleSwapError(f"{faults} of {len(files)} could not be made.")


@app.command("compare")
@_with_compare_settings
def compare(
    content: Annotated[Path, typer.Argument(help="The picture to repaint.")],
    *,
    style: Annotated[Path, typer.Option(help="A style picture.")],
    methods: Annotated[
        str | None,
        typer.Option(help="Their ids with commas between; all that can take the style, if unset."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")],
    as_json: Json = False,
    **settings: Any,
) -> None:
    """Repaint a picture in one style by several methods: the pictures, a contact sheet of them, and
    results.json. Ctrl-C keeps what is done.

    The quickest method comes first. Distances are relative to what they are taken to, brightness is
    0 for black and 1 for white.
    """
    from styleswap import compare as comparing
    from styleswap import weights

    trained = {entry.name for entry in weights.styles()}
    _check_kind("compare", "image", str(style), str(style) in trained)
    chosen = None if methods is None else [m.strip() for m in methods.split(",") if m.strip()]
    params = CompareParams(**{k: v for k, v in settings.items() if v is not None})
    task = comparing.open_comparison(str(content), str(style), chosen, params)
    media.make_folder(output)
    from styleswap.engine import Engine

    engine, results, faults = Engine(), list[comparing.Result](), 0
    with _interrupted() as stop, tqdm(unit="step", disable=None, leave=False) as bar:
        own = comparing.untouched(engine, task, stop)
        for state in comparing.run(engine, task, stop):
            match state:
                case comparing.Fault():
                    faults += 1
                    bar.write(f"{state.method}: {state.sentence}", sys.stderr)
                case comparing.Result():
                    results.append(state)
                    comparing.save_result(task, state, output)
                case comparing.Working():
                    bar.set_description(state.method, refresh=False)
                    bar.total, bar.n = state.progress.n, state.progress.i
                    bar.refresh()
    if not results and not faults:
        raise StyleSwapError("Stopped before the first result; nothing was written.")
    found = comparing.save_records(task, own, results, output)
    if as_json:
        typer.echo(json.dumps({"output": str(output), **found}, ensure_ascii=False))
    else:
        table = Table("method", *comparing.FIGURES)
        for row in [{"method": "(photograph)", **found["photograph"]}, *found["results"]]:
            figures = (f"{row[k]:.3f}" if k in row else "" for k in comparing.FIGURES)
            table.add_row(row["method"], *figures)
        Console().print(table)
        typer.echo(f"wrote {output}")
    if faults:
        raise StyleSwapError(f"{faults} of {len(task.methods)} could not be made.")


def _noise(text: str) -> dict[str, Any]:
    """What ``gaussian:25`` or ``poisson:50`` says, as settings of `denoise`."""
    kind, _, amount = text.partition(":")
    names = {"gaussian": "sigma", "poisson": "peak"}
    if kind not in names:
        raise StyleSwapError(
            f"--add takes a kind of noise and how much, such as gaussian:25 or poisson:50, not"
            f" {text!r}."
        )
    return {"add": kind} | ({names[kind]: amount} if amount else {})


@app.command("denoise")
def denoise(
    content: Annotated[Path, typer.Argument(help="The noisy picture.")],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="PNG, JPEG or WebP file to write.")
    ],
    clean: Annotated[
        Path | None, typer.Option(help="The picture without noise, to compare with.")
    ] = None,
    add: Annotated[
        str | None, typer.Option(help="Noise to add first: gaussian:25 or poisson:50.")
    ] = None,
    preset: Annotated[str, typer.Option(help="fast or paper.")] = DenoiseParams.preset,
    strength: Annotated[
        float, typer.Option(help="Share of the noise that is taken away.")
    ] = DenoiseParams.strength,
    seed: int = DenoiseParams.seed,
    as_json: Json = False,
) -> None:
    """Take noise out of a picture. Ctrl-C stops and keeps what is done."""
    spec = get_spec("denoise")
    settings = {"preset": preset, "strength": strength, "seed": seed}
    params = cast(DenoiseParams, make_params(spec, settings | (_noise(add) if add else {})))
    media.check_target(output)
    picture = media.open_picture(content, "picture")
    reference = media.open_picture(clean, "clean picture") if clean else None
    from styleswap.engine import Engine
    from styleswap.methods.denoise import report

    check_clean(picture, reference)
    job = Request(spec.id, picture, [], params)
    last = _worked(Engine().run(job), lambda state: None)
    media.save_picture(last.result(), output, job.about(str(content)))
    facts = report(picture, params, last.image, reference).figures
    if as_json:
        first = {"output": str(output), "seconds": round(last.seconds, 3)}
        # JSON knows no infinity: what equals the clean picture has null.
        found = {k: v if math.isfinite(v) else None for k, v in facts.items()}
        typer.echo(json.dumps({**first, **found}))
        return
    typer.echo(f"wrote {output}, {last.seconds:.1f} s; the noise was {facts['sigma']:.1f} of 255")
    if "psnr" in facts:
        typer.echo("PSNR {psnr_noisy:.2f} dB, then {psnr:.2f} dB; SSIM {ssim:.3f}".format(**facts))


@app.command("video")
@_with_video_settings
def video(
    source: Annotated[Path, typer.Argument(help="The video to repaint.")],
    *,
    style: Styles = None,
    style_weight: Weights = None,
    method: Method = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="MP4 or GIF file to write.")],
    warping_error: Annotated[
        bool, typer.Option("--warping-error", help="Also measure how much the result flickers.")
    ] = False,
    as_json: Json = False,
    **settings: Any,
) -> None:
    """Repaint a video in a style, with its sound. Ctrl-C stops and keeps what is done."""
    from styleswap import video as files

    spec = _method(method, style)
    given = {k: v for k, v in settings.items() if v is not None}
    params, own = make_frame_params(spec, VideoParams, "A video", given)
    media.check_target(output, files.SUFFIXES)
    clip = files.open_clip(source)
    from styleswap import movie
    from styleswap.engine import Engine

    request = movie.VideoRequest(clip, spec.id, _choices(spec, style, style_weight), params, own)
    if spec.pace != "live":
        typer.echo(
            f"{spec.id} takes {spec.pace} for each of {len(request.chosen)} frames;"
            f" {BY_NAME.id} and {BY_PICTURE.id} are made for videos.",
            err=True,
        )
    last = None
    with _interrupted() as stop, tqdm(unit="frame", disable=None, leave=False) as bar:
        for last in movie.restyle(Engine(), request, output, stop):
            bar.total = last.n
            bar.update(last.i - bar.n)
    if last is None:
        raise StyleSwapError("Stopped before the first frame; nothing was written.")
    facts = movie.facts(request, output, last)
    if warping_error:
        facts |= movie.warping_errors(request, output)
    if as_json:
        typer.echo(json.dumps({"method": spec.id, "output": str(output), **facts}))
    else:
        typer.echo(
            "wrote {output}, {width} x {height}, {frames} frames, {seconds:.1f} s,"
            " {ms_per_frame:.0f} ms a frame".format(output=output, **facts)
        )


@app.command("styles")
def styles(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """List the trained styles."""
    from styleswap import weights

    found = [weights.describe(entry) for entry in weights.styles()]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    table = Table("style", "title", "artist", "year")
    for row in found:
        table.add_row(*(str(row[key] or "") for key in ("id", "title", "artist", "year")))
    Console().print(table)


@bench_app.command("johnson")
def bench_johnson(
    size: Annotated[str, typer.Option(help="Width and height of a frame.")] = "640x480",
    batch: Annotated[int, typer.Option(min=1, max=64, help="Frames at once.")] = 1,
    as_json: Json = False,
) -> None:
    """Time a frame by each runtime, and by the paper's network in plain torch."""
    sides = [int(n) for n in size.split("x") if n.isdecimal()]
    if len(sides) != 2 or not all(32 <= n <= 4096 for n in sides):
        raise StyleSwapError(
            f"--size takes a width and a height from 32 to 4096, such as 640x480, not {size!r}."
        )
    from styleswap.runtimes import bench

    width, height = sides
    found = bench.measure(width, height, batch)
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("network", "ms a frame", "times as fast")
    table.add_row("reference: 32, 64, 128 channels, plain torch", str(found["reference_ms"]), "1")
    for name, row in found["runtimes"].items():
        table.add_row(f"ours, {name}", str(row["ms"]), str(row["ratio"]))
    Console().print(table)
    typer.echo(f"peak memory {found['peak_rss_mb']} MB")


@app.command("methods")
def methods(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """List the methods and their settings."""
    if as_json:
        typer.echo(json.dumps([describe(spec) for spec in METHODS.values()], ensure_ascii=False))
        return
    table = Table("method", "what it does", "style", "pace", "settings")
    for spec in METHODS.values():
        names = ", ".join(knob.name for knob in knobs(spec.params))
        table.add_row(spec.id, str(spec.summary), spec.style, spec.pace, names)
    Console().print(table)


@contextlib.contextmanager
def _steps_shown(
    steps: int, shown: bool = True
) -> Iterator[Callable[[int, dict[str, float]], None]]:
    """A bar of a training's steps; gives what takes each step's number and losses. In the end it is
    said how many pictures could not be read."""
    from styleswap.training import data

    with tqdm(total=steps, unit="step", mininterval=1, disable=not shown) as bar:

        def report(step: int, losses: dict[str, float]) -> None:
            bar.update(step - bar.n)
            bar.set_postfix({k: f"{v:.4f}" for k, v in losses.items()}, refresh=False)

        yield report
    if shown and (line := data.skipped()):
        typer.echo(line)


@train_app.command("perceptual")
def train_perceptual(
    pictures: Annotated[list[Path], typer.Option(help="A folder of pictures; several are as one.")],
    teacher: Annotated[
        str, typer.Option(help="vgg19, or a folder of teacher files.")
    ] = PerceptualSettings.teacher,
    steps: Steps = PerceptualSettings.steps,
    batch: Annotated[
        int, typer.Option(min=1, help="Crops a step, beside the probes.")
    ] = PerceptualSettings.batch,
    crop: Annotated[
        int, typer.Option(min=64, help="Side of a crop, in pixels.")
    ] = PerceptualSettings.crop,
    lr: Rate = PerceptualSettings.lr,
    seed: int = PerceptualSettings.seed,
    warm: Annotated[
        Path | None, typer.Option("--from", help="Start from these weights, not from random ones.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Where checkpoints and logs go.")] = Path(
        "runs/perceptual"
    ),
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the weights and MANIFEST.toml.")
    ] = Path("pretrained"),
    checkpoint_every: Steps = 500,
    recursive: Recursive = False,
    resume: Resume = False,
) -> None:
    """Distil VGG-19 into the small perceptual network, `small`."""
    from styleswap.training import perceptual, publish

    settings = PerceptualSettings(
        pictures=_within(pictures, recursive),
        teacher=teacher,
        steps=steps,
        batch=batch,
        crop=crop,
        lr=lr,
        seed=seed,
        warm=str(warm) if warm else None,
    )
    made_at = publish.commit()
    earlier = publish.history(warm) if warm and warm.is_file() else []
    with _steps_shown(steps) as report:
        net, errors = perceptual.train(
            settings, runs, checkpoint_every=checkpoint_every, resume=resume, report=report
        )
    file = publish.publish(
        "small",
        net.named_weights(),
        {
            "kind": "perceptual",
            "title": "small: an imitation of VGG-19 for perceptual losses",
            "command": publish.command(),
            "commit": made_at,
            "data": [str(p) for p in pictures],
            "teacher": teacher,
            "steps": steps,
            "losses": {k: round(v, 5) for k, v in errors.items()},
            "seed": seed,
            "licence": "Apache-2.0",
            **({"earlier": earlier} if earlier else {}),
        },
        output,
    )
    typer.echo(f"wrote {file}")


@train_app.command("style")
def train_style(
    painting: Annotated[Path, typer.Argument(help="The style picture.")],
    photos: Photos,
    output_name: Annotated[str, typer.Option("--output", "-o", help="Name of the style.")],
    title: Annotated[str | None, typer.Option(help="The work's title, for people.")] = None,
    artist: Annotated[str | None, typer.Option(help="Who made it.")] = None,
    year: Annotated[str | None, typer.Option(help="When it was made.")] = None,
    network: LossNetwork = StyleSettings.perceptual,
    steps: Steps = StyleSettings.steps,
    batch: Annotated[
        int, typer.Option(min=1, help="Photographs a step, over all processes.")
    ] = StyleSettings.batch,
    crop: Annotated[
        int, typer.Option(min=64, help="Side of a photograph, in pixels.")
    ] = StyleSettings.crop,
    style_size: Annotated[
        int, typer.Option(min=32, help="Shorter side of the style picture, in pixels.")
    ] = StyleSettings.style_size,
    lr: Rate = StyleSettings.lr,
    content: ContentWeight = StyleSettings.content,
    style: StyleWeight = StyleSettings.style,
    tv: Smoothness = StyleSettings.tv,
    colours: Annotated[
        float, typer.Option(min=0, help="Weight of the distance of the colours' distributions.")
    ] = StyleSettings.colours,
    steady: Annotated[
        float, typer.Option(min=0, help="Weight of what changes with noise and small motion.")
    ] = StyleSettings.steady,
    balance: Balance = StyleSettings.balance,
    width: Annotated[
        int, typer.Option(min=4, help="Channels of the residual blocks.")
    ] = StyleSettings.width,
    seed: int = StyleSettings.seed,
    warm: Annotated[
        str | None,
        typer.Option(
            "--from", help="Start from this trained style, or from what `meta` writes for it."
        ),
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(help="Where checkpoints and logs go (default: runs/NAME).")
    ] = None,
    folder: Folder = Path("pretrained"),
    card: Annotated[
        Path, typer.Option(help="The picture that shows the style in galleries once it is trained.")
    ] = Path("examples/content/lake.jpg"),
    checkpoint_every: Steps = 250,
    recursive: Recursive = False,
    resume: Resume = False,
) -> None:
    """Train a style of your own for the one-pass method, `johnson`."""
    from styleswap import weights
    from styleswap.training import loop, publish
    from styleswap.training import style as training

    publish.check_name(output_name, "style", folder)
    shown = media.open_picture(card, "card")
    settings = StyleSettings(
        painting=str(painting),
        photos=_within(photos, recursive),
        perceptual=network,
        steps=steps,
        batch=batch,
        crop=crop,
        style_size=style_size,
        lr=lr,
        content=content,
        style=style,
        tv=tv,
        colours=colours,
        steady=steady,
        balance=balance,
        width=width,
        seed=seed,
        warm=warm,
    )
    made_at = publish.commit()
    start = training.start(warm, painting, style_size, folder) if warm else None
    main_process = loop.is_main_process()
    with _steps_shown(steps, main_process) as report:
        net, found = training.train(
            settings,
            runs or Path("runs") / output_name,
            warm=start,
            checkpoint_every=checkpoint_every,
            resume=resume,
            report=report,
        )
    if not main_process:
        return
    picture = folder / f"{output_name}.jpg"
    media.save_picture(training.repaint(net, media.fit(shown, training.CARD_SIDE)), picture)
    about = {"artist": artist, "year": year}
    file = publish.publish(
        output_name,
        net.state_dict(),
        {
            "kind": "style",
            "method": "johnson",
            "title": title or painting.stem,
            **{k: v for k, v in about.items() if v},
            "picture": picture.name,
            "command": publish.command(),
            "commit": made_at,
            "data": [str(p) for p in photos],
            "perceptual": network,
            "width": net.width,
            "steps": steps,
            "losses": {k: round(found[k], 5) for k in ("content", "style")},
            "style_weight": round(found["weight"], 3),
            "style_sha256": weights.sha256_of(painting),
            "seed": seed,
            "licence": "Apache-2.0",
        },
        folder,
    )
    typer.echo(f"wrote {file}")


@train_app.command("inverse")
def train_inverse(
    layer: Annotated[str, typer.Argument(help="The layer to invert, such as relu4_1; or adain.")],
    photos: Photos,
    paintings: Paintings,
    steps: Steps = InverseSettings.steps,
    batch: Annotated[
        int, typer.Option(min=2, help="Pairs a step, over all processes; even.")
    ] = InverseSettings.batch,
    crop: Annotated[
        int, typer.Option(min=64, help="Side of a picture, in pixels.")
    ] = InverseSettings.crop,
    lr: Rate = InverseSettings.lr,
    content: Annotated[
        float, typer.Option(min=0, help="Weight of the features' loss.")
    ] = InverseSettings.content,
    style: StyleWeight = InverseSettings.style,
    pixels: Annotated[
        float, typer.Option(min=0, help="Weight of the untouched pictures' pixels.")
    ] = InverseSettings.pixels,
    tv: Smoothness = InverseSettings.tv,
    seed: int = InverseSettings.seed,
    warm: Annotated[
        Path | None, typer.Option("--from", help="Start from these weights, not from random ones.")
    ] = None,
    runs: Annotated[
        Path | None,
        typer.Option(help="Where checkpoints and logs go (default: runs/inverse-LAYER)."),
    ] = None,
    folder: Folder = Path("pretrained"),
    checkpoint_every: Steps = 250,
    recursive: Recursive = False,
    resume: Resume = False,
) -> None:
    """Train the inverse of a layer of `small`, for style swap and WCT, or AdaIN's decoder."""
    from styleswap.nets import adain, inverse
    from styleswap.training import inverse as training
    from styleswap.training import loop, publish

    names = {layer: inverse.name_of(layer) for layer in inverse.LAYERS} | {adain.KEY: adain.NAME}
    if layer not in names:
        raise StyleSwapError(f"{layer!r} has no inverse; choose one of {', '.join(names)}.")
    if batch % 2:
        raise StyleSwapError(f"--batch counts pairs, two of each photograph: not {batch}.")
    name = names[layer]
    publish.check_name(name, "inverse", folder)
    settings = InverseSettings(
        layer=layer,
        photos=_within(photos, recursive),
        paintings=_within(paintings, recursive),
        steps=steps,
        batch=batch,
        crop=crop,
        lr=lr,
        content=content,
        style=style,
        pixels=pixels,
        tv=tv,
        seed=seed,
        warm=str(warm) if warm else None,
    )
    made_at = publish.commit()
    earlier = publish.history(warm) if warm and warm.is_file() else []
    main_process = loop.is_main_process()
    with _steps_shown(steps, main_process) as report:
        net, found = training.train(
            settings,
            runs or Path("runs") / name,
            checkpoint_every=checkpoint_every,
            resume=resume,
            report=report,
        )
    if not main_process:
        return
    file = publish.publish(
        name,
        net.state_dict(),
        {
            "kind": "inverse",
            "title": "AdaIN's decoder" if layer == adain.KEY else f"The inverse of small's {layer}",
            "command": publish.command(),
            "commit": made_at,
            "data": [str(p) for p in (*photos, *paintings)],
            "layer": layer,
            "steps": steps,
            "losses": {k: round(v, 5) for k, v in found.items()},
            "seed": seed,
            "licence": "Apache-2.0",
            **({"earlier": earlier} if earlier else {}),
        },
        folder,
    )
    typer.echo(f"wrote {file}")


@train_app.command("meta")
def train_meta(
    photos: Photos,
    paintings: Paintings,
    network: LossNetwork = MetaSettings.perceptual,
    steps: Steps = MetaSettings.steps,
    batch: Annotated[
        int, typer.Option(min=1, help="Styles a step, over all processes.")
    ] = MetaSettings.batch,
    photos_each: Annotated[
        int, typer.Option(min=1, help="Photographs for each of them.")
    ] = MetaSettings.photos_each,
    crop: Annotated[
        int, typer.Option(min=64, help="Side of a picture, in pixels.")
    ] = MetaSettings.crop,
    lr: Rate = MetaSettings.lr,
    content: ContentWeight = MetaSettings.content,
    style: StyleWeight = MetaSettings.style,
    tv: Smoothness = MetaSettings.tv,
    balance: Balance = MetaSettings.balance,
    stretch: Annotated[
        float, typer.Option(min=1, help="The most that a painting's aspect is changed by.")
    ] = MetaSettings.stretch,
    seed: int = MetaSettings.seed,
    warm: Annotated[
        bool, typer.Option("--continue", help="Start from the weights in --folder.")
    ] = False,
    runs: Annotated[Path, typer.Option(help="Where checkpoints and logs go.")] = Path("runs/meta"),
    folder: Folder = Path("pretrained"),
    checkpoint_every: Steps = 500,
    recursive: Recursive = False,
    resume: Resume = False,
) -> None:
    """Train the meta network, which writes a style's network at the sight of a painting."""
    from styleswap import weights
    from styleswap.nets import meta
    from styleswap.training import loop, publish
    from styleswap.training import meta as training

    publish.check_name(meta.NAME, "meta", folder)
    file = folder / f"{meta.NAME}.safetensors"
    settings = MetaSettings(
        photos=_within(photos, recursive),
        paintings=_within(paintings, recursive),
        perceptual=network,
        steps=steps,
        batch=batch,
        photos_each=photos_each,
        crop=crop,
        lr=lr,
        content=content,
        style=style,
        tv=tv,
        balance=balance,
        stretch=stretch,
        seed=seed,
        warm=str(file) if warm else None,
    )
    made_at = publish.commit()
    start = weights.load(meta.NAME, folder) if warm else None
    earlier = publish.history(file) if warm else []
    main_process = loop.is_main_process()
    with _steps_shown(steps, main_process) as report:
        net, found = training.train(
            settings,
            runs,
            warm=start,
            checkpoint_every=checkpoint_every,
            resume=resume,
            report=report,
        )
    if not main_process:
        return
    file = publish.publish(
        meta.NAME,
        net.state_dict(),
        {
            "kind": "meta",
            "title": "Any style: writes a transformer network",
            "command": publish.command(),
            "commit": made_at,
            "data": [str(p) for p in (*photos, *paintings)],
            "perceptual": network,
            "steps": steps,
            "losses": {k: round(found[k], 5) for k in ("content", "style", "worst")},
            "style_weight": round(found["weight"], 3),
            "seed": seed,
            "licence": "Apache-2.0",
            **({"earlier": earlier} if earlier else {}),
        },
        folder,
    )
    typer.echo(f"wrote {file}")


# What typer raises for a command line that it cannot read: click's, or its own copy of it.
_UsageFault: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def main() -> None:
    """The console command: runs `app`, and turns what a person can put right into one sentence.

    That is a `StyleSwapError`, or a command line that typer cannot read; either exits with 2.
    """
    try:
        code = app(standalone_mode=False)
    except StyleSwapError as error:
        typer.echo(str(error), err=True)
        code = 2
    except _UsageFault as error:
        if sentence := error.format_message():  # without one, the help has been shown
            typer.echo(sentence, err=True)
        code = 2
    except typer.Abort:
        code = 130  # as a shell says of Ctrl-C
    raise SystemExit(code)
