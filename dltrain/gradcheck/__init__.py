"""Gradient checking (section 1.9 of the notes): numeric gradient, comparison, finding of the culprit."""
