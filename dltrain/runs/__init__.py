"""The run folder: ids, state, metrics, model and listing."""
