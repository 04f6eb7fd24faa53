"""`dltrain data fetch`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli.options import Json, Quiet, print_json

if TYPE_CHECKING:
    from dltrain.data.sets.named_sets import Named


def command(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Sets that `dltrain data list` shows.")],
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fetch data sets, checked, into your cache folder; a config then takes them by name.

    Example: dltrain data fetch mnist
    """
    from dltrain.cli.streams import tell
    from dltrain.data.sets.fetching import fetch
    from dltrain.data.sets.named import folder_of, settings
    from dltrain.report.downloads import Downloads

    records: list[dict[str, Any]] = []
    for named in _known(list(dict.fromkeys(names))):
        with Downloads() as downloads:
            came = fetch(named, None if quiet else downloads.watch, tell)
        folder = folder_of(named)
        config = settings(named, folder)
        records.append({"name": named.name, "path": str(folder), "fetched": list(came), "config": config})
        if quiet and not as_json:
            typer.echo(str(folder))
        elif not as_json:
            _print(named, str(folder), came)
    if as_json:
        print_json({"sets": records})


def _known(names: list[str]) -> list[Named]:
    """The sets to fetch. Raises InputError for every name that is none."""
    from dltrain.cli.streams import tell
    from dltrain.config import BUILT_IN, SETS
    from dltrain.data.sets.named import named_source
    from dltrain.errors import InputError, Problem, did_you_mean

    found = {name: named_source(name) for name in names}
    strange = [name for name, named in found.items() if named is None and name not in BUILT_IN]
    if strange:
        expected = f"expected one of {', '.join(SETS)}"
        raise InputError(*(Problem(f"no set {name!r}; {expected}{did_you_mean(name, SETS)}") for name in strange))
    for name in names:
        if name in BUILT_IN:
            tell(f"{name} comes with dltrain: nothing to fetch")
    return [named for named in found.values() if named is not None]


def _print(named: Named, folder: str, came: tuple[str, ...]) -> None:
    from dltrain.report.downloads import size

    files = "1 file" if len(named.files) == 1 else f"{len(named.files)} files"
    state = "fetched" if came else "here already"
    typer.echo(f"{named.name}: {state}, {files}, {size(named.size)}")
    typer.echo(folder)
    typer.echo(f"  dltrain train data.source={named.name}")
