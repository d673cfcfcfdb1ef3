"""The command line: ``styleswap image``, ``styleswap methods``, ``styleswap train ...``.

The flags of a method's settings are made from its `Params` class. Faults that a person can put
right are one sentence on standard error and exit code 2.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from styleswap.errors import StyleSwapError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
train_app = typer.Typer(no_args_is_help=True, help="Train our own networks.")
app.add_typer(train_app, name="train")


@train_app.command("perceptual")
def train_perceptual(
    pictures: Annotated[
        list[Path], typer.Option(help="A folder of pictures; several take turns.")
    ],
    teacher: Annotated[
        str, typer.Option(help="vgg19, or a folder of teacher files.")
    ] = "vgg19",
    steps: Annotated[int, typer.Option(min=1)] = 8000,
    batch: Annotated[int, typer.Option(min=1, help="Crops a step, beside the probes.")] = 4,
    crop: Annotated[int, typer.Option(min=64, help="Side of a crop, in pixels.")] = 192,
    lr: Annotated[float, typer.Option(min=1e-6, help="The cycle's highest learning rate.")] = 2e-3,
    seed: int = 0,
    runs: Annotated[Path, typer.Option(help="Where checkpoints and logs go.")] = Path(
        "runs/perceptual"
    ),
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the weights and MANIFEST.toml.")
    ] = Path("pretrained"),
    checkpoint_every: Annotated[int, typer.Option(min=1)] = 250,
    resume: Annotated[bool, typer.Option(help="Carry on from the checkpoint in --runs.")] = False,
) -> None:
    """Distil VGG-19 into the small perceptual network, `small`."""
    from styleswap.training import perceptual, publish

    settings = perceptual.Settings(
        teacher, tuple(map(str, pictures)), steps, batch, crop, lr, seed
    )
    made_at = publish.commit()
    with tqdm(total=steps, unit="step", mininterval=1) as bar:

        def report(step: int, losses: dict[str, float]) -> None:
            bar.update(step - bar.n)
            bar.set_postfix({k: f"{v:.4f}" for k, v in losses.items()}, refresh=False)

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
        },
        output,
    )
    typer.echo(f"wrote {file}")


def main() -> None:
    """The console command: runs `app`, and turns a `StyleSwapError` into a sentence and exit 2."""
    try:
        app()
    except StyleSwapError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(2) from None
