"""Erasure: somebody's data leaves every place, for good, with a receipt.

The steps are journaled with the list of the erased: killed at any moment, the same command goes on where it stopped.
Nobody can be half erased and look erased: the last step looks into every place again, and only then is it signed.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import select

from movie_mlops import __version__
from movie_mlops.core import clock
from movie_mlops.core.columns import USER_ID
from movie_mlops.events.stored import EVENTS
from movie_mlops.features.online.record import ROWS
from movie_mlops.flows.erasure import files, models, state_rows
from movie_mlops.flows.erasure.receipts import receipt_path, write_receipt
from movie_mlops.flows.erasure.steps import Taking, is_left
from movie_mlops.flows.journal import FlowJournal
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.steps import one_at_a_time
from movie_mlops.lake import INTERACTIONS
from movie_mlops.security.errors import ErasureError

_ROUNDS: Final = 3

At = Callable[[str], None]
"""Called with the name of each step when it is done; a test may raise or kill there."""


def plan(platform: Platform, user_id: str) -> dict[str, Any]:
    """Return what an erasure would find, by place; nothing is changed."""
    return {**Taking(platform, user_id).left(), "models": models.learned_from(platform, user_id)}


def erase(platform: Platform, user_id: str, *, by: str, at: At = lambda _step: None) -> dict[str, Any]:
    """Erase somebody's data everywhere, and return the signed receipt.

    Args:
        platform: The stores, with Redis where there is one.
        user_id: Who.
        by: Who asked for it, in words that do not name them.
        at: Called after each step.

    Raises:
        BusyError: A flow, or another erasure, is at work on the data set.
        ErasureError: Something of theirs comes back all the time, or lies where nothing here may remove it.
        MovieMlopsError: A step cannot be done; what was done stays, and the same call goes on.
    """
    with one_at_a_time(platform.workspace.lock):
        done = _done_before(platform, user_id)
        return _Erasing(platform, user_id, by, at).run() if done is None else done


def _done_before(platform: Platform, user_id: str) -> dict[str, Any] | None:
    """Return the receipt of an erasure that is done, and after which nothing came back."""
    entry = platform.erased.find(user_id)
    if entry is None or entry.finished_at is None or is_left(plan(platform, user_id)):
        return None
    path = receipt_path(platform.workspace, entry.pseudonym)
    return json.loads(path.read_bytes()) if path.exists() else None


def check_not_returned(platform: Platform) -> None:
    """Refuse to work on stores from before an erasure, such as those of an older back-up.

    Raises:
        ErasureError: The state or the lake holds something of people who were erased.
    """
    if platform.erased.missing():
        raise ErasureError(
            f"The state of {platform.workspace.dataset} is from before an erasure: it does not know of it.",
            next_step="Erase again what came back with: movie-mlops security erase --again",
        )
    lake = platform.lake
    if lake.version(INTERACTIONS) is not None and platform.erased.all():
        users = lake.scan(INTERACTIONS).select(USER_ID).unique().collect()[USER_ID].to_list()
        if gone := platform.erased.among(users):
            raise ErasureError(
                f"The lake of {platform.workspace.dataset} holds rows of {len(gone)} people who were erased.",
                next_step="Erase again what came back with: movie-mlops security erase --again",
            )


def erase_returned(platform: Platform, *, by: str) -> list[dict[str, Any]]:
    """Erase again everybody of whom something came back, such as with an older back-up; return the receipts."""
    platform.erased.take_up()
    found: set[str] = set()
    for table in platform.lake.names():
        if USER_ID in platform.lake.scan(table).collect_schema():
            found.update(platform.lake.scan(table).select(USER_ID).unique().collect()[USER_ID].drop_nulls().to_list())
    with platform.database.read() as connection:
        found.update(connection.execute(select(EVENTS.c.subject).distinct()).scalars())
        found.update(connection.execute(select(ROWS.c.key).where(ROWS.c.view.in_(state_rows.USER_VIEWS))).scalars())
    return [erase(platform, user_id, by=by) for user_id in sorted(platform.erased.among(found))]


class _Erasing:
    """One erasure at work."""

    def __init__(self, platform: Platform, user_id: str, by: str, at: At) -> None:
        self._platform, self._user, self._by, self._at = platform, user_id, by, at
        self._taking = Taking(platform, user_id)
        self._journal = FlowJournal(platform.database, platform.lake)
        self._round = ""

    def run(self) -> dict[str, Any]:
        entry = self._platform.erased.enter(self._user, by=self._by)
        self._pseudonym, self._done = entry.pseudonym, entry.done
        self._at("listed")
        with self._journal.flow("erasure"):
            self._work()
        proof = self._prove()
        finished = clock.now()
        told = {
            "what": "movie-mlops erasure receipt",
            "made_by": f"movie-mlops {__version__}",
            "dataset": self._platform.workspace.dataset,
            "pseudonym": entry.pseudonym,
            "requested_at": clock.to_iso(entry.requested_at),
            "finished_at": clock.to_iso(finished),
            "by": entry.by,
            "places": self._done,
            "proof": proof,
        }
        receipt = write_receipt(receipt_path(self._platform.workspace, entry.pseudonym), told, self._platform.keys)
        self._at("receipt")
        self._platform.erased.finish(entry.pseudonym, finished)
        self._at("finished")
        return receipt

    def _work(self) -> None:
        self._step("models", self._retire)
        for name, work in self._taking.steps():
            self._step(name, work)

    def _step(self, name: str, work: Callable[[], Any]) -> None:
        name += self._round
        if name not in self._done:
            self._done[name] = work()
            self._platform.erased.note(self._pseudonym, name, self._done[name])
            self._at(name)

    def _retire(self) -> dict[str, Any]:
        return models.retire(self._platform, models.learned_from(self._platform, self._user), by="an erasure")

    def _prove(self) -> dict[str, Any]:
        """Look into every place again: what was being written meanwhile is found here, and goes too."""
        for _ in range(_ROUNDS):
            left = plan(self._platform, self._user)
            if not is_left(left):
                break
            self._round = f" again {len(self._done)}"
            with self._journal.flow("erasure again"):
                self._work()
        else:
            raise ErasureError(
                f"Something of the person comes back all the time ({left['lake'] or left['state'] or left['files']}).",
                next_step="Stop what writes it, then run the same command again.",
            )
        bytes_read = files.search(self._platform.workspace, self._user)
        if bytes_read["found"]:
            raise ErasureError(
                f"The person is still named in {', '.join(bytes_read['found'][:5])}.",
                next_step="Remove these files, or the lines in them, then run the same command again.",
            )
        tables = self._taking.tables()
        self._at("proved")
        return {"rows_left": 0, "lake": tables, "bytes": {**bytes_read, "found": bytes_read["found"] and []}}
