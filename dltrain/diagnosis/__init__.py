"""From numbers to findings: errors with intervals, gaps, verdict, advice. Trains nothing."""

from dltrain.diagnosis.advice import advise as advise
from dltrain.diagnosis.commands import in_run as in_run
from dltrain.diagnosis.commands import next_commands as next_commands
from dltrain.diagnosis.estimates import Measurement as Measurement
from dltrain.diagnosis.rates import parse_rate as parse_rate
from dltrain.diagnosis.reach import Reach as Reach
from dltrain.diagnosis.reach import smallest_gap as smallest_gap
from dltrain.diagnosis.table import baseline_entry as baseline_entry
from dltrain.diagnosis.table import diagnose as diagnose
from dltrain.diagnosis.table import error_entry as error_entry
from dltrain.diagnosis.table import findings as findings
from dltrain.diagnosis.table import with_bayes as with_bayes
from dltrain.diagnosis.table import with_test as with_test
