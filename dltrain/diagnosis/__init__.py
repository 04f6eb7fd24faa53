"""From numbers to findings: intervals, gaps, verdicts and advice. It trains nothing."""
