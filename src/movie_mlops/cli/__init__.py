"""The only door: parse, call, print."""
