"""The people of a data set, and by which names it knows them."""

from pathlib import Path

from movie_mlops.core import columns as c
from movie_mlops.ingest.config import IngestConfig
from movie_mlops.ingest.errors import SourceError
from movie_mlops.lake import INTERACTIONS, USERS, Lake
from movie_mlops.security.erasure import Erased
from movie_mlops.security.people import Consents, People, is_pseudonym, read_user_pseudonyms
from movie_mlops.state import Database


def open_people(lake: Lake, database: Database, keys: Path, dataset: str, config: IngestConfig) -> People:
    """Return who comes into a data set, for what, and by which name.

    Args:
        lake: What is there.
        database: The state.
        keys: The folder of keys.
        dataset: Its name.
        config: Whether there are pseudonyms, and what holds of those who said nothing.

    Raises:
        SecurityError: There are pseudonyms, and their key cannot be used.
    """
    pseudonyms = None
    if config.pseudonyms:
        pseudonyms = read_user_pseudonyms(keys, dataset, in_use=lambda: bool(knows_pseudonyms(lake)))
    return People(Erased(database, keys, dataset), Consents(database, config.consent), pseudonyms)


def check_names(lake: Lake, *, pseudonyms: bool) -> None:
    """Refuse to mix ids and pseudonyms: the same person would be two.

    Args:
        lake: What is there.
        pseudonyms: Whether users are to be known by pseudonyms from now on.

    Raises:
        SourceError: The lake knows its users the other way.
    """
    known = knows_pseudonyms(lake)
    if known is not None and known is not pseudonyms:
        there, asked = ("pseudonyms", "ids") if known else ("ids", "pseudonyms")
        raise SourceError(
            f"This data set knows its users by {there}, and config/contracts.yaml asks for {asked}.",
            next_step=f"Set pseudonyms: {str(known).lower()} there, or load the source into another data set.",
        )


def knows_pseudonyms(lake: Lake) -> bool | None:
    """Return whether the lake knows its users by pseudonyms; ``None`` while it knows nobody."""
    for table in (INTERACTIONS, USERS):
        if lake.version(table) is not None:
            first = lake.scan(table).select(c.USER_ID).head(1).collect()[c.USER_ID].to_list()
            if first:
                return is_pseudonym(str(first[0]))
    return None
