"""How the names of data files end."""

from __future__ import annotations

DATA_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".npz", ".npy", ".idx", "-ubyte", ".h5", ".hdf5")
PACKED = (".gz", ".zst")


def is_data(name: str) -> bool:
    """Whether a file's name ends as those of data files do."""
    lower = name.lower()
    for packed in PACKED:
        lower = lower.removesuffix(packed)
    return lower.endswith(DATA_ENDINGS)
