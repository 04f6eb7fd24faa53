"""Confusion, errors by class, calibration and mistakes, against scikit-learn, by hand and by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from dltrain.diagnosis.calibration import calibration
from dltrain.diagnosis.classes import confusion, per_class
from dltrain.diagnosis.intervals import wilson
from dltrain.diagnosis.metrics import Predictions, metrics_of

NAMES = ("ant", "bee", "cat")


def test_a_confusion_by_hand() -> None:
    y, predicted = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 0, 2])
    found = confusion(y, predicted, NAMES)
    assert found["counts"] == [[1, 1, 0], [0, 1, 0], [2, 0, 1]]
    assert found["pairs"] == [
        {"true": "cat", "predicted": "ant", "n": 2},
        {"true": "ant", "predicted": "bee", "n": 1},
    ]
    ant, bee, cat = per_class(y, predicted, NAMES, 0.95)
    assert ant["error"] == {"value": 0.5, "low": wilson(0.5, 2, 0.95).low, "high": wilson(0.5, 2, 0.95).high, "n": 2}
    assert (bee["error"]["value"], bee["precision"], bee["predicted"]) == (0.0, 0.5, 2)
    assert (cat["n"], cat["error"]["value"], cat["precision"]) == (3, 2 / 3, 1.0)


def test_classes_that_do_not_occur() -> None:
    found = per_class(np.array([0]), np.array([2]), NAMES, 0.95)
    assert found[1]["error"]["value"] is None and found[1]["precision"] is None
    assert found[2]["error"]["value"] is None and found[2]["precision"] == 0


def test_many_classes_have_pairs_and_no_matrix() -> None:
    names = [str(i) for i in range(101)]
    found = confusion(np.arange(101), (np.arange(101) + 1) % 101, names)
    assert found["counts"] is None and len(found["pairs"]) == 15


def test_matrix_and_recall_are_scikit_learn_s(rng: np.random.Generator) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    y, predicted = rng.integers(0, 3, 500), rng.integers(0, 3, 500)
    assert confusion(y, predicted, NAMES)["counts"] == sklearn.confusion_matrix(y, predicted).tolist()
    found = per_class(y, predicted, NAMES, 0.95)
    recall = sklearn.recall_score(y, predicted, average=None)
    precision = sklearn.precision_score(y, predicted, average=None)
    assert [1 - one["error"]["value"] for one in found] == pytest.approx(recall.tolist())
    assert [one["precision"] for one in found] == pytest.approx(precision.tolist())


# ---- calibration


def test_bins_are_scikit_learn_s_quantiles(rng: np.random.Generator) -> None:
    sklearn = pytest.importorskip("sklearn.calibration")
    p = rng.random(3000)
    hit = (rng.random(3000) < p**2).astype(float)
    found = calibration(p, hit, 0.95)
    share, said = sklearn.calibration_curve(hit, p, n_bins=15, strategy="quantile")
    assert [one["n"] for one in found["bins"]] == [200] * 15
    assert [one["p"] for one in found["bins"]] == pytest.approx(said.tolist(), abs=1e-3)
    assert [one["share"] for one in found["bins"]] == pytest.approx(share.tolist(), abs=6e-3)
    assert found["ece"] == pytest.approx(np.abs(share - said).mean(), abs=2e-3)
    first = found["bins"][0]
    assert (first["share_low"], first["share_high"]) == pytest.approx(wilson(first["share"], 200, 0.95))


def test_calibration_by_hand() -> None:
    """20 examples in two bins: 0.2 said and 1 of 10 true; 0.8 said and 8 of 10."""
    p = np.array([0.2] * 10 + [0.8] * 10)
    hit = np.array([1.0] + [0.0] * 9 + [1.0] * 8 + [0.0] * 2)
    found = calibration(p, hit, 0.95)
    assert found["ece"] == pytest.approx(0.5 * 0.1)
    assert [(one["n"], one["share"]) for one in found["bins"]] == [(10, 0.1), (10, 0.8)]
    assert found["if_calibrated"] == pytest.approx(2 * np.sqrt(2 / np.pi * 10 * 0.16) / 20)


def test_the_bias_of_ece_is_what_a_calibrated_network_shows(rng: np.random.Generator) -> None:
    """400 draws of labels from the very probabilities: the mean ECE is the one foretold, and not 0."""
    p = rng.beta(4, 1, size=600)
    drawn = [calibration(p, (rng.random(600) < p).astype(float), 0.95)["ece"] for _ in range(400)]
    foretold = calibration(p, np.ones(600), 0.95)["if_calibrated"]
    assert np.mean(drawn) == pytest.approx(foretold, rel=0.08) and foretold > 0.02


def test_equal_probabilities_stay_in_one_bin(rng: np.random.Generator) -> None:
    p = np.where(rng.random(400) < 0.7, 1.0, 0.9)
    found = calibration(p, np.ones(400), 0.95)
    assert [one["p"] for one in found["bins"]] == pytest.approx([0.9, 1.0])
    turned = rng.permutation(400)
    assert calibration(p[turned], np.ones(400), 0.95) == found
    assert calibration(np.array([0.7]), np.array([0.0]), 0.95)["ece"] == pytest.approx(0.7)


def test_weights_are_copies() -> None:
    p, hit = np.array([0.3, 0.6, 0.6, 0.9]), np.array([0.0, 1.0, 0.0, 1.0])
    times = np.array([1, 2, 3, 4])
    weighted = calibration(p, hit, 0.95, times.astype(float))
    assert weighted["ece"] == pytest.approx(calibration(np.repeat(p, times), np.repeat(hit, times), 0.95)["ece"])


# ---- all together


def test_the_surest_mistakes_come_first() -> None:
    yhat = np.array([[0.9, 0.1, 0], [0.2, 0.7, 0.1], [0.05, 0.95, 0], [0.1, 0.1, 0.8]])
    found = Predictions.of(np.array([1, 0, 0, 2]), yhat.argmax(axis=1), np.array([5, 7, 8, 9]), yhat, ids=list("abcd"))
    metrics = metrics_of(found, NAMES, 0.95)
    assert set(metrics) == {"confusion", "per_class", "calibration", "mistakes"}
    assert metrics["calibration"]["of"] == "the predicted class"
    assert [(one["row"], one["id"], one["true"], one["predicted"]) for one in metrics["mistakes"]] == [
        (8, "c", "ant", "bee"),
        (5, "a", "bee", "ant"),
        (7, "b", "ant", "bee"),
    ]
    assert metrics["mistakes"][0]["p_predicted"] == 0.95 and metrics["mistakes"][0]["p_true"] == 0.05


def test_two_classes_are_calibrated_by_the_second() -> None:
    yhat = np.array([[0.9, 0.1], [0.2, 0.8]])
    found = Predictions.of(np.array([0, 0]), np.array([0, 1]), np.array([0, 1]), yhat)
    only = metrics_of(found, ("no", "yes"), 0.95)["calibration"]
    assert only["of"] == "yes" and only["bins"][0]["p"] == pytest.approx(0.45) and only["bins"][0]["share"] == 0


def test_a_regression_s_mistakes_are_the_furthest_off() -> None:
    found = Predictions.of(np.array([1.0, 2, 3]), np.array([1.5, -8, 3]), np.array([4, 5, 6]), None)
    mistakes = metrics_of(found, (), 0.95)["mistakes"]
    assert mistakes[0] == {"row": 5, "true": 2.0, "predicted": -8.0, "off": -10.0}
    assert [one["row"] for one in mistakes] == [5, 4, 6]
