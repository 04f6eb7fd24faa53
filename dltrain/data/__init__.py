"""Sources, splits and preparation: from files to the arrays that the engine trains on."""

from dltrain.data.builtin_sets import BuiltIn as BuiltIn
from dltrain.data.builtin_sets import built_in_sets as built_in_sets
from dltrain.data.cache import prepare as prepare
from dltrain.data.preparation import Preparation as Preparation
from dltrain.data.prepare import Part as Part
from dltrain.data.prepare import Prepared as Prepared
from dltrain.data.rows import RawRows as RawRows
from dltrain.data.rows import read_rows as read_rows
from dltrain.data.spilling import Report as Report
