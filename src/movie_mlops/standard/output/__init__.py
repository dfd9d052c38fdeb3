"""How a report is printed: for a reader, for programs, for code scanning, for GitHub's annotations."""

__all__: list[str] = []
