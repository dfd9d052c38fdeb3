"""The declaration in memory: what there is to check, explain, make, move and render."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from movie_mlops.standard.template import Groups, Placeholder, Template

Text = Mapping[str, str]
"""A text by language: ``{"en": …, "ko": …}``."""


class Substage(NamedTuple):
    """A substage: ``number`` is "3.1", ``title`` the words of its documents, ``room`` the package that holds it."""

    number: str
    title: str
    name: Text
    room: str


class Stage(NamedTuple):
    """A stage; its documents are in ``docs/<number:02>-<slug>``, its set-up is the script ``setup``."""

    number: int
    slug: str
    name: Text
    setup: str
    substages: tuple[Substage, ...]


class Word(NamedTuple):
    """A declared value of a placeholder."""

    of: str
    word: str
    meaning: Text


class Kind(NamedTuple):
    """A kind of file; see the comments of ``standard.toml``."""

    id: str
    name: Text
    templates: tuple[Template, ...]
    folders: tuple[Template, ...]
    strays: tuple[str, ...]
    claims: tuple[str, ...]
    aliases: Mapping[str, str]
    within: str
    example: str
    counts: bool
    fallback: bool


class LayoutPath(NamedTuple):
    """A path of the layout; see the comments of ``standard.toml``."""

    path: str
    holds: Text
    require: str
    forbid: str
    since: int
    folder: bool
    open: bool
    closed: bool
    otherwise: str


class Companion(NamedTuple):
    """What a substage needs once one of the kinds ``of`` carries its number: one of ``needs`` must exist."""

    of: tuple[str, ...]
    needs: tuple[Template, ...]
    rule: str


class Branch(NamedTuple):
    """A kind of branch."""

    template: Template
    example: str
    meaning: Text


class Rule(NamedTuple):
    """A rule of the standard, with its words; the last fields are what its check needs."""

    code: str
    check: str
    severity: str
    paragraph: str
    title: Text
    reason: Text
    message: Text
    fix: Text
    bad: str
    good: str
    kinds: tuple[str, ...]
    placeholder: str
    aspect: str
    scope: str
    staged: bool
    limit: int


class Settlement(NamedTuple):
    """Where the standard contradicts itself or is silent, and how it is settled."""

    id: str
    between: tuple[str, ...]
    decision: Text


class CheckLine(NamedTuple):
    """A line of the compliance checklist, and the rules that tick it."""

    group: Text
    line: Text
    rules: tuple[str, ...]


class Project(NamedTuple):
    """What a project says of itself: ``stages`` that are reached, or None where the tree shows it."""

    stages: tuple[int, ...] | None


class Match(NamedTuple):
    """A kind that a path is of, and what stands in the holes of its name and folder."""

    kind: Kind
    groups: Groups


class Placement(NamedTuple):
    """What the standard says of a path.

    Attributes:
        verdict: ``right``, ``open`` (anything may lie there), ``misplaced``, ``misnamed`` or ``ambiguous``.
        kind: The kind it is of, where that is clear.
        target: Where it should live, where that is clear.
        rule: The code of the rule that it breaks.
        confidence: ``certain``, ``likely`` or ``ambiguous``.
        why: The reason, one line.
        alternatives: Where it might live, when there is no target.
    """

    verdict: str
    kind: Kind | None = None
    target: str | None = None
    rule: str | None = None
    confidence: str = "certain"
    why: str = ""
    alternatives: tuple[str, ...] = ()


class Spec:
    """The whole declaration; immutable, with its look-ups kept.

    Attributes:
        name: The name of the standard.
        version: Its version.
        languages: The languages of its texts.
        stages: By number.
        placeholders: By name.
        words: Declared values, by placeholder.
        kinds: By id, in the order of the declaration.
        paths: The layout, by path.
        companions: What a substage needs.
        branches: The kinds of branch.
        protected: Branches that change by a merge alone.
        rules: By code.
        settlements: Decisions where the standard disagrees with itself.
        checklist: The compliance checklist.
        project: What the project says of itself.
    """

    def __init__(
        self,
        *,
        name: str,
        version: str,
        languages: Sequence[str],
        stages: Sequence[Stage],
        placeholders: Mapping[str, Placeholder],
        words: Sequence[Word],
        kinds: Sequence[Kind],
        paths: Sequence[LayoutPath],
        companions: Sequence[Companion],
        branches: Sequence[Branch],
        protected: Sequence[str],
        rules: Sequence[Rule],
        settlements: Sequence[Settlement],
        checklist: Sequence[CheckLine],
        project: Project,
    ) -> None:
        self.name, self.version, self.languages = name, version, tuple(languages)
        self.stages = MappingProxyType({stage.number: stage for stage in stages})
        self.placeholders = MappingProxyType(dict(placeholders))
        declared: dict[str, dict[str, Word]] = {}
        for word in words:
            declared.setdefault(word.of, {})[word.word] = word
        self.words = MappingProxyType(declared)
        self.kinds = MappingProxyType({kind.id: kind for kind in kinds})
        self.paths = MappingProxyType({path.path: path for path in paths})
        self.companions = tuple(companions)
        self.branches, self.protected = tuple(branches), tuple(protected)
        self.rules = MappingProxyType({rule.code: rule for rule in rules})
        self.settlements = tuple(settlements)
        self.checklist = tuple(checklist)
        self.project = project
        self.substages = MappingProxyType({sub.number: sub for stage in stages for sub in stage.substages})
        self._following: dict[str, Groups] = {}
        self._in_folder: dict[str, tuple[Match, ...]] = {}

    def kinds_of(self, path: str) -> list[Match]:
        """Return the kinds whose folder and name a path fits, the most specific first."""
        folder, _, name = path.rpartition("/")
        found: list[tuple[int, Match]] = []
        for kind, folder_groups in self.kinds_in(folder):
            for template in kind.templates:
                groups = template.match(name)
                if groups is not None and self.agree(groups, folder_groups):
                    found.append((-template.weight, Match(kind, {**folder_groups, **groups})))
                    break
        found.sort(key=lambda pair: pair[0])
        return [match for _, match in found]

    def place(self, path: str) -> Placement:
        """Return where a path should live, and why."""
        from movie_mlops.standard.placing import place

        return place(self, path)

    def kinds_in(self, folder: str) -> tuple[Match, ...]:
        """Return the kinds that live in a folder ("" is the root), with what stands in the folder's holes."""
        found = self._in_folder.get(folder)
        if found is None:
            found = self._in_folder[folder] = tuple(self._kinds_in(folder or "."))
        return found

    def _kinds_in(self, folder: str) -> list[Match]:
        found = []
        for kind in self.kinds.values():
            for template in kind.folders:
                groups = {} if template.text == "**" else template.match(folder)
                if groups is not None:
                    found.append(Match(kind, groups))
                    break
        return found

    def derived(self, groups: Mapping[str, str]) -> Groups:
        """Return the values together with those that follow from the stage (its folder, its set-up)."""
        number = groups.get("stage", "")
        follow = self._following.get(number)
        if follow is None:
            stage = self.stages.get(int(number)) if number.isdecimal() else None
            form = {"number": stage.number, "slug": stage.slug, "setup": stage.setup} if stage else {}
            from_stage = [one for one in self.placeholders.values() if one.source == "stage"] if stage else []
            follow = self._following[number] = {one.name: one.form.format(**form) for one in from_stage}
        return {**follow, **groups}

    def is_declared(self, hole: str) -> bool:
        """Return whether the values of a placeholder must be declared."""
        return hole in self.words or hole in {"stage", "substage"} or self.placeholders[hole].source == "stage"

    def declared(self, hole: str) -> list[str]:
        """Return the declared values of a placeholder."""
        if hole == "stage":
            return [str(number) for number in self.stages]
        if hole == "substage":
            return list(self.substages)
        if hole in self.words:
            return list(self.words[hole])
        return [self.derived({"stage": str(number)})[hole] for number in self.stages]

    def undeclared(self, hole: str, value: str, groups: Mapping[str, str]) -> str:
        """Return the word that nobody declared, or "" where it is right; a substage is judged with its stage."""
        if hole != "substage":
            return "" if value in self.declared(hole) else value
        stage = groups["stage"]
        number = f"{stage}.{value}"
        return "" if value == "x" or number in self.substages or int(stage) not in self.stages else number

    def agree(self, name: Mapping[str, str], folder: Mapping[str, str]) -> bool:
        """Return whether a name may lie in a folder: the stage of the one is the stage of the other."""
        if not folder or "stage" not in name:
            return True
        number = name["stage"]
        follow = self._following.get(number) or self.derived({"stage": number})
        return all(follow.get(hole, value) == value for hole, value in folder.items())

    def layout_of(self, path: str) -> LayoutPath | None:
        """Return the nearest folder of the layout that holds a path, or None at the root and in undeclared folders."""
        folder = path.rpartition("/")[0]
        while folder:
            declared = self.paths.get(folder)
            if declared is not None and declared.folder:
                return declared
            folder = folder.rpartition("/")[0]
        return None

    def rule_for(self, check: str, kind: str) -> Rule | None:
        """Return the rule of a check (``place`` or ``name``) that speaks for a kind."""
        return next((rule for rule in self.rules.values() if rule.check == check and kind in rule.kinds), None)
