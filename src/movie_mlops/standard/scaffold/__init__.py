"""Makes what the standard asks for: the files of a new substage, and a whole new project."""

__all__: list[str] = []
