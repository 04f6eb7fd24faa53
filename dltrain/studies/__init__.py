"""Several runs that differ by overrides: seeds, folds, a learning curve. One coordinator, one folder, one resume.

Importing it loads no NumPy.
"""
