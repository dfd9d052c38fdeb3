"""Rows of people of whom nothing may be kept: they stay out, the refused ones too, and are counted."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.ingest.checking import Checked
from movie_mlops.lake import INTERACTIONS, USERS
from movie_mlops.security.people import People, Purpose

_WORDS: Final = re.compile(r"[^\s,;|:\t\"'{}\[\]]+")
_PURPOSES: Final = {USERS: Purpose.PROFILE}


def purpose_of(table: str) -> Purpose:
    """Return what the rows of a table are kept for."""
    return _PURPOSES.get(table, Purpose.HISTORY)


def without_others(checked: Checked, table: str, *, people: People) -> Checked:
    """Return the rows without those of people of whom nothing may be kept.

    Args:
        checked: Rows of interactions or of users.
        table: Which of them.
        people: Whom to ask.
    """
    refused = [(_named(fields), raw) for raw, fields in checked.bad.select(c.RAW, c.FIELDS).iter_rows()]
    named = {user for user, _ in refused if user is not None}
    words = {word for user, raw in refused if user is None for word in _WORDS.findall(raw or "")}
    # The different ones of interactions are known already.
    users = checked.users if table == INTERACTIONS else checked.good[c.USER_ID]
    gone = people.left_out(named.union(users.to_list()), purpose_of(table))
    # Whom a line without a readable user is about nobody can say; that somebody erased is in it, one can.
    erased, out = gone.erased | people.erased.among(words), gone.all
    if not (out or erased):
        return checked
    good = checked.good.filter(~pl.col(c.USER_ID).is_in(list(out)))
    kept = [erased.isdisjoint(whom(raw, None)) if user is None else user not in out for user, raw in refused]
    bad = checked.bad.filter(pl.Series(kept, dtype=pl.Boolean))
    unwilling = checked.good.filter(pl.col(c.USER_ID).is_in(list(gone.unwilling))).height
    unwilling += sum(user in gone.unwilling for user, _ in refused)
    left = checked.good.height - good.height + checked.bad.height - bad.height
    return replace(
        checked,
        good=good,
        bad=bad,
        extras=checked.extras.join(good.select(c.LINE), on=c.LINE, how="semi", maintain_order="left"),
        users=checked.users.filter(~checked.users.is_in(list(out))),
        erased=left - unwilling,
        unwilling=unwilling,
    )


def whom(raw: str | None, fields: str | None) -> Iterable[str]:
    """Return whom a refused row may be about: its user, or where none could be read every word of the row."""
    user = _named(fields)
    return [user] if user is not None else _WORDS.findall(raw or "")


def _named(fields: str | None) -> str | None:
    user = (json.loads(fields) if fields else {}).get(c.USER_ID)
    return None if user is None else str(user).strip()
