"""The standard as a program: one declaration that is checked, explained, scaffolded, migrated to and rendered.

It needs the Python standard library alone. Nothing is imported here, so that each command loads only its own parts.
"""

__all__: list[str] = []
