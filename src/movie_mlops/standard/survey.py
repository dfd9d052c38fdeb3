"""One walk over a tree: what each path is, so that every rule reads it from here."""

import re
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import NamedTuple

from movie_mlops.standard.findings import Finding, say, shown
from movie_mlops.standard.placing import is_stray
from movie_mlops.standard.spec import Kind, LayoutPath, Placement, Rule, Spec
from movie_mlops.standard.template import Groups, Template
from movie_mlops.standard.tree import Tree, by_folder


class Matcher(NamedTuple):
    """How the names of one folder are read.

    Attributes:
        kind: The kind.
        template: The template.
        key: The longest literal text of the template; a name without it need not be matched.
        folder: What stands in the folder's holes.
        stage: The stage that the folder fixes, or "".
        watched: The holes whose words must be declared.
        settled: What stood in them in names that were looked at already, and was right.
    """

    kind: Kind
    template: Template
    key: str
    folder: Groups
    stage: str
    watched: tuple[str, ...]
    settled: set[tuple[str | None, ...]]


class Numbered(NamedTuple):
    """A stage and a substage that a file carries; the substage may be ``x``."""

    stage: str
    substage: str


class Value(NamedTuple):
    """A word in the name of a path, or of its folder, that must be declared."""

    hole: str
    value: str
    path: str
    groups: Groups


class Survey:
    """What a tree holds in the words of the standard.

    Attributes:
        spec: The declaration.
        tree: The files.
        language: The language of messages.
        only: The paths to speak about, or None for all.
        numbered: For each stage and substage that files carry: the kinds of those files.
        undeclared: Words of names that nobody declared.
        odd: Paths that are not right where they are, with what the standard says of them.
    """

    def __init__(self, spec: Spec, tree: Tree, *, language: str = "en", only: Collection[str] | None = None) -> None:
        self.spec, self.tree, self.language = spec, tree, language
        self.only = only
        self.numbered: dict[Numbered, set[str]] = {}
        self.undeclared: list[Value] = []
        self.odd: list[tuple[str, Placement]] = []
        self._walk()

    def finding(self, rule: Rule, path: str, **facts: object) -> Finding:
        """Return a finding with the rule's own words, filled with the facts."""
        words = {"path": shown(path), "limit": rule.limit, **facts}
        fix = str(facts.get("fix") or say(rule.fix, self.language).format_map(words))
        target = facts.get("to")
        stage = facts.get("stage")
        line, column = facts.get("line"), facts.get("column")
        return Finding(
            rule.code,
            rule.severity,
            path,
            line if isinstance(line, int) else None,
            column if isinstance(column, int) else None,
            say(rule.message, self.language).format_map(words),
            fix,
            target if isinstance(target, str) else "",
            int(stage)
            if isinstance(stage, int | str) and str(stage).isdecimal()
            else self.stage_of(str(target or path)),
        )

    def stage_of(self, path: str) -> int | None:
        """Return the stage that a path belongs to, where its name, its folder or the layout says it."""
        for match in (*self.spec.kinds_of(path), *self.spec.kinds_in(path.rpartition("/")[0])):
            if match.groups.get("stage", "").isdecimal():
                return int(match.groups["stage"])
            number = re.match("[0-9]+", match.groups.get("stage_folder", ""))
            if number:
                return int(number[0])
        layout = self.spec.paths.get(path)
        return layout.since if layout else None

    @property
    def paths(self) -> Collection[str]:
        """The paths to speak about."""
        return self.tree.paths if self.only is None else self.only

    @cached_property
    def folders(self) -> frozenset[str]:
        """The folders of the paths to speak about, at any depth; the root is ""."""
        if self.only is None:
            return self.tree.folders
        found = {""}
        for path in self.only:
            above = path.rpartition("/")[0]
            while above not in found:
                found.add(above)
                above = above.rpartition("/")[0]
        return frozenset(found)

    @cached_property
    def text(self) -> str:
        """The paths in one text, NUL before each but the first and after the last, and a slash before each."""
        return "\0/".join(self.paths) + "\0"

    @property
    def by_folder(self) -> Mapping[str, list[str]]:
        """The names of the paths to speak about, by folder."""
        return self.tree.by_folder if self.only is None else by_folder(self.only)

    @property
    def reached(self) -> frozenset[int]:
        """The stages that the project has reached."""
        if self.spec.project.stages is not None:
            return frozenset(self.spec.project.stages)
        return frozenset(int(number.stage) for number in self.numbered)

    def _walk(self) -> None:
        names = self.by_folder
        known = {path.rpartition("/")[2] for path, layout in self.spec.paths.items() if not layout.folder}
        for folder, inside in names.items():
            layout = self._layout(folder)
            if layout is None or not layout.open:
                self._look(folder, inside, known, closed=layout is not None and layout.closed)

    def _layout(self, folder: str) -> LayoutPath | None:
        return self.spec.layout_of(f"{folder}/-") if folder else None

    def _look(self, folder: str, names: list[str], known: set[str], *, closed: bool) -> None:
        prefix = f"{folder}/" if folder else ""
        literal, matchers = self._matchers(folder)
        declared = self.spec.paths
        for name in names:
            if name in literal:
                continue
            for matcher in matchers:
                if matcher.key not in name:
                    continue
                found = matcher.template.regex.fullmatch(name)
                if found is None or (matcher.stage and found["stage"] != matcher.stage):
                    continue
                words = found.group(0, *matcher.watched)[1:] if matcher.watched else ()
                if words not in matcher.settled:
                    self._note(prefix + name, matcher, found.groupdict(), words)
                break
            else:
                path = prefix + name
                if path not in declared and (closed or name in known or is_stray(self.spec, folder, name)):
                    placement = self.spec.place(path)
                    if placement.verdict not in {"right", "open"}:
                        self.odd.append((path, placement))

    def _matchers(self, folder: str) -> tuple[set[str], list[Matcher]]:
        """Return the names that are right in a folder as they are, and what judges all others."""
        literal: set[str] = set()
        found = []
        for kind, groups in self.spec.kinds_in(folder):
            wrong = any(self.spec.is_declared(h) and self.spec.undeclared(h, v, groups) for h, v in groups.items())
            for template in kind.templates:
                if len(template.pieces) == 1 and not wrong:
                    literal.add(template.text)
                    continue
                key = max(template.pieces[::2], key=len)
                watched = tuple(hole for hole in template.holes if self.spec.is_declared(hole))
                stage = self._stage_of_folder(groups) if "stage" in template.holes and groups else ""
                found.append(Matcher(kind, template, key, groups, stage, watched, set()))
        found.sort(key=lambda matcher: -matcher.template.weight)
        return literal, found

    def _stage_of_folder(self, groups: Groups) -> str:
        """Return the stage that a folder fixes for the names in it, or "" where it fixes none."""
        fits = [str(number) for number in self.spec.stages if self.spec.agree({"stage": str(number)}, groups)]
        return fits[0] if len(fits) == 1 else ""

    def _note(self, path: str, matcher: Matcher, groups: Mapping[str, str], words: tuple[str | None, ...]) -> None:
        everything = {**matcher.folder, **groups}
        stage, substage = everything.get("stage"), everything.get("substage")
        if matcher.kind.counts and stage and substage:
            self.numbered.setdefault(Numbered(stage, substage), set()).add(matcher.kind.id)
        wrong = [
            Value(hole, value, path, everything)
            for hole, value in everything.items()
            if self.spec.is_declared(hole) and self.spec.undeclared(hole, value, everything)
        ]
        self.undeclared.extend(wrong)
        if not wrong:
            matcher.settled.add(words)
