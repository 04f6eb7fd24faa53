"""Gradient checking (section 1.9 of the notes): numeric gradient, comparison, finding of the culprit."""

from dltrain.gradcheck.check import check
from dltrain.gradcheck.grid import check_all, count, default_problems
from dltrain.gradcheck.module import ModuleProblem, load_module
from dltrain.gradcheck.problem import Details, Place, Problem
from dltrain.gradcheck.problems import NetworkProblem, check_program, problem_of, suggested_samples
from dltrain.gradcheck.result import BlockResult, Report

__all__ = [
    "BlockResult",
    "Details",
    "ModuleProblem",
    "NetworkProblem",
    "Place",
    "Problem",
    "Report",
    "check",
    "check_all",
    "check_program",
    "count",
    "default_problems",
    "load_module",
    "problem_of",
    "suggested_samples",
]
