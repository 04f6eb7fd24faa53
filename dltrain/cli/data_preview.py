"""`dltrain data preview`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli.options import Json, Quiet, print_json, split_arguments

if TYPE_CHECKING:
    from dltrain.config import Loaded
    from dltrain.data.preview import Sheet
    from dltrain.ready import Ready

ENDINGS = (".html", ".png")


def command(
    arguments: Annotated[
        list[str], typer.Argument(metavar="CONFIG... [KEY=VALUE ...]", help="YAML files and overrides.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="A .html or .png file; NAME.preview.html if left out."),
    ] = None,
    rows: Annotated[int, typer.Option("--rows", metavar="N", min=1, max=200, help="Training pictures.")] = 10,
    versions: Annotated[int, typer.Option("--versions", metavar="N", min=1, max=50, help="Versions of each.")] = 6,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Show training pictures beside their augmented versions on one sheet; prints its path.

    Example: dltrain data preview configs/lesson_augmentation.yaml
    """
    from dltrain import config, storage
    from dltrain.data.preview import sheet_of
    from dltrain.errors import InputError
    from dltrain.report.preview import print_preview

    if output is not None and output.suffix.lower() not in ENDINGS:
        raise InputError(f"-o {output} is no .html or .png file; expected for instance {output.with_suffix('.html')}")
    ready = _with_pictures(config.load(*split_arguments(arguments)))
    augment, name = ready.loaded.experiment.data.augment, str(ready.plan.experiment.name)
    made = sheet_of(ready.data, augment, ready.plan.experiment.seed, rows, versions if augment else 0)
    target = output or Path(f"{name}.preview.html")
    storage.write_bytes(target, _drawn(made, target, name, augment))
    if as_json:
        print_json(_record(made, target))
        return
    if not quiet:
        print_preview(made)
    typer.echo(target)


def _with_pictures(loaded: Loaded) -> Ready:
    """The config with its data read. Raises InputError where rows are no pictures."""
    from dataclasses import replace

    from dltrain.cli.preparing import prepare
    from dltrain.data.preview import has_noise_alone
    from dltrain.engine.augmentations import Flip
    from dltrain.errors import InputError, Problem

    ready = prepare(loaded)
    data = loaded.experiment.data
    if ready.data.preparation.image_shape is None:
        hint = "say so with data.image_shape: [height, width]" if data.augment == [] else "noise has nothing to show"
        raise loaded.locate(InputError(Problem(f"rows are no pictures; if they are, {hint}", "data.image_shape")))
    if not has_noise_alone(data.augment):
        return ready
    keeping = replace(data, augment=[*data.augment, Flip()])  # so that the rows are kept as they were read
    kept = prepare(replace(loaded, experiment=replace(loaded.experiment, data=keeping)), quiet=True)
    return replace(ready, data=kept.data)


def _drawn(made: Sheet, target: Path, name: str, augment: list[Any]) -> bytes:
    from dltrain.report.preview import page, picture

    if target.suffix.lower() == ".png":
        return picture(made, target)
    return page(made, name, [_said(one) for one in augment]).encode()


def _said(augmentation: Any) -> str:
    """`rotate, degrees 15, probability 1`."""
    from dltrain.config.hints import as_data

    settings = as_data(augmentation)
    kind = settings.pop("kind")
    numbers = [f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}" for key, value in settings.items()]
    return ", ".join([kind, *numbers])


def _record(made: Sheet, target: Path) -> dict[str, Any]:
    pictures = [{"row": row, "class": label} for row, label in zip(made.rows, made.labels, strict=True)]
    return {
        "preview": str(target),
        "augment": list(made.kinds),
        "shape": list(made.originals.shape[1:]),
        "versions": int(made.versions.shape[1]),
        "pictures": pictures,
    }
