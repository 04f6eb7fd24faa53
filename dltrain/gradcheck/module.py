"""A problem from the user's own Python file: the one input of dltrain that is run as code.

Whatever goes wrong in that code is told in one line with its place in the file, never as a traceback; what it
prints goes to stderr.
"""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dltrain.engine.arrays import Bools, Floats
from dltrain.errors import InputError, Problem, did_you_mean
from dltrain.gradcheck.problem import Blocks

Result = TypeVar("Result")
_MODULE = "dltrain_gradcheck_module"


class ModuleProblem:
    """The user's object: `theta`, `cost(theta)`, `gradient(theta)`; perhaps `blocks`, `m` and `sides(theta)`.

    `m`, the number of examples, helps to name a wrong factor; `sides` tells where kinks are (see Kinked).
    """

    def __init__(self, given: Any, path: Path) -> None:
        self._given, self._path = given, path
        self.theta = self._theta()
        self.blocks = self._blocks()
        m = self._read("m")
        self.m = int(m) if isinstance(m, int | np.integer) and m > 0 else None
        if self._read("sides") is not None:
            self.sides = self._sides

    def cost(self, theta: Floats) -> float:
        value = self._call("cost", lambda: self._given.cost(theta.copy()))
        array = self._array("cost(theta)", value)
        if array.size != 1:
            raise self._refused(f"cost(theta) has shape {array.shape}, expected a single number")
        return float(array.reshape(()))

    def gradient(self, theta: Floats) -> Floats:
        value = self._call("gradient", lambda: self._given.gradient(theta.copy()))
        array = self._array("gradient(theta)", value)
        if array.shape != self.theta.shape:
            raise self._refused(f"gradient(theta) has shape {array.shape}, expected {self.theta.shape}, that of theta")
        return array

    def _sides(self, theta: Floats) -> Bools:
        value = self._call("sides", lambda: self._given.sides(theta.copy()))
        return np.atleast_1d(np.asarray(value, np.bool_)).ravel()

    def _theta(self) -> Floats:
        theta = self._array("theta", self._read("theta"))
        if theta.ndim != 1 or not theta.size:
            raise self._refused(f"theta has shape {theta.shape}, expected a flat vector (n,)")
        if not np.isfinite(theta).all():
            raise self._refused("theta holds NaN or Inf")
        return theta

    def _array(self, what: str, value: Any) -> Floats:
        """The value as float64; float32 is refused, for it has too few digits for the check."""
        try:
            array = np.asarray(value)
        except (TypeError, ValueError):
            raise self._refused(f"{what} is {_kind(value)}, expected numbers") from None
        if array.dtype.kind not in "fiu":
            raise self._refused(f"{what} is {_kind(value)}, expected real numbers")
        if array.dtype.kind == "f" and array.dtype.itemsize < 8:
            raise self._refused(f"{what} is {array.dtype}, expected float64: the check needs all 16 digits")
        return np.array(array, np.float64)

    def _blocks(self) -> Blocks:
        """The blocks as given, in order; what they leave out becomes blocks named `rest`."""
        value = self._read("blocks")
        if value is None:
            return [("theta", slice(0, self.theta.size))]
        try:
            pairs = [(str(name), _plain(where, self.theta.size)) for name, where in value]
        except (TypeError, ValueError) as error:
            raise self._refused(f"blocks: {error}; expected a list of (name, slice) within theta") from None
        self._require_apart(pairs)
        return _fill(pairs, self.theta.size)

    def _require_apart(self, pairs: Blocks) -> None:
        names = [name for name, _ in pairs]
        problems = [f"blocks: the name {name} is used twice" for name in dict.fromkeys(names) if names.count(name) > 1]
        ordered = sorted(pairs, key=lambda pair: pair[1].start)
        for (first, one), (second, other) in zip(ordered, ordered[1:], strict=False):
            if other.start < one.stop:
                problems.append(f"blocks: {first} and {second} overlap at theta[{other.start}]")
        if problems:
            raise InputError(*(Problem(line, where=str(self._path)) for line in problems))

    def _read(self, name: str) -> Any:
        return self._call(name, lambda: getattr(self._given, name, None))

    def _call(self, what: str, work: Callable[[], Result]) -> Result:
        with _told(self._path, what):
            return work()

    def _refused(self, message: str) -> InputError:
        return InputError(Problem(message, where=str(self._path)))


def load_module(spec: str) -> ModuleProblem:
    """The problem that NAME() of `FILE.py:NAME` returns. Runs the file.

    Raises InputError when the file or the name is missing, its code fails, or the object lacks a part.
    """
    file, colon, name = spec.rpartition(":")
    if not colon or not file or not name.isidentifier():
        raise InputError(f"--module {spec}: expected FILE.py:NAME, a file and the name of a function in it")
    path = Path(file)
    if not path.is_file():
        raise InputError(f"--module {spec}: there is no file {path}")
    maker = _function(_run(path), name, path)
    with _told(path, f"{name}()"):
        given = maker()
    _require_parts(given, name, path)
    return ModuleProblem(given, path)


def _run(path: Path) -> dict[str, Any]:
    """The file's names after running it, as if imported: modules beside it can be imported too."""
    import importlib.util

    spec = importlib.util.spec_from_loader(_MODULE, loader=None, origin=str(path))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    sys.modules[_MODULE] = module  # dataclasses and pickle look their module up
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        with _told(path, "the file"):
            exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
    return module.__dict__


def _function(names: dict[str, Any], name: str, path: Path) -> Callable[[], Any]:
    own = [key for key, value in names.items() if not key.startswith("_") and callable(value)]
    if name not in names:
        raise InputError(Problem(f"there is no {name} in the file{did_you_mean(name, own)}", where=str(path)))
    found = names[name]
    if not callable(found):
        raise InputError(Problem(f"{name} is {_kind(found)}, expected a function", where=str(path)))
    maker: Callable[[], Any] = found
    return maker


def _require_parts(given: Any, name: str, path: Path) -> None:
    problems = []
    for part in ("theta", "cost", "gradient"):
        with _told(path, part):
            value = getattr(given, part, None)
        if value is None:
            known = [other for other in dir(given) if not other.startswith("_")]
            problems.append(f"{name}() gave {_kind(given)} without {part}{did_you_mean(part, known)}")
        elif part != "theta" and not callable(value):
            problems.append(f"{part} is {_kind(value)}, expected a function of theta")
    if problems:
        raise InputError(*(Problem(line, where=str(path)) for line in problems))


@contextlib.contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    """Turns whatever the user's code raises into one line; SystemExit too, but not Ctrl-C."""
    try:
        with contextlib.redirect_stdout(sys.stderr), np.errstate(all="ignore"):
            yield
    except SyntaxError as error:
        where = f"{error.filename or path}:{error.lineno or 1}:{error.offset or 1}"
        raise InputError(Problem(f"SyntaxError: {error.msg}", where=where)) from error
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        kind = type(error).__name__
        line = f"{what} failed: {kind}: {text}" if text else f"{what} failed: {kind}"
        raise InputError(Problem(line, where=_place(error, path))) from error


def _place(error: BaseException, path: Path) -> str:
    """`file:line` of the last line of the user's file that was running."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _plain(where: Any, n: int) -> slice:
    """A slice with start and stop within theta and step 1."""
    if not isinstance(where, slice):
        raise TypeError(f"{where!r} is {_kind(where)}, not a slice")
    start, stop = where.start or 0, n if where.stop is None else where.stop
    if where.step not in (None, 1) or not 0 <= start < stop <= n:
        raise ValueError(f"{where} doesn't lie within 0 and {n}, step by step")
    return slice(int(start), int(stop))


def _fill(pairs: Blocks, n: int) -> Blocks:
    covered = np.zeros(n + 2, np.int8)
    for _, where in pairs:
        covered[1 + where.start : 1 + where.stop] = 1
    covered[0] = covered[-1] = 1
    edges = np.flatnonzero(np.diff(covered))
    gaps = [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
    taken = {name for name, _ in pairs}
    names = (f"rest{k}" if k else "rest" for k in range(len(gaps) + len(taken) + 1))
    free = (name for name in names if name not in taken)
    return sorted([*pairs, *((next(free), gap) for gap in gaps)], key=lambda pair: int(pair[1].start))


def _kind(value: Any) -> str:
    """`a list`, `None`: a value's type in words."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
