"""`dump`: a plan as `config.resolved.yaml`, which runs as it is and says where each value came from."""

from __future__ import annotations

from typing import Any

from dltrain.config.adjusting import in_order
from dltrain.config.hints import as_data
from dltrain.config.loading import Loaded
from dltrain.config.nodes import Places
from dltrain.config.plan import Plan
from dltrain.config.records import Data, Experiment
from dltrain.config.scalars import write_scalar

HEAD = (
    "# This config as it runs: every value settled, and behind it where it came from.",
    "# Train it again with: dltrain train config.resolved.yaml",
    "",
)
COLUMN = 48
"""Comments of shorter lines are aligned, up to this column."""

Path = tuple[str, ...]
Line = tuple[str, str]
MISSING = object()


def dump(plan: Plan, loaded: Loaded | None) -> str:
    """The plan as YAML. Loading it and settling it with the same facts gives the same plan.

    A comment at each value: `default`, `FILE:LINE`, `command line` or `auto`; where a value was written otherwise
    (`full`, a ratio), also what was written. Without `loaded`: `default` or `given`.
    """
    lines = _section(as_data(plan.experiment), (), _Origins(plan, loaded), "")
    width = max((len(text) for text, comment in lines if comment and len(text) <= COLUMN), default=0)
    body = (f"{text:<{width}}  # {comment}" if comment else text for text, comment in lines)
    return "\n".join((*HEAD, *body)) + "\n"


def replay(resolved: str, plan: Plan, parent: str | None = None) -> str:
    """The text of a config.resolved.yaml with the adjustments of the plan: what a run did that was adjusted while it
    ran. `parent`: the run that it started from."""
    start = f" --from {parent}" if parent else ""
    head = (
        "# This config as it ran, with what was adjusted while it did; the same bytes come of",
        f"# dltrain train config.replay.yaml{start}",
        "",
    )
    lines = resolved.splitlines()
    body = lines[next((n for n, line in enumerate(lines) if line and not line.startswith("#")), 0) :]
    begin = next((n for n, line in enumerate(body) if line.startswith("adjustments:")), len(body))
    end = next((n for n in range(begin + 1, len(body)) if not body[n].startswith(" ")), len(body))
    written = _section({"adjustments": as_data(plan.experiment.adjustments)}, (), _Origins(plan, None), "")
    return "\n".join((*head, *body[:begin], *(text for text, _ in written), *body[end:])) + "\n"


def _section(data: dict[str, Any], path: Path, origins: _Origins, indent: str) -> list[Line]:
    lines: list[Line] = []
    for key, value in data.items():
        lines += _entry(f"{indent}{_key(key)}:", value, (*path, key), origins, indent)
    return lines


def _entry(start: str, value: Any, path: Path, origins: _Origins, indent: str) -> list[Line]:
    if isinstance(value, dict) and value:
        return [(start, ""), *_section(value, path, origins, indent + "  ")]
    if isinstance(value, list) and value and all(isinstance(item, dict) and item for item in value):
        lines: list[Line] = [(start, "")]
        for index, item in enumerate(value):
            (first, comment), *others = _section(item, (*path, str(index)), origins, indent + "    ")
            lines += [(f"{indent}  - {first.lstrip()}", comment), *others]
        return lines
    return [(f"{start} {_flow(value)}", origins.of(path, value))]


def _flow(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    if isinstance(value, dict):  # as a choice of a search may hold it, beside what is none
        return f"{{{', '.join(f'{_key(key)}: {_flow(item)}' for key, item in value.items())}}}"
    return write_scalar(value)


def _key(key: str) -> str:
    return key if key.isdigit() else write_scalar(key)


class _Origins:
    """Says where a settled value came from, by what was declared and where."""

    def __init__(self, plan: Plan, loaded: Loaded | None) -> None:
        self.places: Places | None = loaded.places if loaded else None
        declared = loaded.experiment if loaded else Experiment(data=Data(source=plan.experiment.data.source))
        self.declared = as_data(declared)
        self.order = [index for index, _ in in_order(declared.adjustments)]

    def of(self, path: Path, value: Any) -> str:
        if path[0] == "adjustments" and len(path) > 1:
            return self._of_adjustment(path)
        path = self._source(path)
        declared = _at(self.declared, path)
        place = self.places.at(".".join(path)) if self.places else None
        if self.places is None:
            return "default" if declared == value else "given"
        if declared is MISSING:
            return "auto" if self._stands_for_auto(path) else "default"
        if declared == value:
            return place.short if place else "default"
        if place and declared not in (None, "auto"):
            return f"{place.short}: {_flow(declared)}"
        return "auto"

    def _of_adjustment(self, path: Path) -> str:
        """Where it was written: adjustments are settled by epoch, and schedules and regularizers whole."""
        index = int(path[1])
        if self.places is None or index >= len(self.order):
            return "given"
        place = self.places.nearest(".".join((path[0], str(self.order[index]), *path[2:])))
        return place.short if place else "default"

    def _source(self, path: Path) -> Path:
        """What a layer leaves out comes from `architecture`, or from `regularizer`."""
        if path[:2] != ("architecture", "layers") or len(path) < 4:
            return path
        if _at(self.declared, path[:4]) not in (None, MISSING):
            return path
        return path[3:] if path[3] == "regularizer" else ("architecture", *path[3:])

    def _stands_for_auto(self, path: Path) -> bool:
        """Whether `auto`, rather than a short form such as `batch_norm: true`, became the section around the key."""
        return any(_at(self.declared, path[:length]) == "auto" for length in range(1, len(path)))


def _at(data: Any, path: Path) -> Any:
    for key in path:
        if isinstance(data, list) and key.isdigit() and int(key) < len(data):
            data = data[int(key)]
        elif isinstance(data, dict) and key in data:
            data = data[key]
        else:
            return MISSING
    return data
