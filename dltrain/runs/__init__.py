"""The run folder: ids, claim, state, metrics, checkpoints, model, predictions and listing.

Importing it loads no NumPy: what needs arrays loads it when called.
"""

from dltrain.runs.checkpoints import Checkpoint, Kept, list_checkpoints, read_checkpoint
from dltrain.runs.claim import claim, create
from dltrain.runs.facts import machine_facts
from dltrain.runs.folder import RunFolder, timestamp
from dltrain.runs.ids import checked_id, new_id
from dltrain.runs.listing import RunSummary, find, find_either, list_runs
from dltrain.runs.looks import count_looks, record_look
from dltrain.runs.model import decode_model, encode_model
from dltrain.runs.predictions import decode_predictions, encode_predictions
from dltrain.runs.records import (
    find_record,
    home_of,
    is_study,
    last_metrics,
    read_either,
    read_events,
    read_metrics,
    read_record,
    read_run,
    read_study,
    read_test,
    write_test,
)
from dltrain.runs.requests import (
    Request,
    Requests,
    adjustments_of,
    answers,
    ask,
    end_of_events,
    life_of,
    withdraw,
    words_of,
)
from dltrain.runs.resume import RunOver, add_page, peek, reopen
from dltrain.runs.sameness import data_changed, describe_request, differing_keys, facts_drift, same_request
from dltrain.runs.settings import differing, settings_of, told_apart, without_seed
from dltrain.runs.units import Unit, alike, unit_of

__all__ = [
    "Checkpoint",
    "Kept",
    "Request",
    "Requests",
    "RunFolder",
    "RunOver",
    "RunSummary",
    "Unit",
    "add_page",
    "adjustments_of",
    "alike",
    "answers",
    "ask",
    "checked_id",
    "claim",
    "count_looks",
    "create",
    "data_changed",
    "decode_model",
    "decode_predictions",
    "describe_request",
    "differing",
    "differing_keys",
    "encode_model",
    "encode_predictions",
    "end_of_events",
    "facts_drift",
    "find",
    "find_either",
    "find_record",
    "home_of",
    "is_study",
    "last_metrics",
    "life_of",
    "list_checkpoints",
    "list_runs",
    "machine_facts",
    "new_id",
    "peek",
    "read_checkpoint",
    "read_either",
    "read_events",
    "read_metrics",
    "read_record",
    "read_run",
    "read_study",
    "read_test",
    "record_look",
    "reopen",
    "same_request",
    "settings_of",
    "timestamp",
    "told_apart",
    "unit_of",
    "withdraw",
    "without_seed",
    "words_of",
    "write_test",
]
