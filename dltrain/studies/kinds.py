"""The kinds of studies by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dltrain.errors import Damaged
from dltrain.studies.folds import Folds
from dltrain.studies.learning_curve import LearningCurve
from dltrain.studies.model import Study
from dltrain.studies.recheck import Recheck
from dltrain.studies.recipe import Recipe
from dltrain.studies.search import Search
from dltrain.studies.seeds import Seeds

KINDS: dict[str, Callable[..., Study]] = {
    kind.kind: kind for kind in (Seeds, Folds, LearningCurve, Recipe, Search, Recheck)
}


def study_of(settings: Mapping[str, Any]) -> Study:
    """The study that `to_json` described. Raises Damaged for one that makes no sense."""
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()
    }
    kind = KINDS.get(str(fields.pop("kind", None)))
    try:
        if kind is None:
            raise TypeError("of a kind that this dltrain does not know")
        return kind(**fields)
    except TypeError as error:
        raise Damaged(f"study.json does not describe a study: {error}") from error
