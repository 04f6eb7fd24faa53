"""JSON lines, Parquet, HDF5 and compressed tables, written by others: equal tables, whatever the file."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from dltrain.data.files import kind_of
from dltrain.data.raw import Raw
from dltrain.data.readers import json_fast, jsonl, parquet
from dltrain.data.readers.coding import Rules
from dltrain.data.readers.dialect import Dialect
from dltrain.data.readers.hdf5 import hdf5_shapes, read_hdf5
from dltrain.data.readers.several import How, open_rows, read_several
from dltrain.data.roles import Roles
from dltrain.errors import InputError

FILL = How(rules=Rules(gaps="fill"))
ROWS: list[dict[str, Any]] = [
    {"n": n * 1.5, "word": ["red", "blue", None][n % 3], "day": f"2024-02-{n + 1:02d}", "flag": n % 2 == 0, "y": n % 4}
    for n in range(12)
]
ROWS[5]["n"] = None


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def choose(dialect: Dialect) -> Roles:
    names = dialect.names
    extras = (("weight", names.index("w")),) if "w" in names else ()
    inputs = tuple(column for column, name in enumerate(names) if name not in ("y", "id", "w"))
    label = names.index("id") if "id" in names else None
    return Roles(inputs, names.index("y") if "y" in names else None, label, extras)  # type: ignore[arg-type]


def read(*names: str, how: How = FILL) -> Raw:
    return read_several([Path(name).absolute() for name in names], choose, how)[0]


def arrow(rows: list[dict[str, Any]] = ROWS) -> pa.Table:
    table = pa.Table.from_pylist(rows)
    days = pa.array([dt.date.fromisoformat(row["day"]) for row in rows])
    return table.set_column(table.column_names.index("day"), "day", days)


def csv(rows: list[dict[str, Any]]) -> str:
    lines = [",".join("" if cell is None else str(cell) for cell in row.values()) for row in rows]
    return "\n".join([",".join(rows[0]), *lines]) + "\n"


def lines_of(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def same(one: Raw, other: Raw) -> None:
    np.testing.assert_array_equal(one.X, other.X)
    assert one.kinds == other.kinds and one.vocabularies == other.vocabularies and one.features == other.features
    assert one.y is not None and other.y is not None and one.y.tolist() == other.y.tolist()


def test_one_table_in_three_formats() -> None:
    rows = [{**row, "flag": int(row["flag"])} for row in ROWS]
    Path("a.csv").write_text(csv(rows))
    Path("a.jsonl").write_text(lines_of(ROWS))
    pq.write_table(arrow(), "a.parquet", row_group_size=5)
    text = read("a.csv")
    assert text.kinds == ("number", "category", "date", "number") and text.vocabularies == {"word": ("red", "blue")}
    day = (dt.date(2024, 2, 2) - dt.date(1970, 1, 1)).days
    np.testing.assert_array_equal(text.X[1], [1.5, 1, day, 0])
    assert np.isnan(text.X[5, 0]) and np.isnan(text.X[2, 1])
    for other in ("a.jsonl", "a.parquet"):
        same(read(other), text)
    assert (text.where(3), read("a.jsonl").where(3), read("a.parquet").where(3)) == (
        "a.csv:5",
        "a.jsonl:4",
        "a.parquet:4",
    )


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstd.compress,
    "two.zst": lambda data: zstd.compress(data[:40]) + b"\x50\x2a\x4d\x18\x04\0\0\0skip" + zstd.compress(data[40:]),
}


@pytest.mark.parametrize("pack", PACK)
def test_packed_tables(pack: str) -> None:
    Path("a.csv").write_text(csv(ROWS))
    for ending, text in (("csv", csv(ROWS)), ("tsv", csv(ROWS).replace(",", "\t")), ("jsonl", lines_of(ROWS))):
        Path(f"b.{ending}").write_text(text)
        Path(f"b.{ending}.{pack}").write_bytes(PACK[pack](text.encode()))
        same(read(f"b.{ending}.{pack}"), read(f"b.{ending}"))


def test_zstandard_of_another_writer() -> None:
    codec = pa.Codec("zstd")
    with pa.CompressedOutputStream(pa.OSFile("a.csv.zst", "wb"), codec.name) as file:
        file.write(csv(ROWS).encode())
    Path("a.csv").write_text(csv(ROWS))
    same(read("a.csv.zst"), read("a.csv"))


def test_small_pieces_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"x": n, "c": f"w{n % 7}", "y": n % 2, "id": f"r{n}", "w": 1 + n % 3} for n in range(3000)]
    Path("a.jsonl").write_text(lines_of(rows).rstrip("\n"))
    pq.write_table(pa.Table.from_pylist(rows), "a.parquet", row_group_size=700)
    whole = read("a.jsonl")
    monkeypatch.setattr(jsonl, "BLOCK", 1000)
    monkeypatch.setattr(jsonl, "_AT_ONCE", 7)
    monkeypatch.setattr(parquet, "_CELLS", 1)
    for name in ("a.jsonl", "a.parquet"):
        small = read(name)
        same(small, whole)
        assert small.ids == whole.ids == [f"r{n}" for n in range(3000)]
        assert small.extras["weight"].tolist() == whole.extras["weight"].tolist() == [1 + n % 3 for n in range(3000)]
        assert small.where(2999) == f"{name}:3000"


@pytest.mark.parametrize("gaps", [False, True])
def test_all_at_once_gives_the_same_as_one_by_one(gaps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{**row, "n": row["n"] or 0.1, "word": row["word"] or "é\n", "id": str(n)} for n, row in enumerate(ROWS)]
    Path("a.jsonl").write_text(
        "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in (ROWS if gaps else rows))
    )
    slow = read("a.jsonl")
    monkeypatch.setattr(json_fast, "FAST_FROM", 0)
    monkeypatch.setattr(jsonl, "chunk_of", lambda *_: pytest.fail("not at once"))
    fast = read("a.jsonl")
    same(fast, slow)
    assert fast.ids == slow.ids and fast.where(7) == slow.where(7) == "a.jsonl:8"


SCALARS = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(SCALARS, SCALARS), min_size=1, max_size=20))
def test_json_numbers_arrive_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[Any, Any]]
) -> None:
    path = tmp_path_factory.mktemp("n") / "a.jsonl"
    path.write_text("".join(json.dumps({"a": a, "b": b}) + "\n" for a, b in values))
    raw, _ = read_several([path], lambda dialect: Roles((0, 1), None), FILL)
    expected = [[np.nan if cell is None else float(cell) for cell in row] for row in values]
    np.testing.assert_array_equal(raw.X, expected)


def test_a_key_that_is_absent_is_a_gap() -> None:
    Path("a.jsonl").write_text('\ufeff{"y": 1, "b": 2}\n\n  {"a": 3, "y": 0}  \r\n{"b": NaN, "a": 1, "y": 1}')
    raw = read("a.jsonl")
    assert raw.features == ("b", "a") and raw.where(2) == "a.jsonl:4"
    np.testing.assert_array_equal(raw.X, [[2, np.nan], [np.nan, 3], [np.nan, 1]])


def test_columns_of_every_plain_type() -> None:
    moment = dt.datetime(2024, 2, 29, 18, 0, 0, tzinfo=dt.timezone(dt.timedelta(hours=6)))
    columns = {
        "i8": pa.array([1, None, -3], pa.int8()),
        "u64": pa.array([1, 2**53, None], pa.uint64()),
        "f": pa.array([0.5, float("nan"), None], pa.float32()),
        "dec": pa.array([1, 2, 3], pa.decimal128(5, 2)),
        "b": pa.array([True, None, False]),
        "null": pa.nulls(3),
        "dict": pa.array(["12", None, "7"]).dictionary_encode(),
        "text": pa.array([" 12 ", "?", "7"]),
        "date": pa.array([dt.date(1970, 1, 2), None, dt.date(1969, 12, 31)]),
        "ms": pa.array([moment.replace(tzinfo=None)] * 3, pa.timestamp("ms")),
        "zoned": pa.array([moment] * 3, pa.timestamp("ns", "Asia/Almaty")),
    }
    pq.write_table(pa.table(columns), "a.parquet")
    raw = read("a.parquet")
    assert raw.kinds == (*["number"] * 6, "category", "number", *["date"] * 3)
    day, nan = (dt.date(2024, 2, 29) - dt.date(1970, 1, 1)).days, np.nan
    expected = [
        [1, 1, 0.5, 1, 1, nan, 0, 12, 1, day + 0.75, day + 0.5],
        [nan, 2**53, nan, 2, nan, nan, nan, nan, nan, day + 0.75, day + 0.5],
        [-3, nan, nan, 3, 0, nan, 1, 7, -1, day + 0.75, day + 0.5],
    ]
    np.testing.assert_array_equal(raw.X, expected)
    assert raw.vocabularies == {"dict": ("12", "7")}


@pytest.mark.parametrize("target", ["b", "dict", "date", "f"])
def test_targets_of_every_type(target: str) -> None:
    columns = {
        "b": pa.array([True, False]),
        "dict": pa.array(["x", "y"]).dictionary_encode(),
        "date": pa.array([dt.datetime(2024, 1, 1, 12), dt.datetime(2024, 1, 2)]),
        "f": pa.array([1.0, 2.5]),
    }
    pq.write_table(pa.table({"a": [1, 2], "y": columns[target]}), "a.parquet")
    expected = {
        "b": ["true", "false"],
        "dict": ["x", "y"],
        "date": ["2024-01-01 12:00:00", "2024-01-02 00:00:00"],
        "f": [1, 2.5],
    }
    y = read("a.parquet").y
    assert y is not None and y.tolist() == expected[target]


def test_columns_that_nobody_asks_for_may_hold_anything() -> None:
    pq.write_table(pa.table({"a": [1, 2], "tags": [[1], [2, 3]], "y": [0, 1]}), "a.parquet")
    raw, _ = read_several([Path("a.parquet")], lambda dialect: Roles((0,), 2), FILL)
    assert raw.X.tolist() == [[1], [2]]


def test_kinds_that_a_model_knows() -> None:
    pq.write_table(pa.table({"code": [1, 2], "f": [1.0, 2.5], "day": ["2024-01-01", "1970-01-02"]}), "a.parquet")
    Path("a.jsonl").write_text('{"code": 1, "f": 1, "day": "2024-01-01"}\n{"code": 2, "f": 2.5, "day": "1970-01-02"}\n')
    rules = Rules(
        kinds={"code": "category", "f": "category", "day": "date"}, vocabularies={"code": ("2", "1"), "f": ("2.5",)}
    )
    for name in ("a.parquet", "a.jsonl"):
        with open_rows(Path(name), choose, How(rules=rules, strict=False, from_config=False)) as table:
            (chunk,) = table.chunks
        assert chunk.X[:, :2].tolist() == [[1, 1], [0, 0]] and chunk.X[1, 2] == 1 and chunk.target is None


# ---- several files


def test_several_files_are_one_table() -> None:
    for number, part in enumerate((ROWS[:5], ROWS[5:7], ROWS[7:])):
        shuffled = [dict(sorted(row.items(), reverse=bool(number % 2))) for row in part]
        Path(f"{number}.csv").write_text(csv(shuffled))
        Path(f"{number}.jsonl").write_text(lines_of(shuffled))
        pq.write_table(arrow(shuffled), f"{number}.parquet")
    for ending in ("csv", "jsonl", "parquet"):
        names = [f"{number}.{ending}" for number in range(3)]
        raw = read(*names)
        Path("whole.csv").write_text(csv([dict(sorted(row.items())) for row in ROWS]))
        Path("whole.jsonl").write_text(lines_of([dict(sorted(row.items())) for row in ROWS]))
        pq.write_table(arrow([dict(sorted(row.items())) for row in ROWS]), "whole.parquet")
        same(raw, read(f"whole.{ending}"))
        line = {"csv": 2}.get(ending, 1)
        assert [raw.where(row) for row in (0, 4, 5, 6, 7)] == [
            f"0.{ending}:{line}", f"0.{ending}:{line + 4}", f"1.{ending}:{line}", f"1.{ending}:{line + 1}", f"2.{ending}:{line}",
        ]  # fmt: skip
        some = raw.only(np.array([6, 11]))
        assert some.where(0) == f"1.{ending}:{line + 1}" and some.where(1) == f"2.{ending}:{line + 4}"


def test_files_without_a_header_go_by_place() -> None:
    Path("a.csv").write_text("1,2\n3,4\n")
    Path("b.csv").write_text("5,6\n")
    raw, _ = read_several([Path("a.csv"), Path("b.csv")], lambda dialect: Roles((0,), 1), FILL)
    assert raw.X.tolist() == [[1], [3], [5]] and raw.where(2) == "b.csv:1" and raw.place == "a.csv and 1 more"


def test_words_in_a_later_file_make_a_column_of_words() -> None:
    Path("a.csv").write_text("x,y\n" + "1,0\n" * 20)
    Path("b.csv").write_text("x,y\n" + "red,1\n" * 20)
    raw = read("a.csv", "b.csv")
    assert raw.kinds == ("category",) and raw.vocabularies == {"x": ("1", "red")}
    Path("c.csv").write_text("x,y\n" + "2,1\n" * 2000 + "red,1\n" * 1000)
    raw = read("a.csv", "c.csv")
    assert raw.kinds == ("category",) and raw.vocabularies == {"x": ("1", "2", "red")}


# ---- HDF5


def test_data_sets_of_an_hdf5_file() -> None:
    x = np.arange(24, dtype=">f4").reshape(6, 4)
    with h5py.File("a.h5", "w", userblock_size=512) as file:
        file.create_dataset("x", data=x, chunks=(2, 2), compression="gzip", shuffle=True)
        file["part/y"] = ["aé", "b"] * 3
        file["z"] = np.array([b"one", b"two"])
        file["part/up"] = file["part"]
    path = Path("a.h5")
    assert kind_of(path, None) == "hdf5"
    assert hdf5_shapes(path) == {"x": (6, 4), "part/y": (6,), "z": (2,)}
    read_x, y, z = read_hdf5(path, ["x", "/part/y", "z"])
    np.testing.assert_array_equal(read_x, x)
    assert read_x.dtype.isnative and y.tolist() == ["aé", "b"] * 3 and z.tolist() == ["one", "two"]


# ---- bad files

Make = Callable[[], Any]


def text(name: str, content: str | bytes) -> Make:
    return lambda: Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())


def table(name: str, columns: dict[str, Any]) -> Make:
    return lambda: pq.write_table(pa.table(columns), name)


def damage(name: str, keep: slice) -> Make:
    def make() -> None:
        pq.write_table(arrow(), name)
        Path(name).write_bytes(Path(name).read_bytes()[keep])

    return make


MANY = "".join(f'{{"a": {n}, "y": 0}}\n' for n in range(30))
RESTS = "expected csv, tsv, jsonl, parquet, npy, npz, idx or h5 (.gz and .zst too)"
PACKED_CSV = gzip.compress(csv(ROWS * 50).encode())
SHORT_ZST = zstd.compress(csv(ROWS * 50).encode())[:-30]

BAD: dict[str, tuple[Make, str]] = {
    "a list in a row": (
        text("d.jsonl", '{"a": 1, "y": 0}\n{"a": [1, 2], "y": 1}\n'),
        "d.jsonl:2: a: holds a list; expected a number, text, true, false or null",
    ),
    "an object in a row": (
        text("d.jsonl", '{"a": 1, "y": 0}\n{"a": {"b": 1}, "y": 1}\n'),
        "d.jsonl:2: a: holds an object; expected a number, text, true, false or null",
    ),
    "no comma": (text("d.jsonl", '{"a": 1, "y": 0}\n {"a": 1 "y": 1}\n'), "d.jsonl:2:10: not valid JSON (expecting ',' delimiter)"),
    "over several lines": (
        text("d.jsonl", '{\n"a": 1}\n'),
        "d.jsonl:1:2: not valid JSON (expecting property name enclosed in double quotes); expected one whole object a line\n"
        "d.jsonl:2:4: not valid JSON (extra data)",
    ),
    "a bare list": (text("d.jsonl", '{"a": 1, "y": 0}\n[1, 2]\n'), "d.jsonl:2: a list; expected an object, {key: value}"),
    "a bare number": (text("d.jsonl", '{"a": 1, "y": 0}\n7\n'), "d.jsonl:2: a single value; expected an object, {key: value}"),
    "a key twice": (text("d.jsonl", '{"a": 1, "y": 0}\n{"a": 1, "a": 2, "y": 0}\n'), "d.jsonl:2: key 'a' is given twice"),
    "cut short": (
        text("d.jsonl", '{"a": 1, "y": 0}\n{"a": 1, "y'),
        "d.jsonl:2:10: not valid JSON (unterminated string starting at); expected one whole object a line",
    ),
    "no UTF-8": (text("d.jsonl", b'{"a": 1, "y": 0}\n{"a": "\xe9", "y": 0}\n'), "d.jsonl:2: byte 0xe9 is not UTF-8; save the file as UTF-8"),
    "half a character": (
        text("d.jsonl", '{"a": 1, "y": 0}\n{"a": "\\ud800", "y": 0}\n'),
        "d.jsonl:2: half of a character (\\ud800 to \\udfff alone); expected pairs, or UTF-8",
    ),
    "nested without end": (
        text("d.jsonl", '{"a": 1, "y": 0}\n{"a": ' + "[" * 100_000),
        "d.jsonl:2: nested too deep; expected a flat object, one value a key",
    ),
    "too large": (text("d.jsonl", '{"a": 1, "y": 0}\n{"a": 1e999, "y": 1}\n'), "d.jsonl:2:1: a: '1e999' is too large for a number"),
    "thousands of digits": (
        text("d.jsonl", '{"a": 1, "y": 0}\n{"a": ' + "9" * 5000 + ', "y": 1}\n'),
        f"d.jsonl:2:1: a: '{'9' * 37}...' is too large for a number",
    ),
    "infinite": (text("d.jsonl", '{"a": 1, "y": 0}\n{"a": -Infinity, "y": 1}\n'), "d.jsonl:2:1: a: '-Infinity' is not finite"),
    "a word among numbers": (text("d.jsonl", MANY + '{"a": "x", "y": 1}\n'), "d.jsonl:31:1: a: 'x' is not a number"),
    "many bad lines": (
        text("d.jsonl", MANY + "{\n" * 13),
        "".join(f"d.jsonl:{line}:2: not valid JSON (expecting property name enclosed in double quotes); expected one whole object a line\n" for line in range(31, 41))
        + "d.jsonl: 3 more lines cannot be read",
    ),
    "only blank objects": (text("d.jsonl", "{}\n{}\n"), "d.jsonl holds no rows"),
    "one array": (text("d.json", '[\n  {"a": 1}\n]'), "d.json is one JSON array; expected JSON lines: one object a line ({...})"),
    "lists in a column": (
        table("d.parquet", {"a": [1], "tags": [[1]], "y": [0]}),
        "d.parquet: tags holds lists or records; expected numbers, text, dates or true and false; leave it out with data.exclude: [tags]",
    ),
    "records as the target": (
        table("d.parquet", {"a": [1], "y": [{"b": 1}]}),
        "d.parquet: y holds lists or records; expected numbers, text, dates or true and false",
    ),
    "bytes in a column": (
        table("d.parquet", {"a": [b"1"], "y": [0]}),
        "d.parquet: a holds Binary values; expected numbers, text, dates or true and false; leave it out with data.exclude: [a]",
    ),
    "times without a date": (
        table("d.parquet", {"a": [dt.time(1)], "b": [dt.timedelta(1)], "y": [0]}),
        "\n".join(
            f"d.parquet: {name} holds times without a date; expected numbers, text, dates or true and false; leave it out with data.exclude: [{name}]"
            for name in "ab"
        ),
    ),
    "infinite numbers": (
        table("d.parquet", {"a": [1.0, float("inf"), float("-inf")], "y": [0, 1, 0]}),
        "d.parquet:2:1: a: 'inf' is not finite\nd.parquet:3:1: a: '-inf' is not finite",
    ),
    "a table without rows": (table("d.parquet", {"a": pa.array([], pa.int8()), "y": pa.array([], pa.int8())}), "d.parquet has a header and no rows"),
    "Parquet cut short": (damage("d.parquet", slice(-30)), "d.parquet is no sound Parquet file: *; write it again"),
    "Parquet's beginning alone": (text("d.parquet", b"PAR1" + bytes(100)), "d.parquet is no sound Parquet file: *; write it again"),
    "Parquet in gzip": (
        lambda: (damage("p", slice(None))(), Path("d.parquet.gz").write_bytes(gzip.compress(Path("p").read_bytes())), Path("p").unlink()),
        "d.parquet.gz is gzip around parquet, which is compressed already; unpack it first",
    ),
    "HDF5 in zstd": (
        text("d.h5.zst", zstd.compress(b"\x89HDF\r\n\x1a\n" + bytes(100))),
        "d.h5.zst is zstd around hdf5, which is compressed already; unpack it first",
    ),
    "gzip cut short": (
        text("d.csv.gz", PACKED_CSV[:-20]),
        "d.csv.gz is damaged or cut short (Compressed file ended before the end-of-stream marker was reached); copy or download it again",
    ),
    "zstd cut short": (
        text("d.csv.zst", SHORT_ZST),
        "d.csv.zst is damaged or cut short (Compressed file ended before the end-of-stream marker was reached); copy or download it again",
    ),
    "junk behind zstd": (
        text("d.csv.zst", zstd.compress(csv(ROWS).encode()) + b"0123456789"),
        "d.csv.zst is damaged or cut short (Unable to decompress Zstandard data: Unknown frame descriptor); copy or download it again",
    ),
    "bzip2": (text("d.csv.bz2", bz2.compress(b"a,y\n1,2\n")), f"d.csv.bz2 is compressed with bzip2; {RESTS}"),
    "an Arrow file": (text("d.arrow", b"ARROW1\0\0" + bytes(20)), f"d.arrow is an Arrow file; {RESTS}"),
    "a picture": (text("d.jpg", b"\xff\xd8\xff\xe0" + bytes(20)), f"d.jpg is a single picture; {RESTS}"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "fast"), [(case, fast) for case in BAD for fast in (False, True)])
def test_bad_files(case: str, fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if fast:
        monkeypatch.setattr(json_fast, "FAST_FROM", 0)
    make, line = BAD[case]
    make()
    (path,) = Path().iterdir()
    with pytest.raises(InputError) as error:
        read_several([path], choose)
    said = str(error.value)
    if "*" in line:
        begins, ends = line.split("*")
        assert said.startswith(begins) and said.endswith(ends) and "\n" not in said
    else:
        assert said == line


SEVERAL: dict[str, tuple[dict[str, str | bytes], str]] = {
    "a column is missing": (
        {"a.csv": "x,z,y\n1,2,3\n", "b.csv": "z,y\n1,2\n"},
        "b.csv has no column 'x' (a.csv has it)",
    ),
    "a column too many": (
        {"a.csv": "x,y\n1,2\n", "b.csv": "x,xx,y\n1,2,3\n"},
        "b.csv has a column 'xx', a.csv has none; did you mean x?",
    ),
    "two files differ": (
        {"a.csv": "x,y\n1,2\n", "b.csv": "q,y\n1,2\n", "c.csv": "x\n1\n"},
        "b.csv has no column 'x' (a.csv has it)\nb.csv has a column 'q', a.csv has none\nc.csv has no column 'y' (a.csv has it)",
    ),
    "no header in the second": (
        {"a.csv": "x,y\n1,2\n", "b.csv": "1,2\n"},
        "a.csv has a header, b.csv has none; give both one, or neither",
    ),
    "a header in the second alone": (
        {"a.csv": "1,2\n", "b.csv": "x,y\n1,2\n"},
        "b.csv has a header, a.csv has none; give both one, or neither",
    ),
    "another width": ({"a.csv": "1,2\n", "b.csv": "1,2,3\n"}, "b.csv has 3 columns, a.csv has 2"),
    "kinds that differ": (
        {"a.csv": "x,y\n1,2\n", "b.jsonl": '{"x": 1, "y": 2}\n'},
        "a.csv is a text table, b.jsonl is jsonl; expected files of one kind",
    ),
    "an array among tables": (
        {"a.csv": "x,y\n1,2\n", "b.npy": b"\x93NUMPY\x01\0"},
        "b.npy is npy; of several files each must be csv, tsv, jsonl or parquet",
    ),
    "bad cells in two files": (
        {"a.csv": "x,y\n" + "1,2\n" * 30 + "u,3\n", "b.csv": "x,y\n" + "1,2\n" * 30 + "v,3\n"},
        "a.csv:32:1: x: 'u' is not a number\nb.csv:32:1: x: 'v' is not a number",
    ),
    "an empty file": ({"a.csv": "x,y\n1,2\n", "b.csv": ""}, "b.csv is empty"),
    "a key of some files": (
        {"a.jsonl": '{"x": 1, "y": 2}\n', "b.jsonl": '{"x": 1, "z": 1, "y": 2}\n'},
        "b.jsonl has a column 'z', a.jsonl has none",
    ),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_files_that_do_not_fit_together(case: str) -> None:
    contents, line = SEVERAL[case]
    for name, content in contents.items():
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def loose(dialect: Dialect) -> Roles:
        return choose(dialect) if dialect.header else Roles((0,), 1)

    with pytest.raises(InputError) as error:
        read_several([Path(name) for name in contents], loose)
    assert str(error.value) == line


def test_a_key_that_first_occurs_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "BLOCK", 100)
    Path("a.jsonl").write_text(MANY + '{"a": 1, "b": 2, "y": 0}\n')
    with pytest.raises(InputError) as error:
        read("a.jsonl")
    assert str(error.value) == "a.jsonl:31: key 'b' first occurs here; the first rows have a, y"
    assert read("a.jsonl", how=How(strict=False)).n == 31


def test_a_line_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "BLOCK", 100)
    monkeypatch.setattr(jsonl, "_LONGEST", 1000)
    Path("a.jsonl").write_text('{"a": "' + "x" * 2000)
    with pytest.raises(InputError, match="^a.jsonl has a line longer than 0 MB; expected one row a line$"):
        read("a.jsonl")


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_a_file_that_unpacks_without_end(pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "_BOMB", 2**20)
    Path("a.jsonl").write_bytes(pack(b'{"a":1,"y":0}\n' + b"\n" * 2**24))
    with pytest.raises(InputError, match="^a.jsonl unpacks to over 1000 times its size; not read further$"):
        read("a.jsonl")


HDF5: dict[str, tuple[str, str]] = {
    "soft": ("soft", "a.h5: soft is a link to elsewhere; refused, copy the values into the file"),
    "external link": ("ext", "a.h5: ext is a link to elsewhere; refused, copy the values into the file"),
    "through an external group": ("outside/x", "a.h5: outside/x is a link to elsewhere; refused, copy the values into the file"),
    "external storage": ("raw", "a.h5: raw keeps its values in other files; refused, copy them into this one"),
    "virtual": ("virt", "a.h5: virt keeps its values in other files; refused, copy them into this one"),
    "records": ("rec", "a.h5: rec has type [('a', '<f8')]; expected real numbers, or text for labels"),
    "complex": ("cplx", "a.h5: cplx has type complex128; expected real numbers, or text for labels"),
    "ragged": ("ragged", "a.h5: ragged has type object; expected real numbers, or text for labels"),
    "empty": ("empty", "a.h5: empty is empty"),
    "never written": ("huge", "a.h5: huge claims 8000000000000 bytes for shape (1000000000, 1000), more than the file can hold; it is damaged"),
    "no such": ("xx", "a.h5 has no data set 'xx'; did you mean x?"),
    "a group": ("group", "a.h5 has no data set 'group'; did you mean group/x?"),
    "below a data set": ("x/1/2/3/4", "a.h5 has no data set 'x/1/2/3/4'; it has *"),
}  # fmt: skip


@pytest.mark.parametrize("case", HDF5)
def test_bad_data_sets(case: str) -> None:
    with h5py.File("other.h5", "w") as file:
        file["x"] = np.ones(3)
    with h5py.File("a.h5", "w") as file:
        file["x"], file["group/x"] = np.ones(3), np.ones(3)
        file["soft"], file["ext"] = h5py.SoftLink("/x"), h5py.ExternalLink("other.h5", "x")
        file["outside"] = h5py.ExternalLink("other.h5", "/")
        file.create_dataset("raw", shape=(3,), dtype="f8", external="secret")
        layout = h5py.VirtualLayout((3,), dtype="f8")
        layout[:] = h5py.VirtualSource("other.h5", "x", (3,))
        file.create_virtual_dataset("virt", layout)
        file["rec"], file["cplx"] = np.zeros(3, dtype=[("a", "f8")]), np.ones(3, complex)
        file.create_dataset("ragged", (2,), dtype=h5py.vlen_dtype("i4"))
        file["empty"] = h5py.Empty("f8")
        file.create_dataset("huge", shape=(10**9, 1000), dtype="f8", chunks=(100, 100), compression="gzip")
    name, line = HDF5[case]
    with pytest.raises(InputError) as error:
        read_hdf5(Path("a.h5"), ["x", name])
    assert str(error.value).startswith(line.rstrip("*")) and "\n" not in str(error.value)


@pytest.mark.parametrize("keep", [8, 50, 2000])
def test_damaged_hdf5(keep: int) -> None:
    with h5py.File("a.h5", "w") as file:
        file["x"] = np.ones(3000)
    Path("a.h5").write_bytes(Path("a.h5").read_bytes()[:keep])
    with pytest.raises(InputError, match=r"^a.h5 is no sound HDF5 file \(.*\); copy or write it again$"):
        hdf5_shapes(Path("a.h5"))


def test_without_h5py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"^reading a.h5 needs h5py: pip install 'dltrain\[hdf5\]'$"):
        hdf5_shapes(Path("a.h5"))


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_blanks_around_the_names_of_columns_do_not_count(tmp_path: Path, kind: str) -> None:
    import polars as pl

    from dltrain.config.records import Data, Experiment
    from dltrain.data import prepare

    rows = [{" a ": n % 7, "the  b": float(n * 3 % 5), "y\t": n % 2} for n in range(40)]
    path = tmp_path / f"d.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pl.DataFrame(rows).write_parquet(path)
    found = prepare(Experiment(data=Data(source=str(path), target="y")))
    assert found.preparation.features == ("a", "the b") and found.facts.task == "binary"
    (twice := tmp_path / f"twice.{kind}").touch()
    doubled = [{"a": 1, " a": 2, "y": 0}, {"a": 2, " a": 1, "y": 1}]
    if kind == "jsonl":
        twice.write_text("".join(json.dumps(row) + "\n" for row in doubled))
    else:
        pl.DataFrame(doubled).write_parquet(twice)
    with pytest.raises(InputError, match="the column name 'a' occurs 2 times"):
        prepare(Experiment(data=Data(source=str(twice), target="y")))
