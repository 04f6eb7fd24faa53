"""From a training's curves to what is wrong with it: findings with evidence and cure. Trains nothing."""

from dltrain.diagnosis.health.catalogue import CATALOGUE as CATALOGUE
from dltrain.diagnosis.health.catalogue import explain_finding as explain_finding
from dltrain.diagnosis.health.examining import examine as examine
from dltrain.diagnosis.health.finding import Finding as Finding
from dltrain.diagnosis.health.finding import Health as Health
