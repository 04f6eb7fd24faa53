"""A typed cost, its gradient by automatic differentiation, and the way down (section 3.6 of the notes).

The text is read by an own list of what is allowed (`parsing`), never evaluated as Python. HIPS autograd
differentiates it (`cost`), the engine's optimizers and schedules walk down (`descent`), and the curvature where they
end tells a minimum from a saddle and a plateau (`ending`).
"""

from dltrain.autodiff.cost import Cost
from dltrain.autodiff.descent import Diverged, Point, descend
from dltrain.autodiff.ending import Ending, ending
from dltrain.autodiff.functions import FUNCTIONS
from dltrain.autodiff.minimizing import Minimized, minimize
from dltrain.autodiff.parsing import Expression, parse

__all__ = [
    "FUNCTIONS",
    "Cost",
    "Diverged",
    "Ending",
    "Expression",
    "Minimized",
    "Point",
    "descend",
    "ending",
    "minimize",
    "parse",
]
