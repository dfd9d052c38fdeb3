"""Scripts that serve the same scoring elsewhere; run by the Python of an environment of their own, not imported."""
