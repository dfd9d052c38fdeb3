"""The vocabulary that every room shares; it needs nothing but the Python standard library."""
