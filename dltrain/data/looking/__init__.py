"""What a data file holds, before there is a config for it."""
