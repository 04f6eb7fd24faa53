"""Gradient checking: the numeric gradient, the comparison, and the finding of the culprit (section 1.9 of the notes)."""
