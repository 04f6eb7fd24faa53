"""Fetching named sets: from a server on the loopback, from mirrors, and with everything that goes wrong on the way."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from data_servers import HEAD, ROWS, TESTS, Server, serving, sha, small_set

from dltrain import storage
from dltrain.data.sets import fetching
from dltrain.data.sets.fetching import fetch
from dltrain.data.sets.named import folder_of
from dltrain.data.sets.named_sets import Named, Remote
from dltrain.errors import InputError, StorageError
from dltrain.storage import operations
from dltrain.storage.operations import Operation


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own; no proxies, no mirror, no waiting."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("DLTRAIN_DATA_MIRROR", raising=False)
    monkeypatch.setenv("DLTRAIN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(fetching, "PAUSES", (0.0, 0.0))
    return tmp_path / "cache" / "named"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def held(cache: Path) -> dict[str, bytes]:
    """The files of the set that lie in the cache, temporary ones too."""
    folder = cache / "small"
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != ".lock"} if folder.is_dir() else {}


WHOLE = {"rows.csv": ROWS, "tests.csv": TESTS}


def refusal(named: Named) -> str:
    with pytest.raises(InputError) as caught:
        fetch(named)
    assert caught.value.exit_code == 2
    (problem,) = caught.value.problems
    assert "\n" not in problem.line()
    return problem.line()


@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize("ranges", [True, False])
def test_files_come_whole_and_a_second_time_nothing_is_asked(cache: Path, sized: bool, ranges: bool) -> None:
    with serving(sized=sized, ranges=ranges) as server:
        seen: list[tuple[str, int, int]] = []
        assert fetch(small_set(server.base), lambda *step: seen.append(step)) == ("rows.csv", "tests.csv")
        assert held(cache) == WHOLE
        assert fetch(small_set(server.base)) == ()
        assert server.asked == ["/rows.csv", "/tests.csv"]
    counts = [done for name, done, _ in seen if name == "rows.csv"]
    assert counts == sorted(counts) and counts[-1] == len(ROWS) and len(counts) > 1
    assert seen[-1] == ("tests.csv", len(HEAD + TESTS), len(HEAD + TESTS))


def test_a_packed_file_stays_packed(cache: Path) -> None:
    data = gzip.compress(ROWS)
    with serving(packed=True) as server:
        server.files["/rows.csv.gz"] = data
        remote = Remote("rows.csv.gz", len(data), sha(data), (f"{server.base}/rows.csv.gz",))
        fetch(replace(small_set(), files=(remote,)))
    assert held(cache) == {"rows.csv.gz": data}


def test_only_what_is_missing_or_damaged_is_asked_for(cache: Path, server: Server) -> None:
    fetch(small_set(server.base))
    (cache / "small" / "tests.csv").write_bytes(TESTS.replace(b"1", b"9"))  # of the right size
    server.asked.clear()
    assert fetch(small_set(server.base)) == ("tests.csv",)
    assert server.asked == ["/tests.csv"] and held(cache) == WHOLE


@pytest.mark.parametrize("fault", ["cut", "busy"])
def test_what_may_pass_is_tried_again(cache: Path, server: Server, fault: str) -> None:
    setattr(server, fault, 2)
    fetch(small_set(server.base))
    assert held(cache) == WHOLE and server.asked == ["/rows.csv"] * 3 + ["/tests.csv"]


def test_a_connection_that_always_breaks_leaves_nothing(cache: Path, server: Server) -> None:
    server.cut = 99
    line = refusal(small_set(server.base))
    assert line.startswith(f"cannot fetch small: {server.base}/rows.csv: the connection broke off; set DLTRAIN_DATA_")
    assert held(cache) == {} and server.asked == ["/rows.csv"] * 3


def test_without_a_size_a_cut_is_found_by_the_checksum(cache: Path) -> None:
    with serving(sized=False, cut=1) as server:
        assert "it is cut short, or no copy of the published file: sha256" in refusal(small_set(server.base))
    assert held(cache) == {}


def test_what_is_not_there_is_asked_for_once(cache: Path, server: Server) -> None:
    del server.files["/tests.csv"]
    line = refusal(small_set(server.base))
    assert f"{server.base}/tests.csv: HTTP 404 Not Found; set DLTRAIN_DATA_MIRROR to a folder or address with " in line
    assert f"small/tests.csv in it, or put that file into {cache / 'small'} by hand" in line
    assert held(cache) == {"rows.csv": ROWS}, "what came whole stays"
    assert server.asked == ["/rows.csv", "/tests.csv"]


@pytest.mark.parametrize("data", [ROWS[:-1] + b"!", ROWS + b"more", b"<html>sign in</html>", b""])
def test_other_bytes_are_not_kept(cache: Path, server: Server, data: bytes) -> None:
    server.files["/rows.csv"] = data
    assert "no copy of the published file" in refusal(small_set(server.base))
    assert held(cache) == {}


def test_the_next_address_is_tried(cache: Path, server: Server) -> None:
    named = small_set(server.base)
    first = replace(named.files[0], urls=(f"{server.base}/gone.csv", *named.files[0].urls))
    fetch(replace(named, files=(first, *named.files[1:])))
    assert held(cache) == WHOLE and server.asked[:2] == ["/gone.csv", "/rows.csv"]


def test_offline_the_line_says_what_to_do(cache: Path) -> None:
    with serving() as server:
        named = small_set(server.base)
    line = refusal(named)  # nobody listens there any more
    assert line == (
        f"cannot fetch small: {server.base}/rows.csv: no connection; set DLTRAIN_DATA_MIRROR to a folder or address "
        f"with small/rows.csv in it, or put that file into {cache / 'small'} by hand"
    )


def test_a_file_put_there_by_hand_will_do(cache: Path) -> None:
    (cache / "small").mkdir(parents=True)
    (cache / "small" / "rows.csv").write_bytes(ROWS)
    (cache / "small" / "tests.csv").write_bytes(TESTS)
    assert fetch(small_set()) == ()


def test_a_file_put_there_by_hand_as_it_is_published(cache: Path) -> None:
    (cache / "small").mkdir(parents=True)
    (cache / "small" / "rows.csv").write_bytes(ROWS)
    (cache / "small" / "tests.csv").write_bytes(HEAD + TESTS)
    assert fetch(small_set()) == ("tests.csv",)
    assert held(cache) == WHOLE


# ---- mirrors


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A folder with the set as it is published."""
    folder = tmp_path / "my mirror"
    (folder / "small").mkdir(parents=True)
    (folder / "small" / "rows.csv").write_bytes(ROWS)
    (folder / "small" / "tests.csv").write_bytes(HEAD + TESTS)
    return folder


@pytest.mark.parametrize("form", ["{}", "{}/", "file://{}"])
def test_a_folder_as_a_mirror(cache: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setenv("DLTRAIN_DATA_MIRROR", form.format(mirror))
    fetch(small_set())
    assert held(cache) == WHOLE


def test_an_address_as_a_mirror_is_the_only_one_asked(
    cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files = {"/sets/small/rows.csv": ROWS}
    monkeypatch.setenv("DLTRAIN_DATA_MIRROR", f"{server.base}/sets/")
    line = refusal(small_set(server.base))
    assert line.endswith("HTTP 404 Not Found; DLTRAIN_DATA_MIRROR alone was asked: put the file there, or unset it to "
                         "ask the public addresses")  # fmt: skip
    server.files["/sets/small/tests.csv"] = HEAD + TESTS
    assert fetch(small_set(server.base)) == ("tests.csv",)
    assert held(cache) == WHOLE and all(path.startswith("/sets/small/") for path in server.asked)


def test_the_cache_of_another_machine_is_a_mirror(
    cache: Path, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(small_set(server.base))
    monkeypatch.setenv("DLTRAIN_CACHE_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("DLTRAIN_DATA_MIRROR", str(cache))
    fetch(small_set())
    assert held(tmp_path / "other" / "named") == WHOLE


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("nowhere", "No such file or directory"),
        ("gopher://mirror", "no http, https or file address"),
        ("http://[", "no valid address"),
        ("http:///sets", "no valid address"),
    ],
)
def test_a_mirror_that_is_none(cache: Path, monkeypatch: pytest.MonkeyPatch, address: str, reason: str) -> None:
    monkeypatch.setenv("DLTRAIN_DATA_MIRROR", address)
    assert f": {reason}; DLTRAIN_DATA_MIRROR alone was asked" in refusal(small_set())
    assert held(cache) == {}


def test_a_mirror_of_pipes_and_folders_does_not_hang(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTRAIN_DATA_MIRROR", str(tmp_path))
    (tmp_path / "small" / "rows.csv").mkdir(parents=True)
    assert "rows.csv: not a regular file; " in refusal(small_set())
    (tmp_path / "small" / "rows.csv").rmdir()
    os.mkfifo(tmp_path / "small" / "rows.csv")
    assert "rows.csv: not a regular file; " in refusal(small_set())


def test_no_password_is_shown(cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTRAIN_DATA_MIRROR", server.base.replace("//", "//me:secret@"))
    line = refusal(small_set())
    assert "secret" not in line and f"{server.base}/small/rows.csv: HTTP 404" in line


def test_other_bytes_in_a_mirror_are_not_kept(cache: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mirror / "small" / "rows.csv").write_bytes(ROWS.replace(b"\n", b"\r\n"))
    monkeypatch.setenv("DLTRAIN_DATA_MIRROR", str(mirror))
    assert "longer than" in refusal(small_set())
    assert held(cache) == {}


# ---- the disk


def test_a_full_disk_is_74_and_leaves_nothing(cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def hook(operation: Operation) -> None:
        if operation.kind == "write" and "rows.csv" in operation.path and operation.data[:4] not in ROWS[:8]:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(operations, "hook", hook)
    with pytest.raises(StorageError, match="the disk is full") as caught:
        fetch(small_set(server.base))
    assert caught.value.exit_code == 74 and held(cache) == {}
    assert server.asked == ["/rows.csv"], "no other attempt"


def test_each_failing_operation_leaves_nothing_half_written(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTRAIN_DATA_MIRROR", str(mirror))
    operations_seen = 0
    for failing in range(200):
        cache = tmp_path / f"cache{failing}"
        monkeypatch.setenv("DLTRAIN_CACHE_DIR", str(cache))
        left = [failing]

        def hook(operation: Operation, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise OSError(5, os.strerror(5))

        monkeypatch.setattr(operations, "hook", hook)
        try:
            fetch(small_set())
        except StorageError:
            operations_seen += 1
            monkeypatch.setattr(operations, "hook", None)
            assert held(cache / "named").items() <= WHOLE.items()
        else:
            break
    assert operations_seen > 8


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_cache_refuses(cache: Path, server: Server) -> None:
    cache.parent.mkdir()
    cache.parent.chmod(0o500)
    try:
        assert "permission denied" in refusal(small_set(server.base))
    finally:
        cache.parent.chmod(0o700)


def test_what_is_here_needs_no_writing(cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch(small_set(server.base))

    def hook(operation: Operation) -> None:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(operations, "hook", hook)
    assert fetch(small_set()) == ()


def test_a_file_system_that_is_read_only(cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def hook(operation: Operation) -> None:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(operations, "hook", hook)
    assert "the file system is read-only; choose another folder" in refusal(small_set(server.base))
    assert server.asked == []


# ---- several processes, and one that is killed

FETCH = """
import sys
from data_servers import small_set
from dltrain.data.sets.fetching import fetch
print(*fetch(small_set(sys.argv[1]), tell=lambda line: print(line, flush=True)))
"""


@contextmanager
def fetching_process(base: str) -> Iterator[subprocess.Popen[str]]:
    folders = [str(Path(__file__).parent), str(Path(storage.__file__).parents[2])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folders)}
    process = subprocess.Popen([sys.executable, "-c", FETCH, base], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def wait_for_half(cache: Path) -> None:
    """Until a first piece lies on the disk."""
    pause = threading.Event()
    for _ in range(3000):
        if any(len(data) > 0 for name, data in held(cache).items() if name.endswith(".tmp")):
            return
        pause.wait(0.01)
    raise AssertionError("nothing came")


def test_killed_in_the_midst_and_run_again(cache: Path) -> None:
    with serving(hold=threading.Event()) as server, fetching_process(server.base) as process:
        wait_for_half(cache)
        process.send_signal(signal.SIGKILL)
        process.wait()
        (left,) = held(cache)
        assert left.startswith(".rows.csv.") and left.endswith(".tmp"), "under its own name there is nothing"
        assert server.hold is not None
        server.hold.set()
        assert fetch(small_set(server.base)) == ("rows.csv", "tests.csv")
        assert held(cache) == WHOLE, "what was left is swept"


def test_two_processes_fetch_once(cache: Path) -> None:
    with serving(hold=threading.Event()) as server, fetching_process(server.base) as first:
        wait_for_half(cache)
        told: list[str] = []

        def tell(line: str) -> None:
            told.append(line)
            assert server.hold is not None
            server.hold.set()

        assert fetch(small_set(server.base), tell=tell) == (), "the other one brought them"
        assert told == ["another process fetches small; waiting for it"]
        assert first.communicate()[0] == "rows.csv tests.csv\n"
        assert server.asked == ["/rows.csv", "/tests.csv"] and held(cache) == WHOLE


def test_folder_of_the_small_set(cache: Path) -> None:
    assert folder_of(small_set()) == cache / "small"
