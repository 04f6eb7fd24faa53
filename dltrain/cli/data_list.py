"""`dltrain data list`"""

from __future__ import annotations

from dltrain.cli.options import Json, print_json


def command(as_json: Json = False) -> None:
    """List the data sets that come with dltrain.

    Example: dltrain data list
    """
    from dataclasses import asdict

    from dltrain import data
    from dltrain.report.tables import print_data_sets

    sets = [asdict(entry) for entry in data.built_in_sets()]
    if as_json:
        print_json({"sets": sets})
    else:
        print_data_sets(sets)
