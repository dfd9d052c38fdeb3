"""The versions of each schema, and that none was changed and each can follow the one before it."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from movie_mlops.events.errors import SchemaError
from movie_mlops.events.schemas.compatible import narrowings

_FOLDER: Final = Path(__file__).parent
_NAME: Final = re.compile(r"([a-z]+)\.v([1-9][0-9]*)\.json")
_ID: Final = "urn:movie-mlops:schema:{}:{}"
_SEALS: Final = "seals.json"


@dataclass(frozen=True)
class SchemaVersion:
    """One version of a schema.

    Attributes:
        name: Of what.
        version: From 1.
        document: The JSON Schema.
        sha256: Of the document without its layout.
        sealed: What it was when it was registered; ``None``: it is not registered.
    """

    name: str
    version: int
    document: Mapping[str, Any]
    sha256: str
    sealed: str | None

    @property
    def urn(self) -> str:
        """What an envelope's ``dataschema`` says of it."""
        return _ID.format(self.name, self.version)


def versions(folder: Path = _FOLDER) -> list[SchemaVersion]:
    """Return every version of every schema, the oldest first.

    Raises:
        SchemaError: A file is no JSON, or is not named as it must be.
    """
    seals = _read(folder / _SEALS)
    found = []
    for path in sorted(folder.glob("*.json")):
        if path.name == _SEALS:
            continue
        named = _NAME.fullmatch(path.name)
        if named is None:
            raise SchemaError(f"{path.name} is no version of a schema.", next_step="Name it <name>.v<number>.json.")
        document = _read(path)
        sealed = seals.get(f"{named[1]}.v{named[2]}")
        found.append(SchemaVersion(named[1], int(named[2]), document, _digest(document), sealed))
    return sorted(found, key=lambda each: (each.name, each.version))


def check(folder: Path = _FOLDER) -> list[SchemaVersion]:
    """Make sure that no version was changed, that none is left out, and that each can follow the one before it.

    Returns:
        All of them.

    Raises:
        SchemaError: Something is not so; the error says what.
    """
    by_name: dict[str, list[SchemaVersion]] = defaultdict(list)
    for each in versions(folder):
        if each.sealed != each.sha256:
            what = "is not registered" if each.sealed is None else "was changed after it was registered"
            raise SchemaError(
                f"The schema {each.name}.v{each.version} {what}.",
                next_step=f"Leave used versions as they are; register a new one in {_SEALS} with {each.sha256}.",
            )
        if each.document.get("$id") != each.urn:
            raise SchemaError(f"{each.name}.v{each.version} has another $id.", next_step=f"Write {each.urn}.")
        by_name[each.name].append(each)
    for name, known in by_name.items():
        if [each.version for each in known] != list(range(1, len(known) + 1)):
            raise SchemaError(f"The schema {name} leaves out a version.", next_step="Number them from 1.")
        for before, after in pairwise(known):
            _require_follows(before, after.document, f"{name}.v{after.version}")
    return [each for known in by_name.values() for each in known]


def propose(file: Path, name: str, folder: Path = _FOLDER) -> SchemaVersion:
    """Return what a file would be as the next version of a schema.

    Raises:
        SchemaError: It cannot follow: it refuses what was recorded under the newest version.
    """
    known = [each for each in check(folder) if each.name == name]
    if not known:
        raise SchemaError(f"There is no schema {name!r}.", next_step="See them with: movie-mlops events schemas")
    document = _read(file)
    _require_follows(known[-1], document, file.name)
    return SchemaVersion(name, known[-1].version + 1, document, _digest(document), None)


def _require_follows(before: SchemaVersion, after: Mapping[str, Any], called: str) -> None:
    if faults := narrowings(before.document, after):
        more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
        raise SchemaError(
            f"{called} cannot follow {before.name}.v{before.version}: {faults[0]}{more}.",
            next_step="Take whatever the version before took, or give what is new another name.",
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise SchemaError(f"{path} cannot be read as JSON.", next_step="Name a file with a JSON Schema.") from error
    if not isinstance(document, dict):
        raise SchemaError(f"{path} is no object.", next_step="Name a file with a JSON Schema.")
    return document


def _digest(document: Mapping[str, Any]) -> str:
    return sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
