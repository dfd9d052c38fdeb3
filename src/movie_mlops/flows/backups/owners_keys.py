"""The keys of persons, here and at every place where back-ups lie: destroyed, or wrapped by another master key."""

from dataclasses import dataclass
from pathlib import Path

from movie_mlops.flows.backups.files import keys_file, write_keys
from movie_mlops.flows.backups.writing import give_up_place, places
from movie_mlops.flows.errors import BackupError
from movie_mlops.flows.platform import Platform
from movie_mlops.security.envelope import DataKeys, Envelopes


@dataclass(frozen=True)
class Shredded:
    """What was destroyed.

    Attributes:
        key_id: The name of the key; ``None`` where there was none, or it was destroyed before.
        places: Where its copies were destroyed.
    """

    key_id: str | None
    places: tuple[Path, ...]


def shred(platform: Platform, user_id: str, *, gone: Path | None = None) -> Shredded:
    """Destroy a user's key of back-ups: none can be read again. A repetition finishes what was not reached.

    The files of the back-ups are not touched, and the user's present data neither; the next back-up has another key.

    Args:
        platform: The stores.
        user_id: Whose key.
        gone: A place that is no more: nobody looks for keys there again.

    Raises:
        BackupError: A place cannot be reached; everything else was done.
    """
    if gone is not None:
        give_up_place(platform.database, gone)
    keys = DataKeys(platform.database)
    key_id = keys.destroy(user_id)
    return Shredded(key_id, _renew_copies(platform, keys))


def rewrap(platform: Platform) -> int:
    """Have the current master key wrap every key, here and at the places of back-ups; return how many were not.

    Raises:
        BackupError: A place cannot be reached; everything else was done, and the master key before is needed still.
    """
    keys = DataKeys(platform.database)
    count = Envelopes(keys, platform.masters()).rewrap()
    _renew_copies(platform, keys)
    return count


def _renew_copies(platform: Platform, keys: DataKeys) -> tuple[Path, ...]:
    """Put the keys that there are in the place of those at every place of back-ups; return the places."""
    dataset, left = platform.workspace.dataset, keys.for_copies()
    reached, unreached = [], []
    for place in places(platform.database):
        try:
            # A place without them may only not be mounted.
            if not keys_file(place, dataset).exists():
                raise FileNotFoundError
            write_keys(place, dataset, left)
            reached.append(place)
        except OSError:
            unreached.append(place)
    if unreached:
        raise BackupError(
            f"The keys are as they should be here, but not their copy in {unreached[0]}, which cannot be reached.",
            next_step="Make that place reachable and run the same command again; where it is no more, add --gone PLACE"
            " to 'security shred'.",
        )
    return tuple(reached)
