"""Writes the standard as documents for people, and what each substage's tests promise; all from what is there."""

__all__: list[str] = []
