"""Sources, splits and preparation: from files to the arrays that the engine trains on."""
