"""A small network in plain NumPy, written apart from the engine, into whose gradient mistakes can be planted.

tanh 3-4, tanh with batch norm 4-4, tanh 4-4, then a sigmoid or a linear output; m = 11.
"""

from __future__ import annotations

import numpy as np

from dltrain.gradcheck import Details, Place

M, N_X, LAMBD = 11, 3, 2.0
SHAPES = {
    "W1": (N_X, 4),
    "b1": (4,),
    "W2": (4, 4),
    "gamma2": (4,),
    "beta2": (4,),
    "W3": (4, 5),
    "b3": (5,),
    "W4": (5, 2),
    "b4": (2,),
}
ROLES = {"W": "weight", "b": "bias", "g": "gamma"}


class Planted:
    """J = (1/m) Σ L + (λ/2m) Σ W² (or |W| for l1) with a gradient that may hold one mistake."""

    def __init__(self, mistake: str = "", penalty: str = "l2", details: bool = True, seed: int = 3) -> None:
        self.mistake, self.penalty, self.m = mistake, penalty, M
        draws = np.random.Generator(np.random.Philox(seed))
        self.X = draws.standard_normal((M, N_X)) + 0.5
        self.Y = (draws.random((M, 2)) > 0.5).astype(float)
        self.blocks, start = [], 0
        for name, shape in SHAPES.items():
            size = int(np.prod(shape))
            self.blocks.append((name, slice(start, start + size)))
            start += size
        self.theta = draws.standard_normal(start) * 0.7
        if details:
            self.details = Details(places=self._places(), known=True, quantities={"m": M})

    def _places(self) -> dict[str, Place]:
        places = {}
        for name, shape in SHAPES.items():
            role = "beta" if name.startswith("beta") else ROLES[name[0]]
            l2 = LAMBD / M if role == "weight" and self.penalty == "l2" else 0.0
            l1 = LAMBD / (2 * M) if role == "weight" and self.penalty == "l1" else 0.0
            places[name] = Place(layer=int(name[-1]), role=role, shape=shape, l2=l2, l1=l1)
        return places

    def _split(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        wheres = (where for _, where in self.blocks)
        return {name: theta[where].reshape(SHAPES[name]) for name, where in zip(SHAPES, wheres, strict=True)}

    def _forward(self, p: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        A1 = np.tanh(self.X @ p["W1"] + p["b1"])
        Z2 = A1 @ p["W2"]
        std = np.sqrt(Z2.var(axis=0) + 1e-5)
        N2 = (Z2 - Z2.mean(axis=0)) / std
        A2 = np.tanh(p["gamma2"] * N2 + p["beta2"])
        A3 = np.tanh(A2 @ p["W3"] + p["b3"])
        yhat = 1 / (1 + np.exp(-(A3 @ p["W4"] + p["b4"])))
        return {"A1": A1, "Z2": Z2, "std": std, "N2": N2, "A2": A2, "A3": A3, "yhat": yhat}

    def cost(self, theta: np.ndarray) -> float:
        p = self._split(theta)
        yhat = self._forward(p)["yhat"]
        J = -(self.Y * np.log(yhat) + (1 - self.Y) * np.log(1 - yhat)).sum() / M
        for name in ("W1", "W2", "W3", "W4"):
            term = {"l2": p[name] ** 2, "l1": np.abs(p[name]), "none": np.zeros(1)}[self.penalty]
            J += LAMBD / (2 * M) * term.sum()
        if self.mistake == "cost leaves out b3":
            f = self._forward({**p, "b3": np.zeros(5)})["yhat"]
            J += -(self.Y * np.log(f) + (1 - self.Y) * np.log(1 - f)).sum() / M
            J -= -(self.Y * np.log(yhat) + (1 - self.Y) * np.log(1 - yhat)).sum() / M
        return float(J)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        p, bad = self._split(theta), self.mistake
        f = self._forward(p)
        g: dict[str, np.ndarray] = {}
        dZ4 = f["yhat"] - self.Y
        if bad != "mean missing":
            dZ4 = dZ4 / M
        if bad == "mean twice":
            dZ4 = dZ4 / M
        if bad == "sign":
            dZ4 = -dZ4
        if bad == "twice":
            dZ4 = 2 * dZ4
        if bad == "factor 3.7":
            dZ4 = 3.7 * dZ4
        if bad == "loss":
            dZ4 = dZ4 * f["yhat"] * (1 - f["yhat"])
        g["W4"], g["b4"] = f["A3"].T @ dZ4, dZ4.sum(axis=0)
        dA3 = dZ4 @ p["W4"].T
        dZ3 = dA3 if bad == "activation 3" else dA3 * (1 - f["A3"] ** 2)
        g["W3"], g["b3"] = f["A2"].T @ dZ3, dZ3.sum(axis=0)
        dN = dZ3 @ p["W3"].T * (1 - f["A2"] ** 2)
        g["gamma2"] = (dN * (f["Z2"] if bad == "gamma" else f["N2"])).sum(axis=0)
        g["beta2"] = dN.sum(axis=0)
        dZ2 = dN * p["gamma2"]
        mean, covariance = dZ2.mean(axis=0), (dZ2 * f["N2"]).mean(axis=0)
        if bad != "batch norm mean":
            dZ2 = dZ2 - mean
        if bad != "batch norm variance":
            dZ2 = dZ2 - f["N2"] * covariance
        if bad != "batch norm scale":
            dZ2 = dZ2 / f["std"]
        g["W2"] = f["A1"].T @ dZ2
        dA1 = dZ2 @ (p["W2"] if bad == "dA without transpose" else p["W2"].T)
        dZ1 = dA1 * (1 - f["A1"] ** 2)
        g["W1"], g["b1"] = self.X.T @ dZ1, dZ1.sum(axis=0)
        self._spoil(g, dZ3, dZ1)
        self._regularize(g, p)
        if bad == "transposed W2":
            g["W2"] = g["W2"].T
        if bad == "nan":
            g["W3"][0, 0] = np.nan
        return np.concatenate([g[name].ravel() for name in SHAPES])

    def _spoil(self, g: dict[str, np.ndarray], dZ3: np.ndarray, dZ1: np.ndarray) -> None:
        bad = self.mistake
        if bad == "zero b3":
            g["b3"] = np.zeros(5)
        if bad == "zero gamma2":
            g["gamma2"] = np.zeros(4)
        if bad == "bias of one example":
            g["b3"] = dZ3[0]
        if bad == "bias over units":
            g["b3"] = np.full(5, dZ3.sum())
        if bad == "bias is m times":
            g["b1"] = dZ1.sum(axis=0) * M
        if bad == "transposed data part of W2":
            g["W2"] = g["W2"].T.copy()
        if bad == "layout of W3":
            g["W3"] = g["W3"].T.reshape(4, 5).copy()
        if bad == "input of W3":
            g["W3"] = np.roll(self.X, 1)[:, [0, 1, 2, 0]].T @ dZ3
        if bad == "units of W3":
            g["W3"] = g["W3"] * np.array([1.5, 0.7, -1.0, 2.0, 0.4])
        if bad == "one entry of W3":
            g["W3"][2, 1] += 0.1

    def _regularize(self, g: dict[str, np.ndarray], p: dict[str, np.ndarray]) -> None:
        strength = LAMBD / M
        for name in ("W1", "W2", "W3", "W4"):
            share = 1.0
            if self.mistake == f"regularization of {name} missing":
                share = 0.0
            if self.mistake == f"regularization of {name} doubled":
                share = 2.0
            if self.mistake == "regularization not divided by m":
                share = float(M)
            if self.penalty == "l2":
                g[name] = g[name] + share * strength * p[name]
            elif self.penalty == "l1":
                g[name] = g[name] + share * strength / 2 * np.sign(p[name])
        if self.mistake == "regularization on b4":
            g["b4"] = g["b4"] + strength * p["b4"]
