"""The engine: networks, their gradients and the loop that trains them. NumPy and annotated_types only."""
