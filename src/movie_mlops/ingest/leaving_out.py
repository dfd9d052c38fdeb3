"""Rows of people who were erased: they stay out, the refused ones too, and are counted."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.ingest.checking import Checked
from movie_mlops.security.erasure import Erased

_WORDS: Final = re.compile(r"[^\s,;|:\t\"'{}\[\]]+")


def without_erased(checked: Checked, *, erased: Erased) -> Checked:
    """Return the rows without those of people who were erased.

    Args:
        checked: Rows of interactions or of users.
        erased: Who was.
    """
    told = [whom(raw, fields) for raw, fields in checked.bad.select(c.RAW, c.FIELDS).iter_rows()]
    users = set(checked.good[c.USER_ID].unique().to_list())
    gone = erased.among(users.union(*told))
    if not gone:
        return checked
    good = checked.good.filter(~pl.col(c.USER_ID).is_in(gone))
    bad = checked.bad.filter(pl.Series([gone.isdisjoint(each) for each in told], dtype=pl.Boolean))
    left = checked.good.height - good.height + checked.bad.height - bad.height
    return replace(
        checked,
        good=good,
        bad=bad,
        extras=checked.extras.join(good.select(c.LINE), on=c.LINE, how="semi", maintain_order="left"),
        users=checked.users.filter(~checked.users.is_in(gone)),
        left_out=left,
    )


def whom(raw: str | None, fields: str | None) -> Iterable[str]:
    """Return whom a refused row may be about: its user, or where none could be read every word of the row."""
    user = (json.loads(fields) if fields else {}).get(c.USER_ID)
    return [str(user).strip()] if user is not None else _WORDS.findall(raw or "")
