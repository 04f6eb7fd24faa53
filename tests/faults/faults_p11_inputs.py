"""P11: bad input is one line with its place and the fix, exit 2, no folder left, no traceback, in bounded time and
memory. P12: no input runs code, or writes outside the runs folder."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from faults_p04_damage import checkpoints, interrupted, restore
from faults_result import Result
from faults_world import CONFIG, ID, SLOW, World, contents, table, world

SECONDS, KILOBYTES = 5.0, 2_000_000
REFUSED = {2, 65, 73}


def sweep(full: bool) -> Result:
    """Every input both ways, as a hostile corpus and as mutations of good ones, under the audit hook."""
    result = Result("P11 bad input is one line; P12 none runs code")
    slowest, largest = 0.0, 0
    with interrupted() as kept, world() as fresh:
        for name, make in inputs(full):
            restore(kept, fresh) if "stored" in name else fresh.clear()
            argv = make(fresh)
            before = outside(fresh)
            ended = fresh.call(argv, audit=True)
            slowest, largest = max(slowest, ended.seconds), max(largest, ended.kilobytes)
            result.check(not (wrong := judge(fresh, name, before, ended)), f"{name}: {wrong}")
            for path in (fresh.folder / "config.yaml", fresh.folder / "data.csv"):
                path.unlink(missing_ok=True)
            World(fresh.folder)
    result.worst = f"{slowest:.1f} s, {largest // 1024} MB"
    return result


def outside(fresh: World) -> dict[str, Any]:
    names = {str(path.relative_to(fresh.folder)) for path in fresh.folder.rglob("*")}
    return {name: None for name in names if not name.startswith(("out", "err", "runs"))}


def judge(fresh: World, name: str, before: dict[str, Any], ended: Any) -> str:
    good = name.startswith("mutated")  # a mutation may well be as good as the original
    if ended.code not in REFUSED | ({0, 3, 4} if good else set()):
        return f"exit {ended.code}: {ended.err.strip()[-300:]}"
    if "Traceback" in ended.err or "forbidden" in ended.err:
        return ended.err[-300:]
    if ended.code in REFUSED and not ended.errors:
        return "refused without a word"
    if ended.seconds > SECONDS * SLOW or ended.kilobytes > KILOBYTES:
        return f"{ended.seconds:.1f} s, {ended.kilobytes} kB"
    if ended.code == 2 and "stored" not in name and contents(fresh.runs):
        return f"a folder was left: {list(contents(fresh.runs))[:3]}"
    if outside(fresh).keys() - before.keys():
        return f"written outside: {outside(fresh).keys() - before.keys()}"
    return ""


Make = Callable[[World], list[str]]


def inputs(full: bool) -> Iterator[tuple[str, Make]]:
    for name, text in YAML.items():
        yield f"yaml {name}", config(text)
    for name, raw, keys in data_files():
        yield f"data {name}", data(name, raw, keys)
    for run_id in RUN_IDS:
        yield f"run id {run_id[:40]!r}", run_named(run_id)
    for number in range(60 if full else 3):
        for kind in ("yaml", "csv", "npz", "npy"):
            yield f"mutated {kind} {number}", mutated(kind, number)
    for number in range(40 if full else 2):
        yield f"stored run.json {number}", lambda fresh, n=number: stored(fresh, "run.json", n)  # type: ignore[misc]
        yield f"mutated stored checkpoint {number}", lambda fresh, n=number: stored(fresh, "checkpoint", n)  # type: ignore[misc]


# ---- configs

_LOOK = "data: {source: data.csv, target: kind}\n"
YAML: dict[str, str] = {
    "python object": _LOOK + "name: !!python/object/apply:os.system ['touch owned']\n",
    "python name": _LOOK + "name: !!python/name:os.system\n",
    "python module": "!!python/module:os\n",
    "alias bomb": "a: &a [1,1]\n"
    + "".join(
        f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'}, *{'a' if n == 0 else f'b{n - 1}'}]\n" for n in range(40)
    ),
    "deep": "a: " + "[" * 5000 + "]" * 5000,
    "deep maps": "".join(" " * n + "a:\n" for n in range(2000)),
    "wide": "a: [" + "1," * 300_000 + "]",
    "merge key": _LOOK + "split: {<<: {train: 0.5}}\n",
    "duplicate": _LOOK + "name: a\nname: b\n",
    "not text": "\x00\x01\x02",
    "two documents": _LOOK + "---\n" + _LOOK,
    "a list": "- 1\n- 2\n",
    "empty": "",
    "a number": "42",
    "unclosed": "data: {source: data.csv\n",
    "tab": "data:\n\tsource: x\n",
    "unknown key": CONFIG + "epocs: 3\n",
    "wrong type": CONFIG.replace("epochs: 10", "epochs: many"),
    "negative": CONFIG.replace("epochs: 10", "epochs: -1"),
    "infinite": CONFIG.replace("learning_rate: 0.01", "learning_rate: .inf"),
    "nan": CONFIG.replace("learning_rate: 0.01", "learning_rate: .nan"),
    "huge layer": CONFIG.replace("units: 6", "units: 1000000000000"),
    "huge epochs": CONFIG.replace("batch_size: 16", "batch_size: 1e400"),
    "long number": CONFIG.replace("seed: 3", "seed: " + "9" * 5000),
    "name with a path": CONFIG.replace("source: data.csv", "source: ../../../../etc/passwd"),
    "source is a folder": CONFIG.replace("source: data.csv", "source: ."),
    "source is a device": CONFIG.replace("source: data.csv", "source: /dev/zero"),
    "source is random": CONFIG.replace("source: data.csv", "source: /dev/urandom"),
    "no such column": CONFIG.replace("target: kind", "target: kinds"),
    "no source": "data: {target: kind}\n",
}


def config(text: str) -> Make:
    def make(fresh: World) -> list[str]:
        (fresh.folder / "config.yaml").write_text(text)
        return fresh.train()

    return make


# ---- data


class Evil:
    def __reduce__(self) -> Any:
        import os

        return os.system, ("touch owned",)


def npy(array: Any, **more: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array, **more)
    return out.getvalue()


def header(text: str, body: bytes = b"") -> bytes:
    """A .npy file with a header of its own."""
    head = text.encode() + b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + body


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    return out.getvalue()


def data_files() -> Iterator[tuple[str, bytes, str]]:
    arrays = "data={source: SOURCE, arrays: {train: [x, y]}}"
    evil = npy(np.array([Evil()], dtype=object), allow_pickle=True)
    y = npy(np.arange(40) % 2)
    yield "pickled.npz", zipped({"x.npy": evil, "y.npy": y}), arrays
    yield "raw_pickle.npz", pickle.dumps(Evil()), arrays
    yield "raw_pickle.npy", pickle.dumps(Evil()), "data={source: SOURCE, target: '-1'}"
    yield "member_pickle.npz", zipped({"x.npy": pickle.dumps(Evil()), "y.npy": y}), arrays
    yield "outside.npz", zipped({"../../x.npy": y, "y.npy": y}), arrays
    yield (
        "header_code.npz",
        zipped({"x.npy": header("__import__('os').system('touch owned')"), "y.npy": y}),
        arrays,
    )
    huge = header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000000), }")
    yield "huge_header.npz", zipped({"x.npy": huge, "y.npy": y}), arrays
    deep = header("{'descr': " + "(" * 5000 + "'<f8'" + ")" * 5000 + ", 'fortran_order': False, 'shape': (1,), }")
    yield "deep_header.npz", zipped({"x.npy": deep, "y.npy": y}), arrays
    yield (
        "negative_shape.npz",
        zipped({"x.npy": header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 2), }"), "y.npy": y}),
        arrays,
    )
    yield "bomb.npz", zipped({"x.npy": bytes(400_000_000), "y.npy": y}), arrays
    yield "cut.npz", zipped({"x.npy": npy(np.zeros((40, 2))), "y.npy": y})[:-40], arrays
    table_of = "data={source: SOURCE, target: kind}"
    yield "ragged.csv", b"a,b,kind\n1,2,yes\n1,no\n" * 30, table_of
    yield "nothing.csv", b"", table_of
    yield "header_only.csv", b"a,b,kind\n", table_of
    yield "zeros.csv", bytes(4096), table_of
    yield "latin1.csv", "a,b,kind\n1,2,größe\n".encode("latin-1") * 30, table_of
    yield "infinite.csv", b"a,b,kind\n" + b"1,inf,yes\n1,3,no\n" * 30, table_of
    yield "missing.csv", b"a,b,kind\n" + b"1,,yes\n1,3,no\n" * 30, table_of
    yield "one_class.csv", b"a,b,kind\n" + b"1,2,yes\n" * 60, table_of
    yield "quote.csv", b'a,b,kind\n1,"2,yes\n' * 30, table_of
    yield "long_line.csv", b"a,b,kind\n" + b"1" * 3_000_000, table_of
    yield "many_columns.csv", b",".join(b"c%d" % n for n in range(20_000)) + b"\n1,2\n", table_of
    yield "binary.csv.gz", b"\x1f\x8b not gzip", table_of


def data(name: str, raw: bytes, keys: str) -> Make:
    def make(fresh: World) -> list[str]:
        (fresh.folder / name).write_bytes(raw)
        return fresh.train(keys.replace("SOURCE", str(fresh.folder / name)), "split={train: 0.6, dev: 0.2, test: 0.2}")

    return make


# ---- run ids

RUN_IDS = (
    "", ".", "..", "../x", "/x/y", "a/b", "a\\b/../c", "-x", ".x", " x", "x ", "a\nb", "a\0b".replace("\0", "\1"), "x" * 65, "latest", "é", "a:b",
    "~", "$(touch owned)", "`id`", "con?", "run.json", "Checkpoints", "a%2fb", "..%2f", "\u202ex", "*", "a b",
)  # fmt: skip


def run_named(run_id: str) -> Make:
    return lambda fresh: ["train", "config.yaml", "-q", f"--run-id={run_id}", "--runs-dir", str(fresh.runs)]


# ---- mutations


def mutate(raw: bytes, number: int) -> bytes:
    """A few bytes changed, taken out, doubled or put in, by the number alone."""
    draws = np.random.Generator(np.random.Philox(number))
    found = bytearray(raw)
    for _ in range(int(draws.integers(1, 5))):
        at, what = int(draws.integers(0, max(1, len(found)))), int(draws.integers(0, 5))
        if what == 0:
            found[at : at + 1] = bytes([int(draws.integers(0, 256))])
        elif what == 1:
            del found[at : at + int(draws.integers(1, 20))]
        elif what == 2:
            found[at:at] = found[at : at + int(draws.integers(1, 30))]
        elif what == 3:
            found[at:at] = bytes(draws.choice(list(b":{}[],&*!|>'\"%@`#-?\n\t \\0\x00\xff9e.")) for _ in range(3))
        else:
            found = found[:at]
    return bytes(found)


def mutated(kind: str, number: int) -> Make:
    def make(fresh: World) -> list[str]:
        if kind in ("yaml", "csv"):
            name, good = ("config.yaml", CONFIG) if kind == "yaml" else ("data.csv", table())
            (fresh.folder / name).write_bytes(mutate(good.encode(), number))
            return fresh.train("training.epochs=1") if kind == "csv" else fresh.train("training={epochs: 1}")
        x, y = np.arange(80.0).reshape(40, 2), np.arange(40) % 2
        name = f"m.{kind}"
        raw = zipped({"x.npy": npy(x), "y.npy": npy(y)}) if kind == "npz" else npy(np.column_stack([x, y]))
        (fresh.folder / name).write_bytes(mutate(raw, number))
        keys = "arrays: {train: [x, y]}" if kind == "npz" else "target: '-1'"
        source = f"data={{source: {fresh.folder / name}, {keys}, task: binary}}"
        return fresh.train(source, "split={train: 0.6, dev: 0.2, test: 0.2}", "training.epochs=1")

    return make


def stored(fresh: World, what: str, number: int) -> list[str]:
    """A run folder that somebody else wrote."""
    path = fresh.run / "run.json" if what == "run.json" else checkpoints(fresh)[-1]
    if what == "run.json" and number == 0:
        record = json.loads(path.read_text())
        record["id"], record["state"] = "../../elsewhere", "walking"
        path.write_text(json.dumps(record))
    elif what == "run.json":
        path.write_bytes(mutate(path.read_bytes(), number)[: 200 + 40 * number])
    else:
        path.write_bytes(mutate(path.read_bytes(), number))
    return fresh.resume() if number % 2 else ["resume", ID, "-q", "--runs-dir", str(fresh.runs)]
