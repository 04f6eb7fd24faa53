"""At the bottom of every room that writes: the durable write, hashes and locks."""
