"""A network over one flat vector: forward and backward propagation, cost, and clean measurement.

Examples are rows: X (m, n_x), W (n_in, n_out), Z = A W + b. Layers count from 1; 0 is the input.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dltrain.engine import activations, losses
from dltrain.engine.architecture import Architecture, BatchNorm
from dltrain.engine.arrays import Bools, Floats, Table, Targets
from dltrain.engine.binding import bind, regularized
from dltrain.engine.layout import Layout
from dltrain.engine.streams import Masks, keep_words
from dltrain.engine.visiting import Visits
from dltrain.engine.weights import ClassWeights, loss_weights, mean_error
from dltrain.engine.workspace import Workspace, workspaces

CHUNK = 2**19
"""Numbers in the widest buffer of a clean pass: large parts go through in portions of a few hundred rows."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A part measured clean: dropout off, batch norm with its averages (contract: errors are measured clean)."""

    loss: float
    """Mean of L, without the regularizer; with weights Σ wL / Σ w, w the product of example and class weight."""
    error: float
    """Mean of `errors`; with example weights Σ we / Σ w. Class weights do not count."""
    errors: Floats
    """(m,), unweighted: 1 where the class is wrong, else 0; for regression (ŷ − y)², y in units of the training
    set's sd."""
    predicted: Targets
    """(m,): class numbers, or standardized values."""


class Network:
    """The functions of a network whose parameters are views of `theta`, its averages of `stats`.

    `g`, if given, is filled by `gradient`. `seed` is that of the dropout masks, which are a function of it,
    the step and the layer: for one step they are frozen.
    """

    def __init__(
        self, architecture: Architecture, theta: Floats, stats: Floats, g: Floats | None = None, seed: int = 0
    ) -> None:
        self.architecture = architecture
        self.layout: Layout = architecture.layout()
        self.theta, self.stats, self.g = theta, stats, g
        self._params = bind(self.layout, theta)
        self._grads = bind(self.layout, g) if g is not None else []
        self._stats_layout = architecture.stats_layout()
        self._averages = self._stats_layout.views(stats)
        self._batch_stats: dict[int, tuple[Floats, Floats]] = {}
        self._std: dict[int, Floats] = {}
        self._masks = Masks(seed)
        self.last_m = 0
        self._train_space = workspaces(architecture, theta.dtype, True)
        self._clean_space = workspaces(architecture, theta.dtype, False)
        self._regularized = regularized(architecture, self.layout)
        self._keep = [
            keep_words(k) for k in (architecture.input_keep_prob, *(layer.keep_prob for layer in architecture.layers))
        ]

    # ---- training mode

    def cost(
        self,
        X: Floats,
        y: Targets,
        nominal_m: int,
        step: int = 0,
        dropout: bool = True,
        weights: Floats | None = None,
    ) -> tuple[float, float]:
        """(J, penalty): J = (1/m) Σ L + penalty, in training mode; `nominal_m` is the m of λ/m.

        With `weights`: (m,) the first term is (1/m) Σ wL, m still the number of rows. Batch norm and dropout know
        nothing of weights.
        """
        ws = self.workspace(len(X))
        ws.X[...] = X
        return self._cost(ws, y, nominal_m, step, dropout, weights)

    def gradient(
        self,
        X: Floats,
        y: Targets,
        nominal_m: int,
        step: int = 0,
        dropout: bool = True,
        weights: Floats | None = None,
    ) -> tuple[float, float]:
        """(J, penalty) as `cost`, and g := the gradient of J."""
        ws = self.workspace(len(X))
        ws.X[...] = X
        return self.gradient_of(ws, y, nominal_m, step, dropout, weights)

    def workspace(self, m: int) -> Workspace:
        """The buffers for a batch of m examples; whoever fills its X may call `gradient_of`."""
        self.last_m = m
        return self._train_space(m)

    def yhat_of(self, ws: Workspace, step: int, dropout: bool) -> Floats:
        """ŷ: (C, m) of the batch that lies in ws.X, in training mode: batch norm by the batch, dropout by `step`."""
        self._forward(ws, step, dropout)
        losses.activate(self.architecture.output, ws.Z)
        return ws.Z

    def gradient_of(
        self,
        ws: Workspace,
        y: Targets,
        nominal_m: int,
        step: int,
        dropout: bool = True,
        weights: Floats | None = None,
    ) -> tuple[float, float]:
        """`gradient` of the batch that lies in ws.X."""
        J, penalty = self._cost(ws, y, nominal_m, step, dropout, weights)
        losses.gradient(self.architecture.output, ws.Z, y, weights)
        self._backward(ws, dropout)
        for where, regularizer in self._regularized:
            assert self.g is not None
            regularizer.add_gradient(self.theta[where], self.g[where], nominal_m)
        return J, penalty

    def _cost(
        self, ws: Workspace, y: Targets, nominal_m: int, step: int, dropout: bool, weights: Floats | None
    ) -> tuple[float, float]:
        self._forward(ws, step, dropout)
        loss = losses.losses(self.architecture.output, ws.Z, y)
        if weights is not None:
            loss *= weights
        penalty = sum(r.penalty(self.theta[where], nominal_m) for where, r in self._regularized)
        return float(loss.sum(dtype=np.float64)) / ws.m + penalty, penalty

    def _forward(self, ws: Workspace, step: int, dropout: bool) -> None:
        raw = ws.raw[0]
        raw[...] = ws.X
        self._drop(ws, 0, step, dropout)
        for l, layer in enumerate(self.architecture.layers, start=1):
            A_prev, A, raw = ws.A[l - 1], ws.A[l], ws.raw[l]
            if layer.batch_norm:
                np.matmul(A_prev[:, :-1], self._params[l - 1].W, out=ws.Z_norm[l])
                self._normalize_batch(layer.batch_norm, ws.Z_norm[l], l, raw)
            else:
                np.matmul(A_prev, self._params[l - 1].Wb, out=raw)
            if l in ws.mask:
                activations.apply(layer.activation, raw)
            else:
                activations.apply(layer.activation, A)  # the whole buffer is faster than its columns
                if layer.activation not in activations.KEEPS_ONE:
                    A[:, -1] = 1
            self._drop(ws, l, step, dropout)
        np.matmul(self._params[-1].Wb.T, ws.A[-1].T, out=ws.Z)

    def _drop(self, ws: Workspace, l: int, step: int, dropout: bool) -> None:
        """Inverted dropout: A = raw * mask / keep_prob, one mask an example, layer and step."""
        if l not in ws.mask:
            return
        if not dropout:
            ws.A[l][:, :-1] = ws.raw[l]
            return
        keep = self._keep[l]
        self._masks.draw(keep, step, l, out=ws.kept[l])
        np.multiply(ws.kept[l], ws.mask[l].dtype.type(65536 / keep), out=ws.mask[l])
        np.multiply(ws.raw[l], ws.mask[l], out=ws.A[l][:, :-1])

    def _normalize_batch(self, batch_norm: BatchNorm, Z: Floats, l: int, out: Floats) -> None:
        """Z := (Z − mu)/√(sigma² + ε), out := gamma Z + beta, over the batch (section 3.4 of the notes)."""
        mu = Z.mean(axis=0)
        Z -= mu
        var = np.einsum("ij,ij->j", Z, Z) / len(Z)
        std = np.sqrt(var + batch_norm.epsilon)
        Z /= std
        self._batch_stats[l], self._std[l] = (mu, var), std
        np.multiply(Z, self._params[l - 1].gamma, out=out)
        out += self._params[l - 1].beta

    def _backward(self, ws: Workspace, dropout: bool) -> None:
        dZ = ws.Z.T
        for l in range(len(self.architecture.layers), -1, -1):
            params, grads = self._params[l], self._grads[l]
            A = ws.A[l]
            if params.normalized:
                np.matmul(A[:, :-1].T, dZ, out=grads.W)
            else:
                np.matmul(A.T, dZ, out=grads.Wb)
            if l == 0:
                return
            dA = ws.dA(l, params.W.shape[0])
            np.matmul(dZ, params.W.T, out=dA)
            if dropout and l in ws.mask:
                dA *= ws.mask[l]
            activations.backpropagate(self.architecture.layers[l - 1].activation, ws.raw[l], dA)
            if l in ws.Z_norm:
                self._backpropagate_batch_norm(ws.Z_norm[l], l, dA)
            dZ = dA

    def _backpropagate_batch_norm(self, Z_norm: Floats, l: int, dZ: Floats) -> None:
        """dZ~ := dZ; dgamma = Σ dZ~ Z_norm, dbeta = Σ dZ~ (Ioffe and Szegedy 2015)."""
        params, grads = self._params[l - 1], self._grads[l - 1]
        np.einsum("ij,ij->j", dZ, Z_norm, out=grads.gamma)
        np.sum(dZ, axis=0, out=grads.beta)
        m = len(dZ)
        dZ -= grads.beta / m
        dZ -= Z_norm * (grads.gamma / m)
        dZ *= params.gamma / self._std[l]

    def unusable_batch(self) -> int | None:
        """The first layer whose variance in the last batch is not finite; its normalized values hide the overflow."""
        for l, (_, var) in self._batch_stats.items():
            if not math.isfinite(float(var.sum())):
                return l
        return None

    def update_averages(self) -> None:
        """Batch norm's averages take in the last batch: v := βv + (1 − β)x, and the same of 1 in `count`."""
        for l, (mu, var) in self._batch_stats.items():
            batch_norm = self.architecture.layers[l - 1].batch_norm
            assert batch_norm is not None
            for name, value in (("mu", mu), ("var", var), ("count", 1.0)):
                average = self._averages[f"{name}{l}"]
                average *= batch_norm.average
                average += (1 - batch_norm.average) * value

    def measure_averages(self, visits: Visits, m: int, batch_size: int) -> None:
        """Batch norm's averages := the means over the batches of m rows, as they are visited, under the present
        theta, dropout off. A short last batch is left out."""
        self.stats[...] = 0
        for start in range(0, m - m % batch_size or m, batch_size):
            stop = min(start + batch_size, m)
            ws = self.workspace(stop - start)
            visits.gather(start, stop, ws.X)
            self._forward(ws, 0, False)
            for l, (mu, var) in self._batch_stats.items():
                self._averages[f"mu{l}"] += mu
                self._averages[f"var{l}"] += var
                self._averages[f"count{l}"] += 1

    def active(self) -> list[Bools]:
        """Of the last training pass, for each layer with a kink at 0: (m, n_l), where its input was above 0."""
        ws = self._train_space(self.last_m)
        kinked = ("relu", "leaky_relu")
        return [ws.raw[l] > 0 for l, layer in enumerate(self.architecture.layers, 1) if layer.activation in kinked]

    # ---- clean mode

    def predict(self, X: Floats | Table) -> Floats:
        """ŷ: (m, n_y): probabilities, or standardized values; dropout off, batch norm with its averages."""
        out = np.empty((len(X), self.architecture.n_y), self.theta.dtype)
        for rows, ws in self._clean(X):
            losses.activate(self.architecture.output, ws.Z)
            out[rows] = ws.Z.T
        return out

    @np.errstate(over="ignore", invalid="ignore")  # a loss of inf or NaN is the caller's to judge
    def evaluate(
        self, X: Floats | Table, y: Targets, weights: Floats | None = None, class_weights: ClassWeights | None = None
    ) -> Measured:
        """Loss and error of a part, measured clean. `weights`: (m,) of the examples, `class_weights`: (C,)."""
        output = self.architecture.output
        factors = loss_weights(y, weights, class_weights)
        total = 0.0
        predicted = np.empty(len(X), self.theta.dtype if output == "linear" else np.int64)
        for rows, ws in self._clean(X):
            loss = losses.losses(output, ws.Z, y[rows])
            if factors is not None:
                loss = loss * factors[rows]
            total += float(loss.sum(dtype=np.float64))
            predicted[rows] = losses.decide(output, ws.Z)
        if output == "linear":
            errors = (predicted.astype(np.float64) - y) ** 2
        else:
            errors = (predicted != y).astype(np.float64)
        loss_mean = total / (len(X) if factors is None else float(factors.sum()) or 1.0)
        return Measured(loss_mean, mean_error(errors, weights), errors, predicted)

    def activations(self, X: Floats) -> list[Floats]:
        """A of each hidden layer for the rows X (a sample: all are held at once), measured clean."""
        ws = Workspace(self.architecture, len(X), self.theta.dtype, False)
        self._forward_clean(ws, X)
        return [A[:, :-1] for A in ws.A[1:]]

    def _clean(self, X: Floats | Table) -> Iterator[tuple[slice, Workspace]]:
        """The rows of X in portions, each with its logits in the workspace's Z: (C, rows)."""
        portion = max(64, CHUNK // max(self.architecture.sizes))
        for start in range(0, len(X), portion):
            rows = slice(start, min(start + portion, len(X)))
            ws = self._clean_space(rows.stop - start)
            self._forward_clean(ws, X[rows])
            yield rows, ws

    def _forward_clean(self, ws: Workspace, X: Floats) -> None:
        ws.A[0][:, :-1] = X
        for l, layer in enumerate(self.architecture.layers, start=1):
            A_prev, A, params = ws.A[l - 1], ws.A[l], self._params[l - 1]
            if layer.batch_norm:
                np.matmul(A_prev[:, :-1], params.W, out=A[:, :-1])
                scale, shift = self._at_test_time(layer.batch_norm, l)
                A[:, :-1] *= scale
                A[:, :-1] += shift
            else:
                np.matmul(A_prev, params.Wb, out=A[:, :-1])
            activations.apply(layer.activation, A)
            A[:, -1] = 1
        np.matmul(self._params[-1].Wb.T, ws.A[-1].T, out=ws.Z)

    def _at_test_time(self, batch_norm: BatchNorm, l: int) -> tuple[Floats, Floats]:
        """Scale and shift with which Z~ = Z scale + shift, from the bias-corrected averages (before any step:
        mean 0 and variance 1)."""
        count = self._averages[f"count{l}"]
        if count[0] == 0:
            mu, var = np.zeros_like(self._averages[f"mu{l}"]), np.ones_like(self._averages[f"var{l}"])
        else:
            mu, var = self._averages[f"mu{l}"] / count, self._averages[f"var{l}"] / count
        params = self._params[l - 1]
        scale = params.gamma / np.sqrt(var + batch_norm.epsilon)
        return scale, params.beta - mu * scale
