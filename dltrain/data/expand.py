"""From `data.source` (a file, a glob, a list of both) to files, in an order that no machine changes."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from dltrain.data.files import require_file, shown
from dltrain.errors import InputError, Problem, did_you_mean

Source = str | Sequence[str]


def expand(source: Source, key: str, known: tuple[str, ...] = ()) -> list[Path]:
    """The files of a source: a list's in its order, a glob's by name, part-2 before part-10.

    `**` stands for any folders. A name that exists is itself, whatever characters it has. Raises InputError for
    each name without a file (`known` are other names that would do) and each file that comes twice.
    """
    items = [source] if isinstance(source, str) else list(source)
    problems: list[Problem] = []
    found: list[tuple[str, Path]] = []
    for place, item in enumerate(items):
        where = key if isinstance(source, str) else f"{key}.{place}"
        try:
            found += [(item, file) for file in _files(item, where, known)]
        except InputError as error:
            problems += error.problems
    problems += _twice(found, key)
    if problems:
        raise InputError(*problems)
    return [file for _, file in found]


def is_glob(item: str) -> bool:
    """Whether a source is a pattern, and not the name of something that exists."""
    return glob.has_magic(item) and not os.path.lexists(item)


def _files(item: str, key: str, known: tuple[str, ...]) -> list[Path]:
    if not is_glob(item):
        return [require_file(Path(item), key, known)]
    files = matches(item)
    if not files:
        raise InputError(Problem(f"no file matches {shown(Path(item))}{_near(item)}", key))
    return [require_file(file, key) for file in files]


def matches(pattern: str) -> list[Path]:
    """The files that a glob stands for now, each once, however many links lead to it."""
    folder, rest = _fixed(pattern)
    names = glob.glob(rest, root_dir=folder, recursive=True)
    files: dict[tuple[int, int], str] = {}
    for name in sorted(names, key=lambda name: (name.count(os.sep), _by_name(name))):
        path = Path(folder, name)
        if path.is_file():
            found = path.stat()
            files.setdefault((found.st_dev, found.st_ino), name)
    return [Path(folder, name) for name in sorted(files.values(), key=_by_name)]


def _fixed(pattern: str) -> tuple[str, str]:
    """The folder that exists, though its name may look like a pattern, and the pattern below it."""
    parts = Path(pattern).parts
    folder = ""
    for place, part in enumerate(parts):
        below = os.path.join(folder, part)
        if glob.has_magic(part) and not os.path.lexists(below):
            return folder or ".", os.path.join(*parts[place:])
        folder = below
    return os.path.dirname(folder) or ".", glob.escape(os.path.basename(folder))


def _by_name(name: str) -> list[tuple[str, int, str]]:
    """Part by part, numbers by their value."""
    pieces = re.split(r"(\d+)", name.replace(os.sep, "\0"))
    return [(text, int(digits or -1), digits) for text, digits in _pairs(pieces)]


def _pairs(pieces: list[str]) -> Iterator[tuple[str, str]]:
    for place in range(0, len(pieces), 2):
        yield pieces[place], pieces[place + 1] if place + 1 < len(pieces) else ""


def _near(pattern: str) -> str:
    """What to write instead: a folder or an ending like those that are there."""
    folder, rest = _fixed(pattern)
    if not os.path.isdir(folder):
        missing = Path(folder)
        while not missing.parent.is_dir():
            missing = missing.parent
        return f": there is no folder {shown(missing)}{did_you_mean(missing.name, _entries(str(missing.parent)))}"
    names = _entries(folder)
    endings = sorted({f"*{Path(name).suffix}" for name in names if Path(name).suffix})
    near = did_you_mean(rest, endings) if rest.startswith("*.") else ""
    if near:
        return near
    holds = ", ".join(sorted(names, key=_by_name)[:5]) + (", ..." if len(names) > 5 else "")
    return f"; {shown(Path(folder))} holds {holds}" if names else f": the folder {shown(Path(folder))} is empty"


def _entries(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry, _ in zip(entries, range(1000), strict=False)]
    except OSError:
        return []


def _twice(found: list[tuple[str, Path]], key: str) -> list[Problem]:
    first: dict[tuple[int, int], tuple[str, Path]] = {}
    problems = []
    for item, path in found:
        number = (path.stat().st_dev, path.stat().st_ino)
        other, before = first.setdefault(number, (item, path))
        if before is not path:
            also = f", by {shown(Path(other))} and {shown(Path(item))}" if other != item else ""
            same = "" if before == path else f" (the same file as {shown(before)})"
            problems.append(Problem(f"{shown(path)}{same} is named twice{also}; its rows would count twice", key))
    return problems


def fingerprint(files: Sequence[Path]) -> str:
    """Changes when a file does, by name, size and time of change, or when there is one more or less."""
    digest = hashlib.sha256()
    for file in files:
        try:
            found = file.stat()
        except OSError:
            stamp = "gone"
        else:
            stamp = f"{found.st_size}\0{found.st_mtime_ns}"
        digest.update(f"{file}\0{stamp}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def group_of(item: str) -> list[Path] | None:
    """All files that a glob, or a folder with folders in it, stands for now; None for a single file or a set's name."""
    if is_glob(item):
        return matches(item)
    if not os.path.isdir(item):
        return None
    inside = (Path(folder, name) for folder, _, names in os.walk(item) for name in names)
    return sorted(path for path in inside if path.is_file())
