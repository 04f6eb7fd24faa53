"""The Plan: a config in which everything is settled, beside the facts of the data that settled it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from dltrain.config.records import DataFacts, DeclaredLayer, Experiment
from dltrain.engine.architecture import Architecture, BatchNorm, Layer, Program
from dltrain.engine.course import Course


@dataclass(frozen=True, slots=True)
class Plan:
    """Nothing in `experiment` is auto, rest or full; a null there means off. Made by `resolve`."""

    experiment: Experiment
    facts: DataFacts
    notes: tuple[str, ...] = field(default=(), compare=False)
    """Why each auto settled as it did, and advice. Not part of what the plan is."""

    @property
    def threads(self) -> int:
        """BLAS threads."""
        threads = self.experiment.training.threads
        assert isinstance(threads, int)
        return threads

    @property
    def batch_size(self) -> int:
        """Examples a step, the m of λ/m."""
        batch_size = self.experiment.training.batch_size
        assert isinstance(batch_size, int)
        return batch_size

    @property
    def n_y(self) -> int:
        """Units of the output layer: the number of classes for softmax, else 1."""
        return len(self.facts.classes) if self.experiment.architecture.output == "softmax" else 1

    def architecture(self) -> Architecture:
        """The network as the engine takes it."""
        declared = self.experiment.architecture
        assert declared.output != "auto" and declared.initializer != "auto"
        return Architecture(
            n_x=self.facts.n_x,
            layers=tuple(_layer(layer) for layer in declared.layers),
            output=declared.output,
            n_y=self.n_y,
            input_keep_prob=declared.input_keep_prob,
            initializer=declared.initializer,
            regularizer=self.experiment.regularizer,
        )

    def at(self, epoch: int) -> Plan:
        """The plan as its adjustments make it in an epoch, from 1; without adjustments of its own."""
        if not self.experiment.adjustments:
            return self
        from dltrain.config.adjusting import experiment_at

        return replace(self, experiment=experiment_at(self.experiment, epoch))

    def course(self) -> Course:
        """The programs of all epochs."""
        starts = sorted({1, *(adjustment.epoch for adjustment in self.experiment.adjustments)})
        return Course(tuple((start, self.at(start).program()) for start in starts))

    def program(self) -> Program:
        """All that the engine needs to know beside the data, in the first epoch."""
        experiment, training = self.experiment, self.experiment.training
        return Program(
            architecture=self.architecture(),
            optimizer=experiment.optimizer,
            schedule=experiment.schedule,
            batch_size=self.batch_size,
            epochs=training.epochs,
            steps=training.steps,
            early_stopping=training.early_stopping,
            parameter_average=training.parameter_average,
            dtype=training.dtype,
            seed=experiment.seed,
        )


def _layer(layer: DeclaredLayer) -> Layer:
    assert layer.activation and layer.keep_prob and layer.regularizer
    assert layer.initializer is not None and layer.initializer != "auto"
    return Layer(
        units=layer.units,
        activation=layer.activation,
        keep_prob=layer.keep_prob,
        batch_norm=layer.batch_norm if isinstance(layer.batch_norm, BatchNorm) else None,
        initializer=layer.initializer,
        regularizer=layer.regularizer,
    )
