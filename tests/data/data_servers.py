"""A web server on this machine's own loopback, for downloads that go well or wrong, and a small named set."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dltrain.data.sets.named_sets import Named, Remote

HEAD = b"|a line that is no data\n"
ROWS = b"".join(b"%d,%d,%s\n" % (i, i * 7 % 11, b"up" if i % 3 else b"down") for i in range(20_000))
TESTS = b"1,2,up\n2,3,down\n"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def small_set(base: str = "http://127.0.0.1:9") -> Named:
    """Two tables; the published form of the second begins with a line that is no data."""
    return Named(
        name="small",
        files=(
            Remote("rows.csv", len(ROWS), sha(ROWS), (f"{base}/rows.csv",)),
            Remote("tests.csv", len(HEAD + TESTS), sha(HEAD + TESTS), (f"{base}/tests.csv",), prefix=HEAD),
        ),
        rows=20_002,
        test_rows=2,
        inputs=2,
        task="binary",
        classes=("down", "up"),
        target="way",
        source="made up",
        licence="none",
        main="rows.csv",
        test="tests.csv",
        data={"target": "way", "columns": ["a", "b", "way"]},
    )


@dataclass
class Server:
    """What the server has, how it misbehaves, and what was asked of it."""

    base: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    cut: int = 0
    """So many answers break off half-way."""
    busy: int = 0
    """So many answers are 503."""
    sized: bool = True
    """Whether it says how long a file is."""
    ranges: bool = False
    """Whether it says that it can give parts."""
    packed: bool = False
    """Whether it says that files are packed, as some stores do of .gz files."""
    hold: threading.Event | None = None
    """Answers break in the midst until this is set."""


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:
        world: Server = self.server.world
        world.asked.append(self.path)
        data = world.files.get(self.path)
        if world.busy:
            world.busy -= 1
            self.send_error(503)
        elif data is None:
            self.send_error(404)
        else:
            self._send(world, data)

    def _send(self, world: Server, data: bytes) -> None:
        self.send_response(200)
        if world.sized:
            self.send_header("Content-Length", str(len(data)))
        if world.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if world.packed and "gzip" in self.headers.get("Accept-Encoding", ""):
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        half = len(data) // 2
        self.wfile.write(data[:half])
        self.wfile.flush()
        if world.cut:
            world.cut -= 1
            self.close_connection = True
            return
        if world.hold is not None:
            world.hold.wait(60)
        self.wfile.write(data[half:])

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""


@contextmanager
def serving(**changes: Any) -> Iterator[Server]:
    """A server with both files of the small set, at `base`."""
    world = Server(files={"/rows.csv": ROWS, "/tests.csv": HEAD + TESTS}, **changes)
    http = _Quiet(("127.0.0.1", 0), _Handler)
    http.world = world  # type: ignore[attr-defined]
    world.base = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield world
    finally:
        if world.hold is not None:
            world.hold.set()
        http.shutdown()
        thread.join()
        http.server_close()
