"""The network written once more, plainly, for the tests: in NumPy, or in whatever module is handed in
(autograd.numpy differentiates it). No flat vector, no buffers, no column of ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltrain.engine.architecture import Architecture
from dltrain.engine.regularizers import L1, L1L2, L2


def activate(xp: Any, kind: str, Z: Any) -> Any:
    if kind == "relu":
        return Z * (Z > 0)
    if kind == "leaky_relu":
        return Z * (Z > 0) + 0.01 * Z * (Z <= 0)
    if kind == "tanh":
        return xp.tanh(Z)
    return 1 / (1 + xp.exp(-Z)) if kind == "sigmoid" else Z


def logits(xp: Any, network: Architecture, params: dict[str, Any], X: Any, masks: dict[int, Any] | None = None) -> Any:
    """Z of the last layer, (m, n_y), in training mode. masks[l]: (m, n_l), 0 or 1/keep_prob."""
    masks = masks or {}
    A = X * masks[0] if 0 in masks else X
    for l, layer in enumerate(network.layers, start=1):
        Z = A @ params[f"W{l}"]
        if layer.batch_norm:
            mu = xp.mean(Z, axis=0)
            var = xp.mean((Z - mu) ** 2, axis=0)
            Z = params[f"gamma{l}"] * (Z - mu) / xp.sqrt(var + layer.batch_norm.epsilon) + params[f"beta{l}"]
        else:
            Z = Z + params[f"b{l}"]
        A = activate(xp, layer.activation, Z)
        A = A * masks[l] if l in masks else A
    last = len(network.layers) + 1
    return A @ params[f"W{last}"] + params[f"b{last}"]


def mean_loss(xp: Any, output: str, Z: Any, y: Any) -> Any:
    """(1/m) Σ L by the formulas of the notes."""
    m = len(y)
    if output == "softmax":
        T = xp.exp(Z)
        Yhat = T / xp.sum(T, axis=1, keepdims=True)
        return -xp.sum(xp.log(Yhat) * np.eye(Z.shape[1])[y]) / m
    if output == "sigmoid":
        yhat = 1 / (1 + xp.exp(-Z[:, 0]))
        return xp.sum(-y * xp.log(yhat) - (1 - y) * xp.log(1 - yhat)) / m
    return xp.sum(0.5 * (Z[:, 0] - y) ** 2) / m


def penalty(xp: Any, network: Architecture, params: dict[str, Any], m: int) -> Any:
    """λ/(2m) Σ ‖W‖² and λ/(2m) Σ |W| over the layers."""
    total = 0.0
    regularizers = [layer.regularizer for layer in network.layers] + [network.regularizer]
    for l, regularizer in enumerate(regularizers, start=1):
        w = [params[f"W{l}"]]
        if regularizer.include_bias and f"b{l}" in params:
            w.append(params[f"b{l}"])
        l1 = regularizer.lambd if isinstance(regularizer, L1) else 0.0
        l2 = regularizer.lambd if isinstance(regularizer, L2) else 0.0
        if isinstance(regularizer, L1L2):
            l1, l2 = regularizer.lambd_l1, regularizer.lambd_l2
        total = total + sum(l2 * xp.sum(p**2) + l1 * xp.sum(xp.abs(p)) for p in w) / (2 * m)
    return total


def unflatten(network: Architecture, theta: Any) -> dict[str, Any]:
    """The named parameters of a flat vector, by counting on one's fingers."""
    params, at = {}, 0
    sizes = network.sizes
    for l in range(1, len(sizes)):
        n_in, n_out = sizes[l - 1], sizes[l]
        params[f"W{l}"] = theta[at : at + n_in * n_out].reshape(n_in, n_out)
        at += n_in * n_out
        hidden_bn = l <= len(network.layers) and network.layers[l - 1].batch_norm
        for name in ("gamma", "beta") if hidden_bn else ("b",):
            params[f"{name}{l}"] = theta[at : at + n_out]
            at += n_out
    return params


def cost(
    xp: Any, network: Architecture, theta: Any, X: Any, y: Any, m: int, masks: dict[int, Any] | None = None
) -> Any:
    """J."""
    params = unflatten(network, theta)
    return mean_loss(xp, network.output, logits(xp, network, params, X, masks), y) + penalty(xp, network, params, m)
