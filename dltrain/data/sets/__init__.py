"""Sets that come with the package or are fetched by name."""
