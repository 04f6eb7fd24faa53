"""Nothing in the package writes to the disk but `storage.operations`: read from the source of every module."""

from __future__ import annotations

import ast
from pathlib import Path

import dltrain

PACKAGE = Path(dltrain.__file__).parent
OWNER = PACKAGE / "storage" / "operations.py"
CHANGERS = {
    "os": {
        "write",
        "pwrite",
        "writev",
        "rename",
        "replace",
        "mkdir",
        "makedirs",
        "unlink",
        "remove",
        "rmdir",
        "truncate",
    }
    | {"ftruncate", "link", "symlink", "mkfifo", "removedirs", "renames"},
    "shutil": {"copy", "copy2", "copyfile", "copytree", "move", "rmtree"},
    "np": {"save", "savetxt", "memmap"},
}
METHODS = {"write_bytes", "write_text", "tofile", "touch", "unlink", "mkdir", "rmdir", "hardlink_to", "symlink_to"}
ROOMS = {"storage", "operations", "folder", "run"}  # `storage.write_text`, not a path's method


def offences(source: str) -> list[int]:
    """The lines that change the disk."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and _changes(node)]


def _changes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    module = owner.id if isinstance(owner, ast.Name) else ""
    if name == "open":
        return _opens_to_write(call, module)
    if module in CHANGERS:
        return name in CHANGERS[module]
    return owner is not None and name in METHODS and module not in ROOMS


def _opens_to_write(call: ast.Call, module: str) -> bool:
    text = " ".join(ast.unparse(argument) for argument in [*call.args, *(k.value for k in call.keywords)])
    if module == "os":
        return "devnull" not in text and any(
            flag in text for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC")
        )
    modes = [a.value for a in call.args[:2] if isinstance(a, ast.Constant)]
    modes += [k.value.value for k in call.keywords if k.arg == "mode" and isinstance(k.value, ast.Constant)]
    return any(isinstance(mode, str) and len(mode) <= 3 and set(mode) & set("wax+") for mode in modes)


def test_it_finds_what_it_looks_for() -> None:
    for line in (
        "open('a', 'w')",
        "open(p, mode='ab')",
        "gzip.open(p, 'wb')",
        "Path(p).open('x')",
        "path.write_text('')",
        "os.open(p, os.O_WRONLY | os.O_CREAT)",
        "os.replace(a, b)",
        "shutil.rmtree(p)",
        "np.save(p, a)",
    ):
        assert offences(line) == [1], line
    for line in (
        "open(p)",
        "open(p, 'rb')",
        "os.open(p, os.O_RDONLY)",
        "os.open(os.devnull, os.O_WRONLY)",
        "storage.write_text(p, '')",
        "os.path.join(a)",
    ):
        assert offences(line) == [], line


def test_no_other_module_changes_the_disk() -> None:
    found = {
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in PACKAGE.rglob("*.py")
        if path != OWNER
        for line in offences(path.read_text(encoding="utf-8"))
    }
    assert found == set()
    assert offences(OWNER.read_text(encoding="utf-8"))
