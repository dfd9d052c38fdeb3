"""The reference of the policy: the table that the program goes by, written for people."""

from collections.abc import Iterator
from typing import Final

from movie_mlops.security.policy import POLICY, Check, Entry, matrix
from movie_mlops.security.principals import Role

REFERENCE: Final = "docs/07-security/access-reference.md"
_MARKS: Final = {"yes": "yes", "own": "own", "403": "no", "401": "no", "sign in": "sign in"}


def reference_text() -> str:
    """Return the reference."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Access reference"
    yield ""
    yield "Made by `movie-mlops security reference` from the policy that the server goes by (`security/policy.py`)."
    yield "An app with a route that is not here is not built. `own`: a viewer's own data alone. `no`: refused, with 401"
    yield "where nobody has shown who they are, else with 403. The columns open and closed say what somebody without a"
    yield "key may do, by `access` in `config/security.yaml`."
    yield ""
    roles = [role.value for role in Role]
    yield f"| route | {' | '.join(['open', 'closed', *roles])} | a viewer's own |"
    yield "|---" * (len(roles) + 4) + "|"
    for rule, row in zip(POLICY, matrix(), strict=True):
        cells = [_MARKS[row[name]] for name in ("open", "closed", *roles)]
        check = "" if rule.check is Check.NONE else rule.check.value
        writes = " (writes)" if rule.writes else ""
        yield f"| `{rule.name}`{writes} | {' | '.join(cells)} | {check} |"
    yield ""
    count = sum(rule.entry is not Entry.PUBLIC for rule in POLICY)
    yield f"{len(POLICY)} routes, of which {count} want somebody where access is closed."
