"""Tables that are kept small in memory, or on disk."""
