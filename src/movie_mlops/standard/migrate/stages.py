"""One stage: made ready out of sight, then moved, committed, edited, committed; and undone from any point."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from movie_mlops.standard.migrate.backup import restore_modes
from movie_mlops.standard.migrate.edits import Edit
from movie_mlops.standard.migrate.errors import MigrationError
from movie_mlops.standard.migrate.files import content_of, digest_of, move, remove_made, replace, same_file, write_new
from movie_mlops.standard.migrate.journal import Journal
from movie_mlops.standard.migrate.moves import Move
from movie_mlops.standard.migrate.repository import LINK, Entry, Repository, counted, display
from movie_mlops.standard.references.reference import folder_of


def edited(content: bytes, edits: Sequence[Edit], path: str) -> bytes:
    """Return a file's bytes with some of its lines changed.

    Raises:
        MigrationError: A line is not what it was when the plan was made.
    """
    if len(edits) == 1 and edits[0].line == 0:
        return edits[0].after.encode("utf-8", "surrogateescape")
    lines = content.split(b"\n")
    for edit in edits:
        before = edit.before.encode("utf-8", "surrogateescape")
        after = edit.after.encode("utf-8", "surrogateescape")
        found = lines[edit.line - 1] if edit.line <= len(lines) else b""
        if found == before + b"\r":
            # Git keeps this file without the carriage returns that it has on this disk.
            before, after = before + b"\r", after + b"\r"
        if found != before:
            raise MigrationError(
                f"Line {edit.line} of {display(path)} is not what it was when the plan was made.",
                next_step="Make a new plan: standard migrate plan.",
            )
        lines[edit.line - 1] = after
    return b"\n".join(lines)


class Stage:
    """A stage of a migration that is under way.

    Attributes:
        facts: What the journal says of it.
    """

    def __init__(self, repository: Repository, journal: Journal, facts: dict[str, Any]) -> None:
        self.repository = repository
        self.journal = journal
        self.facts = facts
        self.number = int(facts["number"])
        self._root = repository.root
        self._kept = journal.folder / f"stage-{self.number}"

    @classmethod
    def prepare(
        cls,
        repository: Repository,
        journal: Journal,
        number: int,
        *,
        moves: Sequence[Move],
        edits: Sequence[Edit],
        now: Mapping[str, str],
    ) -> "Stage":
        """Make both commits of a stage, and all that it will write, before anything that anybody sees changes.

        Args:
            repository: Where.
            journal: Of the migration.
            number: Of the stage.
            moves: In the order in which they are made.
            edits: Of this stage.
            now: Where each moved file is after this stage, by its first path.

        Raises:
            MigrationError: A file is not what the plan says.
        """
        parent = repository.head()
        entries = repository.entries(parent)
        renamed: dict[str, Entry | None] = {each.source: None for each in moves}
        renamed |= {each.target: entries[each.source] for each in moves}
        scratch = journal.folder / "index"
        tree = repository.new_tree(parent, renamed, scratch)
        commits = {"renames": repository.commit_tree(tree, parent, _renames_message(number, moves))}
        after_moves = entries | {path: entry for path, entry in renamed.items() if entry is not None}
        changes, blobs = cls._contents(
            repository, journal.folder / f"stage-{number}", moves=moves, edits=edits, now=now, entries=after_moves
        )
        if blobs:
            tree = repository.new_tree(commits["renames"], dict(blobs), scratch)
            commits["edits"] = repository.commit_tree(tree, commits["renames"], _edits_message(number, edits, blobs))
        pairs = [[each.source, each.target] for each in moves]
        made = sorted(_missing_folders(repository, moves))
        journal.write("stage", number=number, parent=parent, moves=pairs, changes=changes, made=made, commits=commits)
        return cls(repository, journal, journal.stages()[-1])

    @staticmethod
    def _contents(
        repository: Repository,
        kept: Path,
        *,
        moves: Sequence[Move],
        edits: Sequence[Edit],
        now: Mapping[str, str],
        entries: Mapping[str, Entry],
    ) -> tuple[list[dict[str, str]], dict[str, Entry]]:
        """Keep what every edited file was and will be; return that, and the blobs of those that git tracks."""
        waiting = {each.source for each in moves}
        by_file: dict[str, list[Edit]] = {}
        for edit in edits:
            by_file.setdefault(edit.file, []).append(edit)
        changes, blobs = [], {}
        for index, (file, of_file) in enumerate(sorted(by_file.items())):
            path = now.get(file, file)
            before = content_of(repository.root / (file if file in waiting else path))
            if before is None:
                raise MigrationError(f"{display(file)} is gone.", next_step="Restore it: git checkout.")
            after = edited(before, of_file, path)
            write_new(kept / f"{index}-before", before)
            write_new(kept / f"{index}-after", after)
            changes.append({"path": path, "before": digest_of(before), "after": digest_of(after)})
            if path in entries:
                mode = entries[path].mode
                blobs[path] = Entry(mode, repository.write_blob(after, None if mode == LINK else path))
        return changes, blobs

    def carry_out(self) -> None:
        """Make the stage, from wherever it was left; afterwards it is committed, and not yet verified.

        Raises:
            MigrationError: Something else changed the tree meanwhile.
        """
        journal, commits = self.journal, self.facts["commits"]
        if self.facts["state"] == "stage":
            for done, (source, target) in enumerate(self.facts["moves"]):
                if done >= self.facts["done"]:
                    journal.pause("move")
                    move(self._root, source, target)
                    journal.write("move", number=self.number, done=done + 1)
                    self.facts["done"] = done + 1
            journal.write("moved", number=self.number)
            self.facts["state"] = "moved"
        if self.facts["state"] == "moved":
            for index, change in enumerate(self.facts["changes"]):
                journal.pause("edit")
                known = frozenset({change["before"]})
                replace(self._root, change["path"], (self._kept / f"{index}-after").read_bytes(), known=known)
            journal.pause("commit")
            self._point(commits.get("edits", commits["renames"]))
            journal.write("committed", number=self.number)
            self.facts["state"] = "committed"

    def keep(self) -> None:
        """Note that the stage stays."""
        self.journal.write("kept", number=self.number)

    def undo(self, said: str) -> None:
        """Bring everything back to where it was before this stage, from wherever it was left.

        Raises:
            MigrationError: A file holds what the migration did not write, or there are newer commits.
        """
        journal = self.journal
        began = self.facts["state"]
        if began != "undoing":
            journal.write("undoing", number=self.number, said=said, reached=began)
            self.facts |= {"state": "undoing", "reached": began}
        if self.facts["reached"] in {"moved", "committed", "kept"}:
            for index, change in enumerate(self.facts["changes"]):
                journal.pause("edit back")
                known = frozenset({change["after"]})
                replace(self._root, change["path"], (self._kept / f"{index}-before").read_bytes(), known=known)
            # From here on the files go back, and are no longer looked for where they were edited.
            journal.write("undoing", number=self.number, said=said, reached="unedited")
            self.facts["reached"] = "unedited"
        self._moves_back()
        remove_made(self._root, self.facts["made"])
        restore_modes(self._root, journal.begin["folders"])
        journal.pause("commit back")
        self._point(self.facts["parent"])
        journal.write("undone", number=self.number)
        self.facts["state"] = "undone"

    def _moves_back(self) -> None:
        moves, done = self.facts["moves"], self.facts["done"]
        # The one after the last that is known may have been made, too: its target is then the file that it moved.
        if done < len(moves) and self.facts["reached"] == "stage":
            source, target = moves[done]
            if self._moved(done):
                move(self._root, target, source, tidy=False)
        for index in range(done - 1, -1, -1):
            source, target = moves[index]
            self.journal.pause("move back")
            move(self._root, target, source, tidy=False)
            self.journal.write("move back", number=self.number, done=index)
            self.facts["done"] = index

    def _moved(self, index: int) -> bool:
        """Return whether what lies at a move's target is what it moved, and no stranger that came in between."""
        source, target = self.facts["moves"][index]
        there = content_of(self._root / target)
        both = os.path.lexists(self._root / source)
        if there is None or (both and not same_file(self._root / source, self._root / target)):
            return False
        digest = {fact["path"]: fact["digest"] for fact in self.journal.begin["files"]}.get(source)
        earlier = [stage for stage in self.journal.stages() if stage["number"] != self.number]
        changed = {change["path"]: change["after"] for stage in earlier for change in stage["changes"]}
        return digest_of(there) == changed.get(source, digest)

    def _point(self, commit: str) -> None:
        commits = {self.facts["parent"], *self.facts["commits"].values()}
        head = self.repository.head()
        if head not in commits:
            raise MigrationError(
                f"The branch is at {head[:12]}, where this migration did not leave it.",
                next_step="Go back to that commit, or undo the newer ones first: git revert.",
            )
        self.repository.point_at(commit, head)


def _missing_folders(repository: Repository, moves: Sequence[Move]) -> set[str]:
    missing: set[str] = set()
    for each in moves:
        folder = folder_of(each.target)
        while folder and not (repository.root / folder).exists():
            missing.add(folder)
            folder = folder_of(folder)
    return missing


def _renames_message(number: int, moves: Sequence[Move]) -> str:
    of = f" of stage {number}" if number else ""
    told = "\n".join(f"{display(each.source)} -> {display(each.target)} ({each.rule})" for each in moves)
    return f"refactor: move {counted(len(moves), 'file')}{of} to where the standard has them\n\n{told}\n"


def _edits_message(number: int, edits: Sequence[Edit], blobs: Mapping[str, Entry]) -> str:
    of = f" of stage {number}" if number else ""
    told = "\n".join(display(path) for path in sorted(blobs))
    what = f"refactor: follow the moves{of} in {counted(len(blobs), 'file')}"
    return f"{what}\n\n{counted(len(edits), 'line')} in:\n{told}\n"
