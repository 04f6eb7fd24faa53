"""At the bottom of every room that writes: the durable write, appending, hashes and locks.

No other package opens a file for writing; `operations` is the one module that does.
"""

from dltrain.storage.arriving import Arriving, arriving
from dltrain.storage.durable import (
    claim,
    fill_folder,
    make_folders,
    publish_folder,
    remove,
    remove_tree,
    sweep_temporaries,
    sync_folder,
    take_back,
    token,
    write_bytes,
    write_files,
    write_json,
    write_pieces,
    write_text,
)
from dltrain.storage.lines import Lines
from dltrain.storage.locks import Lock, held, hold
from dltrain.storage.plain import canonical_json, to_json
from dltrain.storage.reading import read_bytes, read_first, read_from, read_if_there, sha256_file
from dltrain.storage.refusals import plainly, refusal, shown
from dltrain.storage.scratch import append

__all__ = [
    "Arriving",
    "Lines",
    "Lock",
    "append",
    "arriving",
    "canonical_json",
    "claim",
    "fill_folder",
    "held",
    "hold",
    "make_folders",
    "plainly",
    "publish_folder",
    "read_bytes",
    "read_first",
    "read_from",
    "read_if_there",
    "refusal",
    "remove",
    "remove_tree",
    "sha256_file",
    "shown",
    "sweep_temporaries",
    "sync_folder",
    "take_back",
    "to_json",
    "token",
    "write_bytes",
    "write_files",
    "write_json",
    "write_pieces",
    "write_text",
]
