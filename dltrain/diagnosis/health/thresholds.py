"""Where health ends: each threshold lies between what healthy trainings reach and what planted illnesses do.

Measured by benchmarks/health.py on 81 healthy trainings (every activation, optimizer, initializer and schedule on
digits, breast cancer, XOR and regressions) and 38 ill ones; behind each threshold stand the worst healthy value
and the mildest ill one. Losses are in units of chance, the loss of the best constant prediction.
"""

from __future__ import annotations

DEAD = 0.4
"""Share of a layer's ReLU units that are 0 for every example: healthy to 0.25, ill from 0.44."""
SATURATED = 0.85
"""Share of tanh or sigmoid values within 1 % of the ends of their range: healthy to 0.70, ill from 0.96."""
TWINS = 0.5
"""Share of units that equal another: healthy 0, ill 1."""
VANISHING = 0.01
"""Gradient norm of a layer over that of the output layer: healthy from 0.048, ill to 0.0032."""
EXPLODING = 5.0
"""Gradient norm of a layer over √n_in times its weights' norm, before the first step: healthy to 0.7, ill from 34."""
TINY_UPDATE = 7e-5
"""Median ‖Δθ‖/‖θ‖ of the layer that moves most: healthy from 1.7e-4 (while the network still errs), ill to 3.2e-5."""
LARGE_UPDATE = 0.1
"""Median ‖Δθ‖/‖θ‖ of a layer: healthy to 0.036."""
INITIAL_LOSS = 3.5
"""Loss before the first step over chance: healthy to 2.5, ill from 5.1."""
INPUT_RMS = 5.0
"""√(mean x²) of the largest input: healthy to 1.4, ill from 13."""
AT_CHANCE = 0.97
"""Loss at the end over chance: healthy to 0.78, ill from 0.99."""
NO_FALL = 0.02
"""A cost that fell by less than this share of chance since before the first step has not fallen."""
HALF_WAY = 0.5
"""Below this share of chance much was learned, however little is left to fall."""
RISING = 0.007
"""Mean rise of the training loss an epoch, after the first fifth of them: healthy to 0.0035, ill from 0.011."""
RISES = 0.2
"""Share of the epochs in which it rises, beside RISING."""
STILL_FALLING = 0.03
"""Fall of the training loss over the last tenth of the epochs: healthy to 0.025, ill from 0.031."""
DEV_RISING = 1.05
"""Dev loss at the end over its least, both averaged over a tenth of the epochs: above it longer training does dev no
good."""
SLIGHTLY_FALLING = 0.01
"""The same for a note."""
PENALTY = 0.6
"""Share of the penalty in the first epoch's cost, where the network does not fit: healthy to 0.34, ill from 0.86."""
FLAT = 0.001
"""Change of the training loss in an epoch that counts as none."""
FLAT_GRADIENT = 0.5
"""A gradient's norm below this share of its largest is small."""
SMALL_GRADIENT = 0.15
"""Or below this by itself: a loss of the size of chance has a gradient near 1."""
SIGNIFICANT = 1.8
"""Standard errors (at most) by which the dev error rises before it is overfitting: healthy to 0.7, ill from 2.4."""
OVERCONFIDENT = 1.25
"""Dev loss at the end over its least, where the dev error did not rise: a note."""
