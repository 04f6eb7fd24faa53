"""`dltrain adjust` and `dltrain watch`: a hand on a live run, and the same bytes without it."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_calling import Called, call, trees

from dltrain import experiment, runs, steering
from dltrain.report.progress import Progress
from dltrain.signals import current
from dltrain.storage import operations

SAME = ("metrics.jsonl", "diagnosis.json", "predictions.npz", "model.safetensors")
MORE = (
    "training={epochs: 8, batch_size: 16, checkpoints: {every_steps: 5}}",
    "architecture={layers: [6, 4], keep_prob: 0.9}",
    "regularizer={kind: l2, lambd: 0.1}",
    "schedule={kind: plateau, patience: 1, min_delta: 0.05}",
)
Script = Mapping[int, Callable[[], object]]


@pytest.fixture
def during(monkeypatch: pytest.MonkeyPatch) -> Callable[[Script], None]:
    """What is done at the end of an epoch, before its process looks at requests."""

    def plant(script: Script) -> None:
        def epoch(self: Progress, record: Mapping[str, Any]) -> None:
            script.get(record["epoch"], lambda: None)()

        monkeypatch.setattr(Progress, "epoch", epoch)

    return plant


@pytest.fixture
def config(empty_folder: Path) -> str:
    return str(trees(empty_folder))


def train(config: str, run_id: str = "a", *more: str) -> Called:
    return call("train", config, "-q", "--run-id", run_id, *MORE, *more)


def same_bytes(one: str, other: str) -> bool:
    return all(Path("runs", one, name).read_bytes() == Path("runs", other, name).read_bytes() for name in SAME)


def rates(run: str) -> list[float]:
    return [line["learning_rate"] for line in runs.read_metrics(f"runs/{run}")]


def events(run: str, kind: str) -> list[dict[str, Any]]:
    return [event for event in runs.read_events(f"runs/{run}") if event["kind"] == kind]


def replayed(run: str = "a") -> bool:
    """Whether a run of its config.replay.yaml gives the same bytes, checkpoint included."""
    assert call("train", f"runs/{run}/config.replay.yaml", "-q", "--run-id", "replay").code == 0
    kept = [sorted(os.listdir(f"runs/{name}/checkpoints")) for name in (run, "replay")]
    return same_bytes(run, "replay") and kept[0] == kept[1]


def test_a_rate_holds_from_the_next_epoch_and_a_replay_gives_the_same_bytes(config: str, during: Any) -> None:
    said: list[Called] = []
    during(
        {
            2: lambda: said.append(call("adjust", "a", "optimizer.learning_rate=0.003")),
            4: lambda: said.append(call("adjust", "a", "training.batch_size=24", "architecture.keep_prob=0.7")),
            5: lambda: said.append(call("adjust", "a", "schedule=cosine", "regularizer.lambd=1", "training.epochs=9")),
        }
    )
    assert train(config).code == 0
    during({})
    assert [one.code for one in said] == [0, 0, 0]
    assert said[0].out == "left for a, which takes it up when its epoch ends\n"
    assert rates("a")[2] == 0.003 and len(rates("a")) == 9
    made = events("a", "adjustment")
    assert [(event["epoch"], list(event["set"])) for event in made] == [
        (3, ["optimizer.learning_rate"]),
        (5, ["training.batch_size", "architecture.keep_prob"]),
        (6, ["schedule", "regularizer", "training.epochs"]),
    ]
    assert made[0]["learning_rate"] == 0.003
    assert os.listdir("runs/a/requests") == []
    assert replayed()


def test_the_waiting_asker_is_told(config: str, during: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run takes it up while the asker sleeps, as another process would."""
    said: list[Called] = []
    held: list[Any] = []
    follow = experiment._follow

    def followed(ready: Any, hand: steering.Hand, state: Any, *rest: Any) -> None:
        held[:] = [hand, state]
        follow(ready, hand, state, *rest)

    monkeypatch.setattr(experiment, "_follow", followed)
    monkeypatch.setattr("dltrain.cli.adjust.time.sleep", lambda seconds: held[0].look(held[1]))
    during({3: lambda: said.append(call("adjust", "a", "optimizer.learning_rate=0.5", "--wait"))})
    assert train(config).code == 0
    assert (said[0].code, said[0].out) == (0, "from epoch 4: optimizer.learning_rate=0.5\n")


@pytest.mark.parametrize("counts", ["training.epochs=8", "training={steps: 18, epochs: null}"])
def test_stop_ends_it_finished_with_its_epoch(counts: str, config: str, during: Any) -> None:
    during({3: lambda: call("adjust", "a", "--stop")})
    assert train(config, "a", counts).code == 0
    during({})
    record = runs.read_run("runs/a")
    assert (record["state"], record["epochs"]) == ("finished", 3)
    assert [one["epoch"] for one in record["adjustments"]] == [4]
    assert events("a", "adjustment")[0]["stop"] is True
    assert Path("runs/a/model.safetensors").exists() and Path("runs/a/report.html").exists()
    assert replayed()
    assert call("train", config, "-q", "--run-id", "a", *MORE, counts).code == 0, "finished: nothing to do"


def test_a_checkpoint_is_saved_at_once(config: str, during: Any) -> None:
    found: list[list[str]] = []
    during(
        {
            3: lambda: call("adjust", "a", "--checkpoint"),
            4: lambda: found.append(os.listdir("runs/a/checkpoints")),
        }
    )
    assert train(config, "a", "training.checkpoints={every_steps: null, every_minutes: null, keep: 9}").code == 0
    (event,) = events("a", "checkpoint")
    assert event["checkpoint"] in found[0] and event["step"] == 3 * 3
    assert not Path("runs/a/config.replay.yaml").exists(), "nothing to replay"


def test_requests_are_refused_by_the_run_too(config: str, during: Any) -> None:
    """One that another release left, or that no longer fits."""

    def leave() -> None:
        runs.ask("runs/a", {"optimizer.beta1": 0.5})
        runs.ask("runs/a", {"optimizer.learning_rate": 0.5})
        runs.ask("runs/a", {"training.epochs": 1})
        (Path("runs/a/requests") / f"{runs.ask('runs/a', {})}.json").write_text("{")

    during({3: leave})
    assert train(config).code == 0
    why = [event["why"] for event in events("a", "adjustment refused")]
    assert len(why) == 3 and "optimizer.beta1: cannot be adjusted" in why[0]
    assert "1 is less than the 3 complete by then" in why[1] and why[2] == "it is no request"
    assert rates("a")[3] == 0.5


REFUSED = (
    (["optimizer.beta1=0.5"], "command line: optimizer.beta1: cannot be adjusted; expected optimizer.learning_rate"),
    (["lr=0.5"], "did you mean optimizer.learning_rate?"),
    (["optimizer.learning_rate=0"], "command line: optimizer.learning_rate: 0 is not allowed"),
    (["training.batch_size=5000"], "larger than the m = 36 training examples"),
    (["training.epochs=1"], "1 is less than the 4 complete by then"),
    (["data.source=x.csv", "seed=2"], "seed: cannot be adjusted"),
    (["optimizer.learning_rate"], "expected one RUN"),
    (["optimizer.learning_rate=["], "command line: optimizer.learning_rate"),
    ([], "nothing to adjust"),
    (["--stop", "optimizer.learning_rate=1"], "would never hold"),
)


def test_what_cannot_be_is_refused_at_once(config: str, during: Any) -> None:
    said: list[Called] = []
    during({3: lambda: said.extend(call("adjust", "a", *words) for words, _ in REFUSED)})
    assert train(config).code == 0
    for called, (words, message) in zip(said, REFUSED, strict=True):
        assert (called.code, called.out) == (2, ""), words
        assert message in called.err, called.err
    assert not os.path.exists("runs/a/requests")


def test_a_run_that_does_not_run_is_not_adjusted(config: str) -> None:
    assert train(config).code == 0
    refused = call("adjust", "a", "--stop")
    assert (refused.code, refused.out) == (2, "")
    assert (
        "run a is finished, not live: dltrain train runs/a/config.resolved.yaml KEY=VALUE starts another" in refused.err
    )
    record = json.loads(Path("runs/a/run.json").read_text())
    Path("runs/a/run.json").write_text(json.dumps({**record, "state": "interrupted"}))
    assert "dltrain resume a goes on with it" in call("adjust", "a", "--stop").err
    assert call("adjust", "b", "--stop").code == 2


def test_one_on_another_host_is_asked_all_the_same(config: str) -> None:
    assert train(config).code == 0
    record = json.loads(Path("runs/a/run.json").read_text())
    away = {**record, "state": "running", "process": {"pid": 1, "host": "elsewhere"}}
    Path("runs/a/run.json").write_text(json.dumps(away))
    called = call("adjust", "a", "--stop", "--json")
    assert called.code == 0 and called.json["taken"] is False
    assert "cannot be seen from here" in call("adjust", "a", "--stop").out
    assert len(call("adjust", "a", "--cancel", "--json").json["withdrawn"]) == 2


def test_what_nobody_took_is_withdrawn(config: str, during: Any) -> None:
    said: list[Called] = []

    def both() -> None:
        call("adjust", "a", "optimizer.learning_rate=0.5")
        said.append(call("adjust", "a", "--cancel"))

    during({3: both})
    assert train(config).code == 0
    assert said[0].out == "1 taken back\n" and events("a", "adjustment") == []


def test_what_comes_after_the_last_epoch_is_answered(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    end = steering.Hand.end
    monkeypatch.setattr(steering.Hand, "end", lambda self, why: (call("adjust", "a", "--stop"), end(self, why)))
    assert train(config).code == 0
    assert [event["why"] for event in events("a", "adjustment refused")] == ["the training is over"]


# ---- stopped and resumed


@pytest.mark.parametrize("when", ["recorded", "saved", "later"])
def test_a_run_that_was_stopped_goes_on_with_what_was_recorded(
    when: str, config: str, during: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left right after the record, before the next checkpoint, or epochs later; then resumed by name or as it was
    started."""

    def asked() -> None:
        call("adjust", "a", "optimizer.learning_rate=0.3", "training.batch_size=8")

    def stop(self: Any, *_: Any) -> None:
        if events("a", "adjustment"):
            current.asked = signal.SIGTERM
            current.answer()

    during({3: asked, 6: leave} if when == "later" else {3: asked})
    with monkeypatch.context() as patch:
        if when == "recorded":
            patch.setattr(steering.Hand, "_write_replay", stop)
        elif when == "saved":
            patch.setattr("dltrain.saving.Saver.after_epoch", stop)
        assert train(config).code == 143
    assert runs.read_run("runs/a")["state"] == "interrupted"
    assert os.path.exists("runs/a/config.replay.yaml") == (when != "recorded")
    during({})
    again = train(config) if when == "saved" else call("resume", "a", "-q")
    assert again.code == 0, again.err
    (event,) = events("a", "adjustment")
    assert event["epoch"] == 4 and rates("a")[3] == 0.3
    assert [line["step"] for line in runs.read_metrics("runs/a")][:4] == [3, 6, 9, 14]
    assert os.listdir("runs/a/requests") == []
    assert replayed()


def leave() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_the_runs_own_adjustments_hold_whatever_a_later_request_says(
    config: str, during: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "adjustments=[{epoch: 5, set: {optimizer.learning_rate: 0.2}}]"
    assert train(config, "whole", own).code == 0
    during({3: leave})
    assert train(config, "a", own).code == 143
    during({})
    assert train(config, "a", "adjustments=[{epoch: 4, set: {optimizer.learning_rate: 9}}]").code == 0
    assert same_bytes("a", "whole")


def test_one_asked_for_comes_after_one_already_recorded(config: str, during: Any) -> None:
    """Resumed from before the epoch of the record, a later request does not slip in front of it."""
    during({3: lambda: runs.ask("runs/a", {"optimizer.learning_rate": 0.3}), 4: leave})
    assert train(config, "a", "training.checkpoints={every_steps: null, every_minutes: null}").code == 143
    last = max(Path("runs/a/checkpoints").iterdir())
    last.unlink()  # as if it had not come to be
    during({1: lambda: runs.ask("runs/a", {"optimizer.learning_rate": 0.1})})
    assert call("resume", "a", "-q").code == 0
    during({})
    assert [event["epoch"] for event in events("a", "adjustment")] == [4, 4]
    assert rates("a")[3] == 0.1
    assert replayed()


# ---- what is shown


def test_runs_check_and_the_page_show_them(config: str, during: Any) -> None:
    during({2: lambda: call("adjust", "a", "optimizer.learning_rate=0.003")})
    assert train(config).code == 0
    during({})
    assert "from epoch 3  optimizer.learning_rate=0.003" in call("runs", "a").out
    assert call("runs", "a", "--json").json["adjustments"] == [{"epoch": 3, "set": {"optimizer.learning_rate": 0.003}}]
    page = Path("runs/a/report.html").read_text()
    assert "What was adjusted" in page and '"marks":[{"x":3,"label":"adjusted"}]' in page
    checked = call("check", "runs/a/config.replay.yaml").out
    assert re.search("from epoch 3 +optimizer.learning_rate=0.003\n", checked)
    assert train(config, "b").code == 0
    compared = call("compare", "a", "b").out
    assert "adjustments" in compared
    told = call("runs", "--json").json["runs"]
    assert {run["id"] for run in told} == {"a", "b"}


def test_a_word_that_is_a_finding_and_a_kind_is_explained_as_both() -> None:
    text = call("explain", "plateau").out
    assert "The cost is flat" in text and "schedule.plateau" in text
    assert "schedule.plateau" not in call("explain", "plat").out, "a beginning of the finding's name"


def test_a_line_is_said_while_training(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    look = steering.Hand.look

    def asked(self: steering.Hand, state: Any) -> bool:
        if state.position.epoch == 2:
            runs.ask("runs/a", {"training.epochs": 4})
        return look(self, state)

    monkeypatch.setattr(steering.Hand, "look", asked)
    called = call("train", config, "--run-id", "a", *MORE)
    assert called.code == 0, called.err
    lines = called.err.splitlines()
    at = lines.index("adjusted from epoch 3: training.epochs=4")
    assert lines[at - 1].startswith("epoch 2/8 ") and lines[at + 1].startswith("epoch 3/4 ")


def test_watching_one_that_ended(config: str, during: Any) -> None:
    during({2: lambda: call("adjust", "a", "optimizer.learning_rate=0.003")})
    assert train(config).code == 0
    lines = call("watch", "a").out.splitlines()
    assert len(lines) == 8 + 1 + 1
    assert lines[0].startswith("epoch 1  cost ") and lines[2] == "adjusted from epoch 3: optimizer.learning_rate=0.003"
    assert lines[3].startswith("epoch 3  ") and lines[-1].startswith("a finished: train ")
    found = [json.loads(line) for line in call("watch", "a", "--json").out.splitlines()]
    assert [one["kind"] for one in found] == ["epoch", "epoch", "adjustment", *["epoch"] * 6, "end"]
    assert found[0]["schema_version"] == 1 and found[-1]["state"] == "finished"


def test_watching_a_live_one(config: str, during: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at after each epoch, by a watcher whose sleep is the run's work."""
    from io import StringIO

    from dltrain.report.watching import watch_run

    class Enough(Exception):
        pass

    seen: list[str] = []

    def look() -> None:
        def sleep(seconds: float) -> None:
            raise Enough

        stream = StringIO()
        with pytest.raises(Enough):  # it would go on: the run is live
            watch_run(Path("runs/a"), stream=stream, sleep=sleep)
        seen.append(stream.getvalue())

    during({3: look})
    assert train(config).code == 0
    assert len(seen[0].splitlines()) == 3


def test_a_study_is_watched_and_not_adjusted(config: str) -> None:
    assert call("train", config, "-q", "--run-id", "s", "--seeds", "2", "training.epochs=2").code == 0
    lines = call("watch", "s").out.splitlines()
    assert [line.split()[:3] for line in lines[:2]] == [["trial", "0", "finished"], ["trial", "1", "finished"]]
    assert "seed=" in lines[0] and lines[2].startswith("s finished, 2 of 2 trials begun are over: ")
    found = [json.loads(line) for line in call("watch", "s", "--json").out.splitlines()]
    assert [one["kind"] for one in found] == ["trial", "trial", "end"] and "dev" in found[0]["errors"]
    for run, what in (("s", "a study"), ("s/0", "a trial of the study s")):
        refused = call("adjust", run, "optimizer.learning_rate=1")
        assert refused.code == 2 and f"is {what}: " in refused.err


def test_the_picture_on_a_terminal(config: str, during: Any) -> None:
    from rich.console import Console

    from dltrain.report.watching import Watched, picture

    during({2: lambda: call("adjust", "a", "optimizer.learning_rate=0.003")})
    assert train(config).code == 0
    watched = Watched(Path("runs/a"))
    watched.look()
    for width in (40, 100):
        for encoding in ("utf-8", "ascii"):
            console = Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
            console.print(picture(watched, width, encoding))
            console.file.close()
            text = console.export_text()
            assert max(map(len, text.splitlines())) <= width
            for word in ("dev error", "cost J", "learning rate", "from epoch 3"):
                assert word in text
            assert ("▲" in text) == (encoding == "utf-8") and text.encode(encoding)
    np.testing.assert_equal(len(watched.metrics), 8)


@pytest.mark.parametrize(("what", "epoch"), [("events.jsonl", 3), ("config.replay.yaml", 4)])
def test_a_disk_that_is_full_is_no_refusal(
    what: str, epoch: int, config: str, during: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends the process as any full disk does. What was recorded holds when the run goes on; what was not is taken up
    then, at the end of the epoch that its checkpoint stands in."""
    during({3: lambda: call("adjust", "a", "optimizer.learning_rate=0.3")})

    def fill(operation: operations.Operation) -> None:
        full = f"{what}." in operation.path or operation.path.endswith(what)
        if full and operation.kind in ("create", "write") and os.path.exists("runs/a/requests"):
            raise OSError(errno.ENOSPC, "")

    with monkeypatch.context() as patch:
        patch.setattr(operations, "hook", fill)
        full = train(config)
    assert full.code == 74 and len(full.errors) == 1, full.err
    during({})
    assert call("resume", "a", "-q").code == 0
    assert [event["epoch"] for event in events("a", "adjustment")] == [epoch] and not events("a", "adjustment refused")
    assert rates("a")[epoch - 1] == 0.3 != rates("a")[epoch - 2]
    assert replayed()


def test_taking_back_goes_with_nothing_else(tmp_path: Path) -> None:
    for more in ("--stop", "--checkpoint", "optimizer.learning_rate=0.1"):
        ended = call("adjust", "latest", "--cancel", more, "--runs-dir", tmp_path)
        assert ended.code == 2 and "leave the rest out" in ended.err
