"""The official MovieLens releases, with the checks that are known for their downloads."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Checks:
    """What a downloaded file must be; ``None`` where it is not known.

    Attributes:
        size: Bytes.
        sha256: 64 hex digits.
        md5: 32 hex digits; a check against damage, not against malice.
    """

    size: int | None = None
    sha256: str | None = None
    md5: str | None = None


# ml-latest and ml-latest-small are replaced by their makers from time to time, so nothing is pinned for them.
RELEASES: Final[dict[str, Checks]] = {
    "ml-100k": Checks(),
    "ml-1m": Checks(),
    "ml-10m": Checks(),
    "ml-20m": Checks(md5="cd245b17a1ae2cc31bb14903e1204af3"),
    "ml-25m": Checks(size=261_978_986, sha256="8b21cfb7eb1706b4ec0aac894368d90acf26ebdfb6aced3ebd4ad5bd1eb9c6aa"),
    "ml-32m": Checks(),
    "ml-latest-small": Checks(),
    "ml-latest": Checks(),
}
"""Release name to the checks of its zip."""
