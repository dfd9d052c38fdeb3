"""What a load counts, and what it tells in the end."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.ingest.checking import Checked
from movie_mlops.ingest.contracts import CONTRACTS
from movie_mlops.ingest.raw import RawTable
from movie_mlops.ingest.statistics import Statistics

ERASED: Final = "erased-user"
"""Under which warnings count the rows that stayed out because their people were erased."""
UNWILLING: Final = "no-consent"
"""The same, because their people do not permit that they are kept."""


@dataclass(frozen=True)
class IngestReport:
    """What became of the rows of a source. The first five count interactions.

    Attributes:
        rows_read: Rows of the file, blank lines aside; the good ones, the quarantined ones and those outside together.
        rows_good: Rows that keep the contract, whether the lake had them already or not.
        rows_new: Good rows that the lake did not have.
        rows_quarantined: Rows that break the contract.
        reasons: Why, and how many times each.
        movies: Films that keep the contract.
        movies_read: Rows of the file of films.
        movies_new: Films that the lake did not have, or had differently.
        movies_quarantined: Films that break the contract.
        movie_reasons: Why, and how many times each.
        versions: The version of each table after the load.
        rows_outside: Rows that keep the contract, and that the load was not about.
        warnings: What was found and let pass, and how many times each, for both tables.
        changes: What the files' columns are and are not, for people.
        users: Users of whom something is known that keeps the contract.
        users_new: Those of them that the lake did not have, or had differently.
        users_quarantined: Rows of the file of users that break the contract.
        user_reasons: Why, and how many times each.
    """

    rows_read: int
    rows_good: int
    rows_new: int
    rows_quarantined: int
    reasons: dict[str, int]
    movies: int
    movies_read: int
    movies_new: int
    movies_quarantined: int
    movie_reasons: dict[str, int]
    versions: dict[str, int]
    rows_outside: int = 0
    warnings: dict[str, int] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    users: int = 0
    users_new: int = 0
    users_quarantined: int = 0
    user_reasons: dict[str, int] = field(default_factory=dict)

    @property
    def rows_known(self) -> int:
        """Good rows that the lake had already."""
        return self.rows_good - self.rows_new


@dataclass
class Tally:
    """What was counted of a table so far."""

    file: str = ""
    read: int = 0
    good: int = 0
    new: int = 0
    outside: int = 0
    bad: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)
    changes: dict[str, str] = field(default_factory=dict)
    statistics: Statistics = field(default_factory=Statistics)
    started: float = field(default_factory=perf_counter)

    def look_at(self, checked: Checked, table: str) -> None:
        """Take the good rows into the statistics, which nothing else here touches."""
        if not checked.good.is_empty():
            distinct = {c.USER_ID: checked.users} if checked.users.len() else {}
            told = [column.name for column in CONTRACTS[table].columns if not column.personal]
            self.statistics.add(checked.good, told, distinct)

    def add(self, raw: RawTable, checked: Checked) -> None:
        """Count what was read and refused."""
        self.file = raw.file
        self.read += checked.read
        for reason, count in {ERASED: checked.erased, UNWILLING: checked.unwilling}.items():
            self.outside += count
            if count:
                self.warnings[reason] = self.warnings.get(reason, 0) + count
        self.refuse(checked.bad)
        for reason, count in checked.warnings.items():
            self.warnings[reason] = self.warnings.get(reason, 0) + count
        self.changes |= {change.sentence: str(change.mode) for change in checked.changes if tells(change.what)}

    def refuse(self, bad: pl.DataFrame) -> None:
        """Count rows that were refused."""
        self.bad += bad.height
        for reason, count in bad[c.REASON].value_counts().iter_rows():
            self.reasons[reason] = self.reasons.get(reason, 0) + count


def tells(what: str) -> bool:
    """Return whether a change is worth a word: that a file lacks what it need not have is not."""
    return what != "missing_column"
