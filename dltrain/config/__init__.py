"""From YAML and overrides to an Experiment, and with the facts of the data to a Plan."""
