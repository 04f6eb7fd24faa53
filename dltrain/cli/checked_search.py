"""What `check` says of a config's search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dltrain.ready import Ready


def searched(ready: Ready) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """The search, settled, and what there is to say of its space; None for a config without. Raises InputError for one
    that could not begin."""
    if ready.plan.experiment.search is None:
        return None, ()
    from dltrain.studies.search_plan import plan_search

    plan = plan_search(ready)
    search = plan.search
    found = {
        "kind": search.method,
        "trials": search.trials,
        "rounds": search.sizes,
        "seeds": search.seeds,
        "objective": search.objective,
        "prune": None if search.prune is None else dict(search.prune),
        "space": [{"path": path, **one} for path, one in search.space.items()],
    }
    return found, plan.notes
