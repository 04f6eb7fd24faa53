"""What a config says of reading its tables, all in one record."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dltrain.config.records import Data, Experiment
from dltrain.data.readers.coding import Rules
from dltrain.data.roles import Wanted


@dataclass(frozen=True, slots=True)
class Reading:
    """The `data` section, the columns that other sections name, and what a gap is."""

    data: Data
    wanted: Wanted
    rules: Rules

    @classmethod
    def of(cls, experiment: Experiment) -> Reading:
        rules = replace(Rules.of(experiment.data), exact=experiment.training.dtype == "float64")
        return cls(experiment.data, Wanted.of(experiment), rules)

    @property
    def gaps(self) -> bool:
        """Whether inputs may have gaps."""
        return self.rules.gaps != "error"

    @property
    def named(self) -> set[str]:
        """Names of columns that the config knows, by which a header is told from a first row."""
        data = self.data
        features = data.features if data.features != "all" else []
        names = [data.target, data.id, *(data.exclude or []), *features]
        return {name for name in names if isinstance(name, str)} | self.wanted.names
