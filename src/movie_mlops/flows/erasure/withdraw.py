"""Withdrawal: what was kept for a purpose that somebody does not permit any more leaves its places, with a receipt.

It is an erasure of the places of that purpose. The consent is written down first, so that nothing comes in meanwhile;
killed at any moment, it stays outstanding, and whoever carries out withdrawals next goes on with it.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from movie_mlops import __version__
from movie_mlops.core import clock
from movie_mlops.flows.erasure import models
from movie_mlops.flows.erasure.receipts import withdrawal_path, write_receipt
from movie_mlops.flows.erasure.steps import KEYS, Taking, is_left
from movie_mlops.flows.journal import FlowJournal
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.steps import one_at_a_time
from movie_mlops.security.errors import ErasureError
from movie_mlops.security.people import Purpose

_ROUNDS: Final = 3


def note_consent(platform: Platform, user_id: str, said: Mapping[Purpose, bool], *, by: str) -> dict[str, Any] | None:
    """Write down what somebody permits from now on, and take out what is kept for purposes that they do not.

    Args:
        platform: The stores, with Redis where there is one.
        user_id: Who.
        said: What they permit, by purpose; those that are left out stay as they are.
        by: Who says so, in words that do not name them.

    Returns:
        The signed receipt of what was taken out; ``None`` where they withdrew nothing, or it was taken out before.

    Raises:
        BusyError: A flow is at work on the data set: what they said is written down, and what is there is outstanding.
        ErasureError: Something of theirs comes back all the time.
        MovieMlopsError: A step cannot be done; what was done stays, and the rest is outstanding.
    """
    platform.consents.say(user_id, said, by=by)
    withdrawn = [purpose for purpose, given in said.items() if not given]
    if not withdrawn:
        return None
    with one_at_a_time(platform.workspace.lock):
        due = platform.consents.outstanding().get(user_id, frozenset())
        meant = [each for each in withdrawn if each in due or is_left(Taking(platform, user_id, [each]).left())]
        return _carry_out(platform, user_id, meant, by=by) if meant else None


def carry_out(platform: Platform, *, by: str) -> list[dict[str, Any]]:
    """Carry out every withdrawal that is outstanding; return the receipts.

    Raises:
        BusyError: A flow is at work on the data set.
    """
    with one_at_a_time(platform.workspace.lock):
        return [
            _carry_out(platform, user_id, sorted(purposes), by=by)
            for user_id, purposes in platform.consents.outstanding().items()
        ]


def _carry_out(platform: Platform, user_id: str, purposes: Collection[Purpose], *, by: str) -> dict[str, Any]:
    began = clock.now()
    # Asked before the rows go that tell it.
    learned = models.learned_from(platform, user_id) if Purpose.HISTORY in purposes else []
    taking, done = Taking(platform, user_id, purposes), []
    left = taking.left()
    with FlowJournal(platform.database, platform.lake).flow("withdrawal"):
        for _ in range(_ROUNDS):
            # Whoever permits and withdraws in turns has the whole work done only where there is something.
            done.append({name: work() for name, work in taking.steps() if is_left(left) or name in KEYS})
            if not is_left(left := taking.left()):
                break
        else:
            raise ErasureError(
                f"Something of the person comes back all the time ({left['lake'] or left['state'] or left['files']}).",
                next_step="Stop what writes it, then run the same command again.",
            )
    finished = clock.now()
    pseudonym = platform.erased.pseudonym(user_id)
    told = {
        "what": "movie-mlops withdrawal receipt",
        "made_by": f"movie-mlops {__version__}",
        "dataset": platform.workspace.dataset,
        "pseudonym": pseudonym,
        "purposes": sorted(purposes),
        "requested_at": clock.to_iso(began),
        "finished_at": clock.to_iso(finished),
        "by": by,
        "places": done[0] if len(done) == 1 else {f"round {number}": each for number, each in enumerate(done, 1)},
        "proof": {"rows_left": 0, "lake": taking.tables()},
        "still_there": {"models_until_the_next_training": learned},
    }
    receipt = write_receipt(withdrawal_path(platform.workspace, pseudonym, purposes), told, platform.keys)
    platform.consents.carried_out(user_id, purposes, finished)
    return receipt
