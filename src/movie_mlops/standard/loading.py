"""From TOML to a :class:`Spec`: the shipped declaration, extended by the project's."""

import json
import os
from collections.abc import Mapping
from typing import Any, Final

from movie_mlops.standard import git
from movie_mlops.standard.errors import SpecError
from movie_mlops.standard.git import StrPath
from movie_mlops.standard.schema import (
    PLACEHOLDER,
    SINGLES,
    TABLES,
    Entry,
    Source,
    Table,
    check_entry,
    hint,
)
from movie_mlops.standard.spec import Spec

SHIPPED: Final = os.path.join(os.path.dirname(__file__), "standard.toml")
PROJECT: Final = "config/standard.toml"

Declaration = dict[str, list[Entry]]
"""The entries of each table; single tables and placeholders have one entry per table."""


def load_spec(root: StrPath | None) -> Spec:
    """Return the declaration for a project: the shipped one, extended by ``root/config/standard.toml``.

    Raises:
        SpecError: Unknown key, contradiction or broken regex, with file, line and the nearest valid word.
    """
    kept = Kept(root)
    spec = parse_spec(
        _text(SHIPPED, SHIPPED) or "", _text(os.path.join(root, PROJECT), PROJECT) if root else None, kept=kept
    )
    kept.write()
    return spec


class Kept:
    """Texts that were parsed before, kept under git's own folder with what they gave: parsing is slow.

    A text counts only when it is the same to the last character. The file may be deleted at any time.
    """

    def __init__(self, root: StrPath | None) -> None:
        repository = git.repository_of(root) if root is not None else None
        self._place = os.path.join(git.private_folder(repository), "movie-mlops", "declaration") if repository else ""
        self._known: dict[str, Any] = {}
        self._used: dict[str, Any] = {}
        if self._place:
            try:
                with open(self._place, encoding="utf-8") as file:
                    self._known = json.load(file)
            except (OSError, ValueError):
                self._known = {}

    def data(self, source: Source) -> dict[str, Any]:
        """Return what a text says.

        Raises:
            SpecError: It is not TOML.
        """
        found: dict[str, Any] | None = self._known.get(source.text)
        data = found if found is not None else parsed(source)
        self._used[source.text] = data
        return data

    @property
    def proved(self) -> bool:
        """Whether exactly these texts were built together before: what is written was built."""
        return bool(self._known) and self._used.keys() == self._known.keys()

    def write(self) -> None:
        """Keep what was parsed; a place that cannot be written costs time, nothing else."""
        if not self._place or self._used.keys() == self._known.keys():
            return
        beside = f"{self._place}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self._place), exist_ok=True)
            with open(beside, "w", encoding="utf-8") as file:
                json.dump(self._used, file)
            os.replace(beside, self._place)
        except (OSError, TypeError):  # TypeError: TOML has dates, JSON has not
            return


def parse_spec(shipped: str, own: str | None = None, *, own_name: str = PROJECT, kept: Kept | None = None) -> Spec:
    """Return the declaration that is written in one text, or in two.

    Raises:
        SpecError: See :func:`load_spec`.
    """
    from movie_mlops.standard.building import build

    project = read(Source(own_name, own), kept) if own is not None else {}
    for entry in project.get("standard", ()):
        if entry.data.get("extends") is False:
            return build(project, proved=kept is not None and kept.proved)
    base = read(Source(os.path.basename(SHIPPED), shipped), kept)
    return build(extended(base, project) if project else base, proved=kept is not None and kept.proved)


def parsed(source: Source) -> dict[str, Any]:
    """Return what a text says.

    Raises:
        SpecError: It is not TOML.
    """
    import re
    import tomllib

    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        raise SpecError(
            f"{source.name}:{at[1] if at else 1}: not TOML: {error}.", next_step="Correct that line."
        ) from error


def read(source: Source, kept: Kept | None = None) -> Declaration:
    """Return the entries of a text.

    Raises:
        SpecError: It is not TOML, or a table or key is unknown.
    """
    data = kept.data(source) if kept else parsed(source)
    found: Declaration = {}
    for section, value in data.items():
        found[section] = list(_entries(section, value, source))
    return found


def _entries(section: str, value: Any, source: Source) -> list[Entry]:
    if section in TABLES and isinstance(value, list) and all(isinstance(part, dict) for part in value):
        entries = [Entry(part, source, section, index) for index, part in enumerate(value)]
        _refuse_twice(entries, TABLES[section])
        return entries
    if section in SINGLES and isinstance(value, dict):
        entry = Entry(value, source, section, -1)
        check_entry(entry, Table("", SINGLES[section], ()))
        return [entry]
    if section == "placeholder" and isinstance(value, dict):
        entries = []
        for name, part in value.items():
            entry = Entry({}, source, f"placeholder.{name}", -1)
            if not isinstance(part, dict):
                entry.refuse(f"'{name}' is not a table.", key=name, next_step=f"Write [placeholder.{name}].")
            entries.append(entry._replace(data=part))
        return entries
    known = (*TABLES, *SINGLES, "placeholder")
    entry = Entry({}, source, section, 0 if isinstance(value, list) else -1)
    if section in known:
        style = f"[[{section}]]" if section in TABLES else f"[{section}]"
        entry.refuse(f"'{section}' is not written as {style}.", key=section, next_step=f"Write {style}.")
    return entry.refuse(f"unknown table '{section}'.", key=section, next_step=hint(section, known))


def name_of(entry: Entry, table: Table) -> str:
    """Return the words that name an entry of a table."""
    parts = []
    for key in table.key.split():
        if key not in entry.data:
            entry.refuse(f"[[{entry.section}]] has no '{key}'.", next_step=f"Add {key} = ….")
        value = entry.data[key]
        parts.append(str(value.get("en", value)) if isinstance(value, dict) else str(value))
    return " ".join(parts)


def _refuse_twice(entries: list[Entry], table: Table) -> None:
    seen: set[str] = set()
    for entry in entries:
        name = name_of(entry, table)
        if name in seen:
            entry.refuse(
                f"two entries of [[{entry.section}]] say '{name}'.", next_step="Keep one of them, or rename one."
            )
        seen.add(name)


def extended(base: Declaration, own: Declaration) -> Declaration:
    """Return the base with the project's entries: the same name changes the given keys, another one is added."""
    found: Declaration = {section: list(entries) for section, entries in base.items()}
    for section, entries in own.items():
        there = found.setdefault(section, [])
        names = [_key(entry) for entry in there]
        for entry in entries:
            key = _key(entry)
            if key in names:
                at = names.index(key)
                _check_part(entry)
                there[at] = entry._replace(data={**there[at].data, **entry.data})
            else:
                there.append(entry)
                names.append(key)
    return found


def _key(entry: Entry) -> str:
    return name_of(entry, TABLES[entry.section]) if entry.section in TABLES else entry.section


def _check_part(entry: Entry) -> None:
    if entry.section in TABLES:
        check_entry(entry, TABLES[entry.section], complete=False)
    elif entry.section.startswith("placeholder."):
        check_entry(entry, PLACEHOLDER, complete=False)


def _text(path: str, name: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise SpecError(f"{name} is not UTF-8 text.", next_step="Save it as UTF-8.") from error
    except OSError as error:
        raise SpecError(f"{name} cannot be read: {error.strerror}.", next_step="Check the file.") from error


def single(declaration: Mapping[str, list[Entry]], section: str) -> dict[str, Any]:
    """Return the keys of a single table, empty where it is not there."""
    entries = declaration.get(section) or []
    return entries[0].data if entries else {}
