"""Files of every format, read into chunks of rows or arrays."""
