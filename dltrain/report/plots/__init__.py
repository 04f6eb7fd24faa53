"""Pictures as files, drawn by matplotlib (extra `plot`): the same bytes for the same numbers, readable in grey."""

from dltrain.report.plots.curves import curves
from dltrain.report.plots.style import ENDINGS, LINES, SHADES, encode, figure, style

__all__ = ["ENDINGS", "LINES", "SHADES", "curves", "encode", "figure", "style"]
