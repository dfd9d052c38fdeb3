"""Which versions of which tables were read and written: noted by the lake itself, so that nobody can forget to say."""

from dataclasses import dataclass, field


@dataclass
class Uses:
    """Versions by table, as they were read and written.

    Attributes:
        read: Table to the versions that were read.
        written: Table to the versions that were made.
    """

    read: dict[str, set[int]] = field(default_factory=dict)
    written: dict[str, set[int]] = field(default_factory=dict)

    def reads(self, table: str, version: int) -> None:
        """Note a version that is read."""
        self.read.setdefault(table, set()).add(version)

    def writes(self, table: str, version: int) -> None:
        """Note a version that was made."""
        self.written.setdefault(table, set()).add(version)

    def add(self, other: "Uses") -> None:
        """Note everything that ``other`` notes."""
        for mine, theirs in ((self.read, other.read), (self.written, other.written)):
            for table, versions in theirs.items():
                mine.setdefault(table, set()).update(versions)
