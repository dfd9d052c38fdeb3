"""The files of a back-up: a manifest in the clear that names nobody, sealed sections, and the keys beside them.

A place holds back-ups, each in a folder, and one file of wrapped keys for all of a data set's: a key that is destroyed
leaves it, and with it every back-up there, however old.
"""

import json
import struct
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from movie_mlops.flows.errors import BackupError
from movie_mlops.security.envelope import DataKey, Seal
from movie_mlops.security.key_files import replace

MANIFEST: Final = "manifest.json"
SECTIONS: Final = "sections"
FORMAT: Final = 1
_LENGTHS: Final = struct.Struct(">HQ")
_ANOTHER: Final = "Use another copy of the back-up."


class Manifest(BaseModel):
    """What a back-up says of itself in the clear.

    Attributes:
        format: How it is written.
        dataset: Of which data set.
        name: Its own name, which every section is bound to.
        made_at: When (ISO 8601, UTC).
        lake: The lake's tables, and the versions that were read.
        people: How many persons' sections it holds.
        sha256: Of the file of sections.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    dataset: str
    name: str
    made_at: str
    lake: dict[str, int]
    people: int
    sha256: str

    @property
    def place(self) -> str:
        """What sections are sealed for."""
        return f"back-up {self.format} {self.dataset} {self.name}"


def read_manifest(folder: Path) -> Manifest:
    """Return what a back-up says of itself, once its sections are whole.

    Raises:
        BackupError: It is none, or not whole.
    """
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        with (folder / SECTIONS).open("rb") as file:
            digest = sha256()
            while piece := file.read(1 << 20):
                digest.update(piece)
    except (OSError, ValidationError) as error:
        raise BackupError(
            f"{folder} is no back-up.", next_step="Name the folder that 'security backup' made."
        ) from error
    if manifest.format != FORMAT:
        raise BackupError(
            f"{folder} is a back-up of format {manifest.format}, which this version does not read.",
            next_step="Restore it with the version that made it.",
        )
    if digest.hexdigest() != manifest.sha256:
        raise BackupError(f"The back-up {folder} is not whole.", next_step=_ANOTHER)
    return manifest


def write_seal(file: BinaryIO, seal: Seal) -> None:
    """Add a section to the file."""
    name = seal.key_id.encode("ascii")
    file.write(_LENGTHS.pack(len(name), len(seal.data)) + name + seal.data)


def read_seals(folder: Path) -> Iterator[Seal]:
    """Yield the sections.

    Raises:
        BackupError: The file ends in the middle of one.
    """
    with (folder / SECTIONS).open("rb") as file:
        while head := file.read(_LENGTHS.size):
            whole = len(head) == _LENGTHS.size
            name_length, length = _LENGTHS.unpack(head) if whole else (0, 0)
            name, data = file.read(name_length), file.read(length)
            if not whole or (len(name), len(data)) != (name_length, length):
                raise BackupError(f"The back-up {folder} is not whole.", next_step=_ANOTHER)
            yield Seal(name.decode("ascii", "replace"), data)


def keys_file(place: Path, dataset: str) -> Path:
    """Return where the wrapped keys of a data set's back-ups lie."""
    return place / f"{dataset}.keys.json"


def write_keys(place: Path, dataset: str, keys: Iterable[DataKey]) -> None:
    """Put these wrapped keys in the place of all that the file held, at once and for good."""
    rows = [{"key_id": k.key_id, "wrapped": k.wrapped.hex(), "master_id": k.master_id} for k in keys]
    path = keys_file(place, dataset)
    replace(path, json.dumps(rows).encode("ascii"))


def read_keys(place: Path, dataset: str) -> list[tuple[str, bytes, str]]:
    """Return the wrapped keys of a place: name, key, master's name; none where there is no such file.

    Raises:
        BackupError: The file cannot be read as keys.
    """
    path = keys_file(place, dataset)
    try:
        return [
            (str(row["key_id"]), bytes.fromhex(row["wrapped"]), str(row["master_id"]))
            for row in json.loads(path.read_text(encoding="ascii"))
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(
            f"The keys {path} cannot be read.", next_step="Put the file back from another copy."
        ) from error
