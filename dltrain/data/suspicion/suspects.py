"""What is suspicious in the training rows: identifiers, columns that give the target away, far too many categories.

Only training rows are looked at: what is found here leads to decisions about the inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from dltrain.data.labels import SettledTask
from dltrain.data.raw import Labels, Numbers
from dltrain.data.readers.columns import Kind
from dltrain.data.suspicion.affine import find_affine
from dltrain.data.suspicion.cross import find_crossed
from dltrain.data.suspicion.determines import find_single
from dltrain.data.suspicion.identifiers import find_identifiers, find_many_categories, find_mostly_missing
from dltrain.data.suspicion.spelled import find_spelled
from dltrain.data.suspicion.suspect import Suspect as Suspect
from dltrain.data.suspicion.training_rows import TrainingRows


def suspects(
    X: Numbers,
    kinds: Sequence[Kind],
    features: Sequence[str],
    vocabularies: Mapping[str, Sequence[str]],
    y: Labels,
    task: SettledTask,
    rows: npt.NDArray[np.int64],
    target: str = "the target",
) -> tuple[Suspect, ...]:
    """Everything suspicious in the chosen rows of X: (n, k) and y: (n,), each thing once.

    Args:
        X: numbers, days, category codes; NaN where there is a gap.
        kinds: of each column.
        vocabularies: category names of each column of categories, by feature.
        rows: the training rows.
        target: its name, for the text.
    """
    table = TrainingRows(
        X=X, kinds=kinds, features=features, vocabularies=vocabularies, y=y, task=task, rows=rows, target=target
    )
    if not table.m or not table.k:
        return ()
    spelled = tuple(find_spelled(table))
    words = _named(spelled)
    identifiers = tuple(suspect for suspect in find_identifiers(table) if suspect.columns[0] not in words)
    affine = tuple(find_affine(table))
    known = _named(suspect for suspect in affine if len(suspect.columns) == 1)
    single = tuple(find_single(table, known))
    gives_away = known | _named(single)
    crossed = tuple(find_crossed(table, gives_away | _named(affine)))
    names = _named(identifiers) | words
    return (
        *affine,
        *single,
        *crossed,
        *spelled,
        *identifiers,
        *find_many_categories(table, names),
        *find_mostly_missing(table),
    )


def _named(found: Iterable[Suspect]) -> frozenset[str]:
    return frozenset(name for suspect in found for name in suspect.columns)
