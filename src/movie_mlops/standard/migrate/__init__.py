"""Moves a repository to the standard: plan, apply, verify, roll back."""

__all__: list[str] = []
