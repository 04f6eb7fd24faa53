"""From a config whose data are read to a study's folder, and back to a study that was interrupted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dltrain import config, identity, resuming, runs
from dltrain.errors import Problem, RunExists
from dltrain.ready import Ready
from dltrain.signals import Signals
from dltrain.storage import to_json
from dltrain.studies.coordinator import Coordinator, Watcher
from dltrain.studies.executor import Executor
from dltrain.studies.folder import TRIAL_CONFIG, StudyFolder, create, reopen
from dltrain.studies.kinds import study_of
from dltrain.studies.model import LOST, Context, Result, Rules, Study
from dltrain.studies.search import Search


def start(ready: Ready, study: Study, rules: Rules, runs_dir: Path, run_id: str | None) -> StudyFolder:
    """Claims the study's folder. Raises as `runs.create`."""
    loaded, experiment = ready.loaded, ready.plan.experiment
    context = Context(
        task=ready.plan.facts.task,
        confidence=experiment.diagnosis.confidence,
        threshold=experiment.diagnosis.threshold,
    )
    facts = {
        "task": context.task,
        "data": {"sha256": ready.data.sha256},
        "parent": None,
        "given": {**identity.of(ready), "from": None, "study": study.to_json()},
        "study": study.to_json(),
        "rules": asdict(rules),
        "context": asdict(context),
    }
    tree = trial_tree(loaded.tree)
    files = {
        "config.yaml": "---\n".join(loaded.texts.values()).encode(),
        "config.resolved.yaml": config.dump(ready.plan, loaded).encode(),
        TRIAL_CONFIG: (json.dumps(tree, ensure_ascii=False, indent=2) + "\n").encode(),
    }
    return create(runs_dir, run_id, experiment.name or "study", facts, files)


def trial_tree(tree: Mapping[str, Any]) -> dict[str, Any]:
    """What the trials' overrides are put over: the merged config without its search."""
    return {key: value for key, value in tree.items() if key != "search"}


def require_same(record: Mapping[str, Any], ready: Ready | None, study: Study) -> None:
    """Raises RunExists (exit 73) where a study of this id was asked for with other settings, config or data."""
    old, new = record.get("study"), json.loads(to_json(study.to_json()))
    problems: list[Problem] = [Problem(_as_typed(study.kind, line)) for line in runs.differing_keys(old, new)]
    try:
        if ready is not None:
            resuming.require_same(record, ready)
    except RunExists as error:
        if not problems:
            raise
        # a setting may follow from a key of the config, which is what was typed
        problems += [one for one in error.problems[1:] if one.line() not in {known.line() for known in problems}]
    if problems:
        said = f"study {record['id']} exists with other settings (stored -> asked for); choose another --run-id"
        raise RunExists(Problem(said), *problems)


OPTIONS = {
    "recipe": {"run": "RUN", "seconds": "--budget", "most": "--steps", "bayes_error": "--bayes-error"},
    "learning_curve": {"sizes": "--sizes"},
}
"""The settings of studies as they are typed, where these names differ."""


def _as_typed(kind: str, line: str) -> str:
    """`--steps: 2 -> 3`: a difference of `differing_keys`, its key as people typed it."""
    key, colon, rest = line.partition(":")
    first, _, _ = key.partition(".")
    options = {"seeds": "--seeds", **OPTIONS.get(kind, {})}
    return f"{options.get(first, key)}{colon}{rest}"


def take_up(path: Path, allow_drift: bool) -> StudyFolder:
    """An interrupted study, held. Raises InputError if the machine changed, unless that is allowed; RunExists if its
    data did; StudyOver; RunHeld."""
    record = runs.read_study(path)
    resuming.require_no_drift(record, allow_drift)
    require_same_data(path, record)
    return reopen(path)


def require_same_data(path: Path, record: Mapping[str, Any]) -> None:
    """Raises RunExists where a study's data changed: by size and time, and only where these differ by content."""
    given = record.get("given") or {}
    files = [stamp["name"] for stamp in (given.get("data") or {}).get("files") or []]
    if runs.data_changed(given, files, lambda: _sha256(path)):
        raise RunExists(f"study {record['id']}: the data are not those it was started on")


def _sha256(path: Path) -> str:
    """Of the data as they are now."""
    from dltrain import experiment

    return experiment.prepare(config.load([path / TRIAL_CONFIG])).data.sha256


def conduct(
    folder: StudyFolder, executor: Executor, watcher: Watcher, signals: Signals, allow_drift: bool = False
) -> tuple[dict[str, Any], list[Result]]:
    """Runs the study to its end: its summary, which is in study.json then, and all trials."""
    record = folder.record
    study = study_of(record["study"])
    rules = Rules(**record["rules"])
    coordinator = Coordinator(folder, study, executor, rules, watcher, signals, allow_drift)
    results = coordinator.run()
    return conclude(folder, study, results), results


def conclude(folder: StudyFolder, study: Study, results: Sequence[Result]) -> dict[str, Any]:
    """The summary of a study whose trials are all over, which is in study.json then, and the study finished."""
    summary = study.summarize(results, Context(**folder.record["context"]))
    failed = sum(result.outcome in LOST for result in results)
    if isinstance(study, Search) and study.method == "tpe":
        from dltrain.studies import study_db

        folder.write(study_db.NAME, study_db.database(folder.id, study.dimensions, study.points_of(results)))
    folder.state("finished", summary=summary, trials=len(results), failed_trials=failed)
    return summary
