"""Who is in which part."""
