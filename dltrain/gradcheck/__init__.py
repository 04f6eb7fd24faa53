"""Gradient checking (section 1.9 of the notes): numeric gradient, comparison, finding of the culprit."""

from dltrain.gradcheck.check import check
from dltrain.gradcheck.grid import check_all, default_problems
from dltrain.gradcheck.problem import Details, Place, Problem
from dltrain.gradcheck.problems import NetworkProblem, check_program, problem_of
from dltrain.gradcheck.result import BlockResult, Report

__all__ = [
    "BlockResult",
    "Details",
    "NetworkProblem",
    "Place",
    "Problem",
    "Report",
    "check",
    "check_all",
    "check_program",
    "default_problems",
    "problem_of",
]
