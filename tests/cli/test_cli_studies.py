"""Studies as a user meets them: `train --seeds`, folds, `learning-curve`, and what lists, finds and draws them."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from cli_calling import Called, call, trees

FAST = ("training.epochs=2", "--workers", "2")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`runs` with the studies seeds (2 seeds), folds (3) and curve; tests only read it."""
    folder = tmp_path_factory.mktemp("studies")
    config, runs = trees(folder), ("--runs-dir", folder / "runs")
    for number, words in enumerate(
        (
            ("train", config, *FAST, "--seeds", 2, "--run-id", "seeds"),
            ("train", config, *FAST, "split.folds=3", "--run-id", "folds"),
            ("learning-curve", config, *FAST, "--sizes", "10,50%,100%", "--seeds", 2, "--run-id", "curve"),
        )
    ):
        called = call(*words, *runs)
        assert called.code == 0, called.err
        assert called.last == str(folder / "runs" / ("seeds", "folds", "curve")[number])
    return folder


def of(place: Path, *words: object) -> Called:
    return call(*words, "--runs-dir", place / "runs")


def rows(study: Path) -> list[dict[str, str]]:
    with (study / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_seeds_are_runs_that_differ_in_the_seed_alone(place: Path) -> None:
    study = place / "runs" / "seeds"
    found = rows(study)
    assert [(row["trial"], row["state"], row["seed"]) for row in found] == [
        ("0", "finished", "1"),
        ("1", "finished", "2"),
    ]
    for row in found:
        trial = study / "trials" / row["trial"]
        diagnosis = json.loads((trial / "diagnosis.json").read_text())
        assert float(row["objective"]) == diagnosis["errors"]["dev"]["value"]
        assert (float(row["low"]), float(row["high"])) == (
            diagnosis["errors"]["dev"]["low"],
            diagnosis["errors"]["dev"]["high"],
        )
        assert json.loads((trial / "run.json").read_text())["threads"] == 1
    assert (study / "report.html").is_file() and not (study / "run.json").exists()


def test_a_trial_is_the_run_that_the_same_seed_gives(place: Path, tmp_path: Path) -> None:
    call("train", place / "trees.yaml", "training.epochs=2", "seed=2", "-q", "--run-id", "alone")
    for name in ("metrics.jsonl", "model.safetensors", "predictions.npz", "diagnosis.json"):
        assert (tmp_path / "runs/alone" / name).read_bytes() == (place / "runs/seeds/trials/1" / name).read_bytes(), (
            name
        )


def summary(place: Path, name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((place / "runs" / name / "study.json").read_text())
    return {**record, **record["summary"]}


def test_the_mean_over_seeds_is_of_training_randomness_only(place: Path) -> None:
    from scipy import stats

    entry = summary(place, "seeds")["errors"]["dev"]
    values = [float(row["objective"]) for row in rows(place / "runs/seeds")]
    mean = sum(values) / 2
    low, high = stats.t.interval(0.95, 1, mean, stats.sem(values)) if values[0] != values[1] else (mean, mean)
    assert entry["value"] == pytest.approx(mean) and entry["of"] == "training randomness only"
    assert (entry["low"], entry["high"]) == (pytest.approx(max(0, low)), pytest.approx(min(1, high)))


def test_folds_are_pooled_over_every_row_that_is_not_test(place: Path) -> None:
    import numpy as np

    entry = summary(place, "folds")["errors"]["dev"]
    found = [np.load(place / f"runs/folds/trials/{fold}/predictions.npz") for fold in range(3)]
    seen = np.concatenate([arrays["rows"] for arrays in found])
    errors = np.concatenate([arrays["errors"] for arrays in found])
    assert len(set(seen.tolist())) == len(seen) == entry["n"] == 48, "60 rows, 12 of them test"
    assert entry["value"] == pytest.approx(errors.mean())
    assert (entry["of"], entry["interval"]) == ("pooled", "wilson")
    assert [row["split.fold"] for row in rows(place / "runs/folds")] == ["0", "1", "2"]


def test_a_learning_curve_trains_every_size_for_the_same_steps(place: Path) -> None:
    study = place / "runs/curve"
    found = rows(study)
    assert [(row["data.train_limit"], row["seed"]) for row in found] == [
        (size, seed) for size in ("36", "18", "10") for seed in ("1", "2")
    ]
    records = [json.loads((study / "trials" / row["trial"] / "run.json").read_text()) for row in found]
    assert {record["steps"] for record in records} == {6}, "2 epochs of 36 rows in batches of 16"
    curve = summary(place, "curve")
    assert [point["m"] for point in curve["points"]] == [10, 18, 36]
    assert max(entry["m"] for entry in curve["fit"]["band"]) == 4 * 36, "no further than four times the data"
    assert curve["twice"]["m"] == 72
    assert curve["twice"]["buys"]["low"] <= curve["twice"]["buys"]["value"] <= curve["twice"]["buys"]["high"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--sizes", "18,36", "--seeds", 2),
            "note: 2 sizes give points, but no fit of a curve: --sizes with 3 or more",
        ),
        (("--sizes", "36", "--seeds", 1), "note: 1 size gives a point, but no fit of a curve"),
        (("--sizes", "10,18,36", "--seeds", 1), "note: one seed gives no band around the curve"),
    ],
)
def test_what_a_curve_cannot_tell_is_said_before_it_is_trained(
    words: tuple[object, ...], said: str, tmp_path: Path
) -> None:
    called = call("learning-curve", trees(tmp_path), "training.epochs=1", *words, "--workers", 2)
    assert called.code == 0 and 0 <= called.err.find(said) < called.err.find("trial 0"), called.err


def test_the_same_command_again_is_a_quick_no_op(place: Path) -> None:
    study = place / "runs" / "seeds"
    before = {path: path.stat().st_mtime_ns for path in study.rglob("*")}
    called = of(place, "train", place / "trees.yaml", "training.epochs=2", "--seeds", 2, "--run-id", "seeds", "-q")
    assert (called.code, called.out) == (0, f"{study}\n")
    assert of(place, "resume", "seeds", "-q").out == called.out
    assert {path: path.stat().st_mtime_ns for path in study.rglob("*")} == before


def test_json_is_what_study_json_keeps(place: Path) -> None:
    found = of(place, "resume", "curve", "--json").json
    assert found["state"] == "finished" and found["study"]["kind"] == "learning_curve"
    assert found["twice"] == summary(place, "curve")["twice"] and found["schema_version"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--seeds", 3, "--run-id", "seeds"), "study seeds exists with other settings (stored -> asked for); choose"),
        (("--run-id", "seeds"), "run seeds exists and is a study; choose another --run-id"),
        (("--seeds", 2, "seed=5", "--run-id", "seeds"), "study seeds exists with other settings"),
        (("--seeds", 2, "optimizer.learning_rate=0.5", "--run-id", "seeds"), "optimizer: not given -> "),
    ],
)
def test_an_id_of_another_request_is_refused(words: tuple[object, ...], said: str, place: Path) -> None:
    called = of(place, "train", place / "trees.yaml", "training.epochs=2", *words)
    assert called.code == 73 and said in called.err, called.err


def test_a_run_is_no_study(tmp_path: Path) -> None:
    config = trees(tmp_path)
    call("train", config, "-q", "--run-id", "alone")
    called = call("train", config, "--seeds", 2, "--run-id", "alone")
    assert called.code == 73
    assert called.errors == ["error: run alone exists and is a single run; choose another --run-id"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "--seeds", 2, "split.folds=3"), "--seeds does not go with split.folds"),
        (("learning-curve", "--sizes", "10,x"), "'x' is no size"),
        (("learning-curve", "--sizes", "1,200%"), "there are 36 training examples"),
        (("learning-curve", "split.folds=3"), "split.folds: a learning curve is measured on one dev part"),
        (("train", "--seeds", 2, "training.batch_size=99"), "training.batch_size"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    words: tuple[object, ...], said: str, tmp_path: Path
) -> None:
    called = call(words[0], trees(tmp_path), *words[1:])
    assert called.code == 2 and said in called.err, called.err
    assert not (tmp_path / "runs").exists()


def test_lists_count_a_study_as_one(place: Path) -> None:
    listed = {row["id"]: row for row in of(place, "runs", "--json").json["runs"]}
    assert set(listed) == {"seeds", "folds", "curve"}
    assert listed["folds"]["dev"] == summary(place, "folds")["errors"]["dev"]["value"]
    assert listed["folds"]["headline"] == summary(place, "folds")["headline"] and "bias" in listed["folds"]["headline"]
    assert of(place, "runs", "latest").out.startswith("curve\n")
    shown = of(place, "runs", "seeds")
    assert "training randomness only" in shown.out and "seed=2" in shown.out
    assert of(place, "runs", "seeds", "--json").json["record"]["study"]["seeds"] == 2


def test_a_trial_is_a_run_everywhere(place: Path) -> None:
    for name in ("seeds/1", "see/1", place / "runs/seeds/1", place / "runs/seeds/trials/1"):
        assert of(place, "runs", name, "--json").json["run"].endswith("seeds/trials/1"), name
    assert of(place, "diagnose", "seeds/1").code == 0
    assert of(place, "predict", "seeds/1", place / "trees.csv").out.startswith("id,prediction\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("diagnose", "curve"),
            "study curve is a study of another kind (learning_curve): its runs have tables of their",
        ),
        (("evaluate", "latest"), "is a study, not a single run; type curve/"),
        (("predict", "latest", "x.csv"), "is a study, not a single run; type curve/"),
        (("recipe", "seeds"), "is a study, not a single run; type seeds/"),
        (("runs", "seeds/7"), "study seeds has no trial 7; it has 0 to 1"),
        (("runs", "sedes"), "did you mean seeds?"),
        (("report", "seeds", "folds"), "is a study, which has a page of its own; draw it alone"),
    ],
)
def test_what_is_no_single_run_is_said(words: tuple[str, ...], said: str, place: Path) -> None:
    called = of(place, *words)
    assert called.code == 2 and said in called.err, called.err


def test_what_to_type_in_place_of_a_study_is_its_best_run(place: Path) -> None:
    errors = [float(row["objective"]) for row in rows(place / "runs/folds")]
    best = errors.index(min(errors))
    assert (
        of(place, "evaluate", "folds")
        .err.rstrip()
        .endswith(f"type folds/{best}, its best (dev error {min(errors):.4g})")
    )
    elsewhere = call("evaluate", place / "runs/folds")
    assert f"type {place / 'runs/folds'}/{best}, its best" in elsewhere.err


@pytest.mark.parametrize("name", ["seeds", "folds"])
def test_a_study_of_seeds_or_folds_has_the_table_of_a_run(name: str, place: Path) -> None:
    found = of(place, "diagnose", name, "--json").json
    kept = summary(place, name)
    assert found["run"].endswith(name) and found["study"]["kind"] == name
    assert {key: found[key] for key in ("errors", "gaps", "verdict", "headline", "baselines", "advice")} == {
        key: kept[key] for key in ("errors", "gaps", "verdict", "headline", "baselines", "advice")
    }
    gap = found["gaps"]["variance"]
    assert gap["value"] == pytest.approx(found["errors"]["dev"]["value"] - found["errors"]["train"]["value"])
    assert gap["low"] < gap["value"] < gap["high"] and gap["verdict"] == found["verdict"]["variance"]
    shown = of(place, "diagnose", name)
    assert f"verdict: {found['headline']}" in shown.out and "majority class" in shown.out
    assert {"seeds": "training randomness only", "folds": "pooled"}[name] in shown.out
    assert f"verdict: {found['headline']}" in of(place, "resume", name).out
    page = (place / "runs" / name / "report.html").read_text()
    assert found["headline"][1:] in page and "avoidable bias" in page
    stated = of(place, "diagnose", name, "--bayes-error", "99%", "--json").json
    assert stated["verdict"]["bias"] == "low" and stated["errors"]["bayes"]["source"] == "stated"


def test_the_commands_of_a_studys_table_keep_its_seeds(place: Path) -> None:
    shown = of(place, "diagnose", "seeds").out
    lines = [line.strip() for line in shown.splitlines() if line.strip().startswith("dltrain train ")]
    assert lines and all("seeds/config.resolved.yaml --seeds 2 " in line for line in lines)


def test_a_study_fails_on_its_verdict_and_stands_beside_runs(place: Path) -> None:
    verdict = summary(place, "folds")["verdict"]
    finding = "high-bias" if verdict["bias"] == "high" else "undetermined"
    code = 4 if "high" in verdict.values() or "undetermined" in verdict.values() else 0
    assert of(place, "diagnose", "folds", "--fail-on", f"{finding},high-variance").code == code
    both = of(place, "diagnose", "folds", "seeds/0", "--json").json["runs"]
    assert [Path(one["run"]).name for one in both] == ["folds", "0"]


def test_a_look_at_a_trials_test_part_counts_in_the_runs_folder(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "runs/seeds", tmp_path / "runs/seeds")
    assert call("evaluate", "seeds/0").code == 0
    looks = (tmp_path / "runs/looks.jsonl").read_text().splitlines()
    assert [json.loads(look)["run"] for look in looks] == ["seeds/0"]
    assert not (tmp_path / "runs/seeds/trials/looks.jsonl").exists()


def test_a_page_shows_a_study_as_one(place: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert of(place, "report", "curve", "-o", page).code == 0
    text = page.read_text()
    assert "Errors by training examples" in text and "train_limit=18" in text
    assert "http://" not in text.replace("http://www.w3.org", "") and "https://" not in re.sub(r"/\*.*?\*/", "", text)
    assert text == (place / "runs/curve/report.html").read_text()


def test_an_interrupted_study_goes_on(place: Path, tmp_path: Path) -> None:
    """As if its coordinator had been killed: a trial is missing, one half trained, and study.json says running."""
    shutil.copytree(place / "runs", tmp_path / "runs")
    study = tmp_path / "runs" / "folds"
    expected = (study / "results.csv").read_bytes()
    shutil.rmtree(study / "trials/1")
    (study / "results.csv").unlink()
    record = json.loads((study / "study.json").read_text())
    (study / "study.json").write_text(json.dumps({**record, "state": "running", "summary": None}))
    assert call("runs", "folds", "--json").json["record"]["state"] == "interrupted"
    called = call("resume", "folds", "--workers", 1)
    assert called.code == 0, called.err
    assert "3 trials, 2 over already, 1 at once" in called.err
    assert (study / "results.csv").read_bytes() == expected


def test_data_that_changed_are_refused(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "runs/seeds", tmp_path / "runs/seeds")
    study = tmp_path / "runs/seeds/study.json"
    record = json.loads(study.read_text())
    record["given"]["data"]["sha256"] = "0" * 64
    record["given"]["data"]["files"][0]["bytes"] += 1
    study.write_text(json.dumps({**record, "state": "interrupted"}))
    called = call("resume", "seeds")
    assert called.code == 73 and "the data are not those it was started on" in called.err


def test_all_trials_that_diverge_leave_with_3(tmp_path: Path) -> None:
    huge = "optimizer={kind: gradient_descent, learning_rate: 1e12}"
    called = call("train", trees(tmp_path), *FAST, huge, "--seeds", 2, "--run-id", "study")
    assert called.code == 3 and "every trial diverged" in called.err
    assert [row["objective"] for row in rows(tmp_path / "runs/study")] == ["inf", "inf"]
    assert call("resume", "study", "-q").code == 3
