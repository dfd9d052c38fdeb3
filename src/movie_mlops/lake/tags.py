"""Tags: names for a moment of the lake, that is, for one version of each of its tables."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Final

from movie_mlops.core import clock
from movie_mlops.core.digests import canonical_json
from movie_mlops.lake.errors import LakeError
from movie_mlops.lake.lake import Lake

_FOLDER: Final = "_tags"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*")
_LONGEST: Final = 64


@dataclass(frozen=True)
class Tag:
    """A name for a moment of the lake; while it exists no vacuum removes what its versions need.

    Attributes:
        name: Begins with a letter, so that it is never taken for a version.
        versions: Table to version.
        message: Why.
        made_at: When (aware UTC).
    """

    name: str
    versions: dict[str, int]
    message: str
    made_at: datetime


def tags(lake: Lake) -> list[Tag]:
    """Return the tags in the order in which they were made.

    Raises:
        LakeError: One of them is damaged.
    """
    names = (file.path.removesuffix(".json") for file in lake.storage.files(_FOLDER))
    return sorted((read_tag(lake, name) for name in names), key=lambda tag: (tag.made_at, tag.name))


def read_tag(lake: Lake, name: str) -> Tag:
    """Return a tag.

    Raises:
        LakeError: There is no such tag, or it is damaged.
    """
    try:
        told = json.loads(lake.storage.read(_path(name)))
    except FileNotFoundError:
        raise _no_such_tag(lake, name) from None
    except ValueError as error:
        raise _damaged(lake, name) from error
    try:
        versions = {str(table): int(version) for table, version in told["versions"].items()}
        return Tag(name, versions, str(told["message"]), datetime.fromisoformat(told["made_at"]))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise _damaged(lake, name) from error


def make_tag(lake: Lake, name: str, *, versions: Mapping[str, int] | None = None, message: str = "") -> Tag:
    """Give a name to versions of tables, once and for all: a tag does not move.

    Args:
        lake: The lake.
        name: Lower-case words joined by ``.``, ``-`` or ``_``; begins with a letter.
        versions: Table to version; the tables that are left out are not part of the tag. ``None``: every table as it
            is now.
        message: Why.

    Raises:
        LakeError: The name cannot be used or is taken, or a version cannot be read.
    """
    _path(name)
    wanted = {table: _newest(lake, table) for table in lake.names()} if versions is None else dict(versions)
    if not wanted:
        raise LakeError(
            f"The lake {lake.storage.place} has no table yet that could be tagged.",
            next_step="Fill it first with: movie-mlops ingest load --source sample",
        )
    for table, version in wanted.items():
        lake.delta(table, version=version)
    tag = Tag(name, wanted, message, clock.now())
    told = canonical_json({**asdict(tag), "made_at": clock.to_iso(tag.made_at)})
    if not lake.storage.create(_path(name), told):
        raise LakeError(
            f"The tag {name!r} is taken; a tag does not move.",
            next_step=f"Choose another name, or remove it first with: movie-mlops lake tag {name} --delete",
        )
    return tag


def remove_tag(lake: Lake, name: str) -> Tag:
    """Take a tag away; what only it kept goes with the next vacuum.

    Raises:
        LakeError: There is no such tag.
    """
    tag = read_tag(lake, name)
    lake.storage.delete([_path(name)])
    return tag


def find_version(lake: Lake, table: str, reference: str) -> int:
    """Return the version of ``table`` that ``reference`` means.

    Args:
        lake: The lake.
        table: The table.
        reference: A version's number; ``newest``; the name of a tag; or a time such as 2026-01-31T12:00:00Z, for the
            version that was the newest then.

    Raises:
        LakeError: It means no version of this table that can be read.
    """
    if reference == "newest":
        return _newest(lake, table)
    if reference.isdecimal():
        return lake.delta(table, version=int(reference)).version()
    moment = moment_of(reference)
    if moment is not None:
        return _version_at(lake, table, moment)
    tag = read_tag(lake, reference)
    if table not in tag.versions:
        raise LakeError(
            f"The tag {reference!r} names no version of table {table!r} (it names {', '.join(tag.versions)}).",
            next_step="Name a version by its number.",
        )
    return lake.delta(table, version=tag.versions[table]).version()


def moment_of(reference: str) -> datetime | None:
    """Return the time that ``reference`` is; ``None`` where it begins like a name.

    Raises:
        LakeError: It is neither.
    """
    if not reference[:1].isdecimal():
        return None
    try:
        moment = datetime.fromisoformat(reference)
    except ValueError as error:
        raise LakeError(
            f"{reference!r} is neither a version nor a time.",
            next_step="Write a number, 'newest', the name of a tag, or a time such as 2026-01-31T12:00:00Z.",
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _newest(lake: Lake, table: str) -> int:
    return lake.delta(table).version()


def _version_at(lake: Lake, table: str, moment: datetime) -> int:
    past = [commit.version for commit in lake.history(table) if commit.time <= moment]
    if not past:
        raise LakeError(
            f"Table {table!r} did not exist yet at {clock.to_iso(moment)}.",
            next_step=f"See when each version came with: movie-mlops lake history {table}",
        )
    return lake.delta(table, version=max(past)).version()


def _path(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or name == "newest":
        raise LakeError(
            f"{name!r} cannot be the name of a tag.",
            next_step=f"Use lower-case words joined by '-', such as before-spring; at most {_LONGEST} characters.",
        )
    return f"{_FOLDER}/{name}.json"


def _no_such_tag(lake: Lake, name: str) -> LakeError:
    known = [file.path.removesuffix(".json") for file in lake.storage.files(_FOLDER)]
    near = get_close_matches(name, known, n=1)
    return LakeError(
        f"There is no tag {name!r}.",
        next_step=f"Did you mean {near[0]!r}?" if near else "List them with: movie-mlops lake tags",
    )


def _damaged(lake: Lake, name: str) -> LakeError:
    return LakeError(
        f"The tag {name!r} is damaged ({lake.storage.address(_path(name))}).",
        next_step="Put the file back from a back-up, or delete it and tag again.",
    )
