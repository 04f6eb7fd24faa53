"""The promises by number, each with its sweep."""

from __future__ import annotations

import faults_mechanisms
import faults_p01_kills
import faults_p02_power
import faults_p03_errors
import faults_p04_damage
import faults_p05_signals
import faults_p07_claims
import faults_p08_surroundings
import faults_p09_drift
import faults_p10_divergence
import faults_p11_inputs
import faults_p13_crashes
import faults_p14_reboots
import faults_p16_cost
from faults_result import Sweep

PROMISES: dict[str, Sweep] = {
    "1": faults_p01_kills.sweep,
    "2": faults_p02_power.sweep,
    "3": faults_p03_errors.sweep,
    "4": faults_p04_damage.sweep,
    "5": faults_p05_signals.sweep,
    "6": faults_p04_damage.sweep_metrics,
    "7": faults_p07_claims.sweep,
    "8": faults_p08_surroundings.sweep,
    "9": faults_p09_drift.sweep,
    "10": faults_p10_divergence.sweep,
    "11": faults_p11_inputs.sweep,
    "13": faults_p13_crashes.sweep,
    "14": faults_p14_reboots.sweep,
    "15": faults_p08_surroundings.sweep_finished,
    "16": faults_p16_cost.sweep,
    "mechanisms": faults_mechanisms.sweep,
}
