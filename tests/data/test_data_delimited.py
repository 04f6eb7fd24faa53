"""Text tables: how they are written, and that the fast and the exact reader agree."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dltrain.config.records import Data, Experiment
from dltrain.data.raw import Raw
from dltrain.data.readers import delimited
from dltrain.data.readers import fast as fast_reader
from dltrain.data.readers.dialect import sniff
from dltrain.data.reading import Reading
from dltrain.data.tables import read_single
from dltrain.errors import InputError


def reading(data: Data) -> Reading:
    return Reading.of(Experiment(data=data))


def read(path: Path, content: str | bytes, **keys: object) -> Raw:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_single(path, reading(Data(source=str(path), **keys)), "data.source")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        "a,b,y\n1,2,3\n4,5,6\n",
        "a,b,y\r\n1,2,3\r\n4,5,6\r\n",
        "\ufeffa,b,y\n1,2,3\n4,5,6",
        "a, b, y\n 1 , 2 , 3 \n4,5,6\n",
        '"a","b","y"\n"1","2","3"\n4,5,6\n',
        "a;b;y\n1;2;3\n4;5;6\n",
        "a\tb\ty\n1\t2\t3\n4\t5\t6\n",
        "a|b|y\n1|2|3\n4|5|6\n",
        "\n\na,b,y\n\n1,2,3\n\n4,5,6\n\n",
        "a,b,y\n1.0,2e0,+3\n.4e1,5.,6\n",
        "y,b,a\n3,2,1\n6,5,4\n",
    ],
)
def test_ways_to_write_the_same_table(tmp_path: Path, content: str) -> None:
    raw = read(tmp_path / "data.csv", content, target="y", features=["a", "b"])
    assert raw.X.tolist() == [[1, 2], [4, 5]]
    assert raw.y is not None and raw.y.tolist() == [3, 6]
    assert raw.features == ("a", "b")


def test_gzip_by_content_not_by_name(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,y\n1,2\n3,4\n", mtime=0)
    for name in ("data.csv.gz", "data.csv"):
        assert read(tmp_path / name, packed, target="y").X.tolist() == [[1], [3]]


@pytest.mark.parametrize(
    "content, target, header, names",
    [
        ("x,y\n1,2\n", "y", True, ("x", "y")),
        ("1,2\n3,4\n", -1, False, ("column_1", "column_2")),
        ("5.1,setosa\n4.9,setosa\n", -1, False, ("column_1", "column_2")),
        ("width,kind\n4.9,setosa\n", -1, True, ("width", "kind")),
        ("label,0,1\n7,0,255\n", "label", True, ("label", "0", "1")),
        ("kind,name\nsetosa,a\n", -1, True, ("kind", "name")),
        ("0,1,2\n5,6,7\n", "2", True, ("0", "1", "2")),
        ("2020-01-01,5\n2020-01-02,6\n", -1, False, ("column_1", "column_2")),
    ],
)
def test_is_the_first_line_a_header(content: str, target: str | int, header: bool, names: tuple[str, ...]) -> None:
    dialect = sniff(content, "f", tabs=False, columns=None, known={target} if isinstance(target, str) else set())
    assert (dialect.header, dialect.names) == (header, names)


def test_columns_name_a_file_without_header(tmp_path: Path) -> None:
    raw = read(tmp_path / "d.csv", "1,2\n3,4\n", columns=["a", "b"], target="b")
    assert raw.features == ("a",) and raw.n == 2
    repeated = read(tmp_path / "d.csv", "a,b\n1,2\n3,4\n", columns=["a", "b"], target="b")
    assert repeated.n == 2


def test_text_target_and_id(tmp_path: Path) -> None:
    raw = read(tmp_path / "d.csv", 'id,x,kind\nr1,1,"big, blue"\nr2,2, small \n', target="kind", id="id")
    assert raw.y is not None and raw.y.tolist() == ["big, blue", "small"]
    assert raw.ids == ["r1", "r2"] and raw.features == ("x",)


def test_excluded_columns_may_hold_anything(tmp_path: Path) -> None:
    content = 'name,x,y\n"a\nb",1,2\n,3,4\nNA,5,6\n'
    raw = read(tmp_path / "d.csv", content, target="y", exclude=["name"])
    assert raw.X.tolist() == [[1], [3], [5]]
    assert [raw.where(row).rsplit(":", 1)[1] for row in range(3)] == ["2", "4", "5"]


cells = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["1", " 2", "3 ", "+.5", "1.", "1e5", "1E-5", "007", "-0"]),
    st.sampled_from(["", "x", "1_0", "nan", "inf", "1e999", "0x1", "NA", "1 2", "٣"]),
)


def outcome(path: Path, fast: bool) -> object:
    """The numbers, bit for bit, or what is said of the file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_reader, "FAST_FROM", 0 if fast else 2**40)
        try:
            raw = read_single(path, reading(Data(source=str(path), target="y")), "data.source")
        except InputError as error:
            return str(error)
        assert raw.y is not None
        return raw.X.tobytes(), raw.y.tolist(), [raw.where(row) for row in range(raw.n)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(cells, min_size=2, max_size=3), min_size=1, max_size=6), st.booleans())
def test_fast_and_exact_reader_agree(tmp_path: Path, rows: list[list[str]], blank: bool) -> None:
    path = tmp_path / "d.csv"
    lines = ["a,b,y", *(",".join([*row, "7"][:3]) for row in rows), *([""] if blank else []), "1,2,3"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert outcome(path, fast=True) == outcome(path, fast=False)


def test_numbers_are_python_s_bit_for_bit(tmp_path: Path, rng: np.random.Generator) -> None:
    values = rng.standard_normal((500, 3)) * 10.0 ** rng.integers(-30, 30, (500, 3))
    path = tmp_path / "d.csv"
    path.write_text("a,b,y\n" + "\n".join(",".join(map(repr, row)) for row in values.tolist()) + "\n")
    for fast in (True, False):
        result = outcome(path, fast)
        assert isinstance(result, tuple)
        assert result[0] == np.ascontiguousarray(values[:, :2]).tobytes()


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("block", [1, 7, 64, 1000])
def test_blocks_of_any_size_give_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, fast: bool
) -> None:
    path = tmp_path / "d.csv"
    body = "".join(f'{n},"a\n{n}",{n * n}\n' if n % 7 == 0 else f"{n},b,{n * n}\n" for n in range(100))
    path.write_text("x,name,y\n" + body)
    monkeypatch.setattr(fast_reader, "FAST_FROM", 0 if fast else 2**40)
    whole = read_single(path, reading(Data(source=str(path), target="y", exclude=["name"])), "data.source")
    monkeypatch.setattr(delimited, "BLOCK", block)
    if block < 10:
        monkeypatch.setattr(delimited, "sniff", lambda *args, **keys: sniff("x,name,y\n1,b,1\n", *args[1:], **keys))
    pieces = read_single(path, reading(Data(source=str(path), target="y", exclude=["name"])), "data.source")
    assert whole.X.tolist() == [[n] for n in range(100)] == pieces.X.tolist()
    assert [whole.where(n) for n in range(100)] == [pieces.where(n) for n in range(100)]


def test_places_in_later_blocks_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK", 50)
    path = tmp_path / "d.csv"
    path.write_text("x,y\n" + "".join(f"{n},{n}\n" if n != 77 else "oops,77\n" for n in range(100)))
    with pytest.raises(InputError, match=r"d\.csv:79:1: x: 'oops' is not a number"):
        read_single(path, reading(Data(source=str(path), target="y")), "data.source")


def test_ten_cells_are_told_and_the_rest_counted(tmp_path: Path) -> None:
    rows = [f"{'bad' if n % 10 == 0 else n},{n}" for n in range(200)]
    with pytest.raises(InputError) as caught:
        read(tmp_path / "d.csv", "x,y\n" + "\n".join(rows), target="y")
    lines = str(caught.value).splitlines()
    assert len(lines) == 11
    assert lines[0].endswith("d.csv:2:1: x: 'bad' is not a number")
    assert lines[1].endswith("d.csv:12:1: x: 'bad' is not a number")
    assert lines[10].endswith("d.csv: 10 more cells are no numbers")
