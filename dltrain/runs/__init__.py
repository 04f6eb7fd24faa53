"""The run folder: ids, claim, state, metrics, model, predictions and listing.

Importing it loads no NumPy: what needs arrays loads it when called.
"""

from dltrain.runs.claim import create
from dltrain.runs.facts import machine_facts
from dltrain.runs.folder import RunFolder
from dltrain.runs.ids import checked_id, new_id
from dltrain.runs.listing import RunSummary, find, list_runs
from dltrain.runs.looks import record_look
from dltrain.runs.model import decode_model, encode_model
from dltrain.runs.predictions import decode_predictions, encode_predictions
from dltrain.runs.records import (
    find_record,
    read_events,
    read_metrics,
    read_record,
    read_run,
    read_test,
    write_test,
)

__all__ = [
    "RunFolder",
    "RunSummary",
    "checked_id",
    "create",
    "decode_model",
    "decode_predictions",
    "encode_model",
    "encode_predictions",
    "find",
    "find_record",
    "list_runs",
    "machine_facts",
    "new_id",
    "read_events",
    "read_metrics",
    "read_record",
    "read_run",
    "read_test",
    "record_look",
    "write_test",
]
