"""Healthy trainings and planted illnesses: what the findings about health are measured on.

Each is a config by name; an illness has the findings of which one at least has to be made.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dltrain.engine.arrays import Floats

CONFIGS = Path(__file__).parents[2] / "configs"
ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "linear")
OPTIMIZERS = {
    "gradient_descent": 0.1,
    "momentum": 0.1,
    "nesterov": 0.1,
    "rmsprop": 0.001,
    "adam": 0.003,
    "adamw": 0.001,
}
DIGITS = "data: {source: digits, target: label}\n"
CANCER = "data: {source: breast_cancer, target: diagnosis}\n"


def tables(folder: Path) -> dict[str, str]:
    """The data section of each generated table, written into the folder."""
    draw = np.random.Generator(np.random.Philox(5))
    X = draw.uniform(-1, 1, (800, 2))
    made = {"xor": (X, (X[:, 0] * X[:, 1] > 0).astype(int), "binary")}
    X = draw.normal(size=(1000, 5))
    made["curve"] = (X, X @ [1, -2, 0.5, 0, 1] + np.sin(2 * X[:, 0]) + 0.3 * draw.normal(size=1000), "regression")
    X = draw.normal(size=(1000, 5))
    made["noisy"] = (X, X @ [1, -1, 0.5, 0, 0] + 3 * draw.normal(size=1000), "regression")
    X = draw.normal(size=(2000, 6))
    p = 1 / (1 + np.exp(-(X @ [1.5, -1, 1, 0, 0, 0.5])))
    made["classes"] = (X, (draw.uniform(size=2000) < p).astype(int), "binary")
    return {name: _written(folder / f"{name}.csv", *table) for name, table in made.items()}


def _written(path: Path, X: Floats, y: Floats, task: str) -> str:
    head = ",".join([*(f"x{i}" for i in range(X.shape[1])), "y"])
    lines = (",".join(f"{value:.6g}" for value in (*row, target)) for row, target in zip(X, y, strict=True))
    path.write_text("\n".join([head, *lines]) + "\n")
    return f"data: {{source: {path}, target: y, task: {task}}}\n"


def healthy(data: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(name, config) of trainings with nothing wrong that a warning should tell."""
    for kind in ACTIVATIONS:
        yield from _of_activation(kind, data)
    for kind, rate in OPTIMIZERS.items():
        optimizer = f"optimizer: {{kind: {kind}, learning_rate: {rate}}}\n"
        faster = optimizer.replace("0.001", "0.01")
        one = "architecture: {layers: [32]}\n"
        yield f"digits {kind}", f"{DIGITS}{optimizer}training: {{epochs: 40}}\n"
        small = "architecture: {layers: [16]}\n"
        yield f"cancer {kind}", f"{CANCER}{small}{optimizer}training: {{epochs: 60, batch_size: 32}}\n"
        yield f"curve {kind}", f"{data['curve']}{one}{optimizer}training: {{epochs: 80}}\n"
        yield f"xor {kind}", f"{data['xor']}{one}{faster}training: {{epochs: 200}}\n"
    for name, section in SETTINGS.items():
        yield f"digits {name}", DIGITS + section
    minmax = DIGITS.replace("}", ", normalize: minmax}")
    yield "digits minmax", f"{minmax}training: {{epochs: 60}}\n"
    linear = "architecture: {layers: []}\noptimizer: {kind: adam, learning_rate: 0.01}\ntraining: {epochs: 60}\n"
    yield from (("softmax regression", DIGITS + linear), ("logistic regression", CANCER + linear))
    yield "linear regression", data["noisy"] + linear
    for name in ("breast_cancer", "digits", "regime_low_bias_low_variance"):
        yield name, (CONFIGS / f"{name}.yaml").read_text()


def _of_activation(kind: str, data: dict[str, str]) -> Iterator[tuple[str, str]]:
    norm = "true" if kind == "sigmoid" else "false"
    deep = f"architecture: {{layers: [48, 48, 48, 48], activation: {kind}, batch_norm: {norm}}}\n"
    adam = "optimizer: {kind: adam, learning_rate: 0.003}\n"
    yield f"digits {kind}", f"{DIGITS}{_layers('64, 32', kind)}training: {{epochs: 40}}\n"
    yield f"digits deep {kind}", f"{DIGITS}{deep}training: {{epochs: 40}}\n"
    yield f"cancer {kind}", f"{CANCER}{_layers('16', kind)}training: {{epochs: 60, batch_size: 32}}\n"
    if kind != "linear":
        faster = "optimizer: {kind: adam, learning_rate: 0.01}\n"
        yield f"xor {kind}", f"{data['xor']}{_layers('32, 16', kind)}{faster}training: {{epochs: 150}}\n"
    yield f"curve {kind}", f"{data['curve']}{_layers('32', kind)}{adam}training: {{epochs: 80}}\n"
    yield f"noisy {kind}", f"{data['noisy']}{_layers('4', kind)}{adam}training: {{epochs: 80}}\n"
    yield f"classes {kind}", f"{data['classes']}{_layers('4', kind)}{adam}training: {{epochs: 60}}\n"


def _layers(units: str, activation: str) -> str:
    return f"architecture: {{layers: [{units}], activation: {activation}}}\n"


SETTINGS = {
    **{
        f"initializer {kind}": f"architecture: {{layers: [64, 32], initializer: {kind}}}\ntraining: {{epochs: 40}}\n"
        for kind in ("he", "xavier", "glorot", "random")
    },
    **{
        f"schedule {kind}": f"schedule: {schedule}\ntraining: {{epochs: 40}}\n"
        for kind, schedule in {
            "cosine": "cosine",
            "exponential": "{kind: exponential, decay: 0.95}",
            "inverse_time": "{kind: inverse_time, decay_rate: 0.1}",
            "warmup": "{kind: constant, warmup: 5}",
        }.items()
    },
    "full batch": "training: {epochs: 300, batch_size: full}\n",
    "l2": "regularizer: {kind: l2, lambd: 0.064}\ntraining: {epochs: 60}\n",
    "l1": "regularizer: {kind: l1, lambd: 0.02}\ntraining: {epochs: 60}\n",
    "average": "training: {epochs: 40, parameter_average: 0.99}\n",
    "float64": "training: {epochs: 40, dtype: float64}\n",
    "batch norm": "architecture: {layers: [64, 32], batch_norm: true}\ntraining: {epochs: 40}\n",
    "early stopping": "training: {epochs: 200, early_stopping: {patience: 10}}\n",
}


HIGH_RATE = ("dead-units", "saturated-units", "oscillating-cost")


def ill(data: dict[str, str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(name, config, findings of which one has to be made) of trainings with something wrong."""
    for name, (section, config, wanted) in ILL.items():
        yield name, {"digits": DIGITS, "cancer": CANCER, **data}[section] + config, wanted
    for source, kind in ((CANCER, "relu"), (CANCER, "sigmoid"), (DIGITS, "relu")):
        name = "digits" if source == DIGITS else "cancer"
        unscaled = source.replace("}", ", normalize: none}")
        config = f"architecture: {{layers: [16], activation: {kind}}}\ntraining: {{epochs: 40}}\n"
        yield f"unscaled {name} {kind}", unscaled + config, ("unscaled-inputs",)


ILL: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "sigmoid 20 layers sd 0.01": (
        "digits",
        "architecture: {layers: {count: 20, units: 16}, activation: sigmoid, initializer: random}\n"
        "training: {epochs: 20}\n",
        ("vanishing-gradients",),
    ),
    "tanh 20 layers sd 0.01": (
        "digits",
        "architecture: {layers: {count: 20, units: 16}, activation: tanh, initializer: random}\n"
        "optimizer: {kind: gradient_descent, learning_rate: 0.1}\n"
        "training: {epochs: 20}\n",
        ("vanishing-gradients",),
    ),
    "relu 10 layers too large": (
        "digits",
        "architecture: {layers: {count: 10, units: 32}, initializer: {kind: he, scale: 8}}\ntraining: {epochs: 20}\n",
        ("exploding-gradients",),
    ),
    "linear 12 layers too large": (
        "digits",
        "architecture: {layers: {count: 12, units: 32}, activation: linear, initializer: {kind: he, scale: 8}}\n"
        "optimizer: {kind: gradient_descent, learning_rate: 0.01, clip_norm: 1}\n"
        "training: {epochs: 20}\n",
        ("exploding-gradients",),
    ),
    "rate too high gd": (
        "digits",
        "optimizer: {kind: gradient_descent, learning_rate: 2}\ntraining: {epochs: 30}\n",
        HIGH_RATE,
    ),
    "rate too high adam": (
        "digits",
        "optimizer: {kind: adam, learning_rate: 0.3}\ntraining: {epochs: 30}\n",
        HIGH_RATE,
    ),
    "rate too high adam .1": (
        "digits",
        "optimizer: {kind: adam, learning_rate: 0.1}\ntraining: {epochs: 30}\n",
        HIGH_RATE,
    ),
    "rate high adam .03": (
        "digits",
        "optimizer: {kind: adam, learning_rate: 0.03}\ntraining: {epochs: 60}\n",
        HIGH_RATE,
    ),
    "rate high momentum tanh": (
        "digits",
        "architecture: {layers: [64,32], activation: tanh}\n"
        "optimizer: {kind: momentum, learning_rate: 10}\n"
        "training: {epochs: 30}\n",
        HIGH_RATE,
    ),
    "rate high adam tanh": (
        "digits",
        "architecture: {layers: [64,32], activation: tanh}\n"
        "optimizer: {kind: adam, learning_rate: 0.3}\n"
        "training: {epochs: 30}\n",
        HIGH_RATE,
    ),
    "rate high regression": (
        "curve",
        "architecture: {layers: [32]}\noptimizer: {kind: adam, learning_rate: 3}\ntraining: {epochs: 60}\n",
        HIGH_RATE,
    ),
    "rate too low": (
        "digits",
        "optimizer: {kind: adam, learning_rate: 0.000001}\ntraining: {epochs: 20}\n",
        ("tiny-updates",),
    ),
    "rate low gd": (
        "digits",
        "optimizer: {kind: gradient_descent, learning_rate: 0.0001}\ntraining: {epochs: 20}\n",
        ("tiny-updates",),
    ),
    "zeros relu": (
        "digits",
        "architecture: {layers: [64,32], initializer: zeros}\ntraining: {epochs: 20}\n",
        ("symmetric-units",),
    ),
    "zeros tanh": (
        "digits",
        "architecture: {layers: [64], activation: tanh, initializer: zeros}\ntraining: {epochs: 20}\n",
        ("symmetric-units",),
    ),
    "zeros sigmoid": (
        "digits",
        "architecture: {layers: [64], activation: sigmoid, initializer: zeros}\ntraining: {epochs: 20}\n",
        ("symmetric-units",),
    ),
    "dropout low variance": (
        "digits",
        "split: {train: 0.5, dev: 0.5, test: 0}\n"
        "architecture: {layers: [8], keep_prob: 0.5}\n"
        "training: {epochs: 30}\n"
        "diagnosis: {threshold: 0.05, bayes_error: 0}\n",
        ("dropout-without-variance",),
    ),
    "dropout noisy": (
        "classes",
        "architecture: {layers: [16], keep_prob: 0.5}\ntraining: {epochs: 60}\ndiagnosis: {threshold: 0.08}\n",
        ("dropout-without-variance",),
    ),
    "too few epochs": (
        "digits",
        "training: {epochs: 3}\n",
        ("still-falling",),
    ),
    "too few epochs gd": (
        "digits",
        "optimizer: {kind: gradient_descent, learning_rate: 0.01}\ntraining: {epochs: 10}\n",
        ("still-falling",),
    ),
    "too few epochs reg": (
        "curve",
        "architecture: {layers: [32]}\n"
        "optimizer: {kind: gradient_descent, learning_rate: 0.001}\n"
        "training: {epochs: 30}\n",
        ("still-falling",),
    ),
    "huge lambd": (
        "digits",
        "regularizer: {kind: l2, lambd: 100}\ntraining: {epochs: 30}\n",
        ("over-regularized",),
    ),
    "large lambd": (
        "digits",
        "regularizer: {kind: l2, lambd: 10}\ntraining: {epochs: 30}\n",
        ("over-regularized",),
    ),
    "huge lambd reg": (
        "curve",
        "architecture: {layers: [32]}\nregularizer: {kind: l2, lambd: 100}\ntraining: {epochs: 30}\n",
        ("over-regularized",),
    ),
    "huge l1": (
        "cancer",
        "architecture: {layers: [16]}\nregularizer: {kind: l1, lambd: 30}\ntraining: {epochs: 30}\n",
        ("over-regularized",),
    ),
    "overfit reg": (
        "noisy",
        "split: {train: 100, dev: rest, test: 0}\n"
        "architecture: {layers: [64,64]}\n"
        "optimizer: {kind: adam, learning_rate: 0.003}\n"
        "training: {epochs: 200}\n",
        ("overfitting",),
    ),
    "overfit noisy classes": (
        "classes",
        "split: {train: 200, dev: rest, test: 0}\n"
        "architecture: {layers: [64,64]}\n"
        "optimizer: {kind: adam, learning_rate: 0.003}\n"
        "training: {epochs: 200}\n",
        ("overfitting",),
    ),
    "overfit cancer": (
        "cancer",
        "split: {train: 100, dev: rest, test: 0}\n"
        "architecture: {layers: [128,64]}\n"
        "optimizer: {kind: adam, learning_rate: 0.01}\n"
        "training: {epochs: 300}\n",
        ("overconfident",),
    ),
    "plateau xor gd": (
        "xor",
        "architecture: {layers: [8,8], activation: tanh, initializer: random}\n"
        "optimizer: {kind: gradient_descent, learning_rate: 0.05}\n"
        "training: {epochs: 300}\n",
        ("plateau",),
    ),
    "bad start": (
        "digits",
        "architecture: {layers: [64,32], initializer: {kind: he, scale: 50}}\ntraining: {epochs: 30}\n",
        ("initial-loss",),
    ),
    "linear on xor": (
        "xor",
        "architecture: {layers: []}\ntraining: {epochs: 60}\n",
        ("plateau", "cost-not-falling"),
    ),
    "dead start": (
        "digits",
        "architecture: {layers: [64,32]}\n"
        "optimizer: {kind: gradient_descent, learning_rate: 5}\n"
        "training: {epochs: 30}\n",
        HIGH_RATE,
    ),
}
