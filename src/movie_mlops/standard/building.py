"""From checked entries to a :class:`Spec`; whatever contradicts itself is refused."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from movie_mlops.standard.loading import Declaration, single
from movie_mlops.standard.schema import (
    ASPECTS,
    CHECKS,
    PLACEHOLDER,
    SCOPES,
    SEVERITIES,
    SUBSTAGE,
    TABLES,
    Entry,
    check_entry,
    hint,
)
from movie_mlops.standard.spec import (
    Branch,
    CheckLine,
    Companion,
    Kind,
    LayoutPath,
    Project,
    Rule,
    Settlement,
    Spec,
    Stage,
    Substage,
    Word,
)
from movie_mlops.standard.template import Placeholder, Template

_NONE: Final[Mapping[str, str]] = {}


def build(declaration: Declaration, *, proved: bool = False) -> Spec:
    """Return the declaration in memory.

    Args:
        declaration: The entries.
        proved: Whether the same texts were built before, so that patterns and examples need not be tried again.

    Raises:
        SpecError: Something is missing, unknown or contradicts something else.
    """
    for section, table in () if proved else TABLES.items():
        for entry in declaration.get(section, ()):
            check_entry(entry, table)
    placeholders = {
        p.name: p for p in (_placeholder(entry, proved=proved) for entry in declaration.get("placeholder", ()))
    }
    rules = _all(declaration, "rule", _rule)
    kinds = _all(declaration, "kind", lambda entry: _kind(entry, placeholders, proved=proved))
    _check_kinds_of_rules(declaration, {kind.id for kind in kinds})
    codes = {rule.code for rule in rules}
    head = single(declaration, "standard")
    stages = single(declaration, "project").get("stages")
    return Spec(
        name=head.get("name", ""),
        version=head.get("version", ""),
        languages=head.get("languages", ["en"]),
        stages=sorted(
            _all(declaration, "stage", lambda entry: _stage(entry, proved=proved)), key=lambda stage: stage.number
        ),
        placeholders=placeholders,
        words=_all(declaration, "word", lambda entry: _word(entry, placeholders, proved=proved)),
        kinds=kinds,
        paths=_all(declaration, "path", _path),
        companions=_all(
            declaration, "companion", lambda entry: _companion(entry, placeholders, {kind.id for kind in kinds}, codes)
        ),
        branches=_all(declaration, "branch", lambda entry: _branch(entry, placeholders, proved=proved)),
        protected=single(declaration, "branches").get("protected", []),
        rules=sorted(rules, key=lambda rule: rule.code),
        settlements=_all(declaration, "settlement", _settlement),
        checklist=_all(declaration, "checklist", lambda entry: _line(entry, codes)),
        project=Project(None if stages is None else tuple(stages)),
    )


def _all(declaration: Declaration, section: str, make: Callable[[Entry], Any]) -> list[Any]:
    return [make(entry) for entry in declaration.get(section, ())]


def _placeholder(entry: Entry, *, proved: bool) -> Placeholder:
    data = entry.data
    if not proved:
        _prove_placeholder(entry)
    return Placeholder(
        entry.section.partition(".")[2],
        data["pattern"],
        data.get("joined", ""),
        data["meaning"],
        data.get("from", ""),
        data.get("format", ""),
    )


def _prove_placeholder(entry: Entry) -> None:
    check_entry(entry, PLACEHOLDER)
    data = entry.data
    try:
        groups = re.compile(data["pattern"]).groups
    except re.error as error:
        entry.refuse(
            f"the pattern of [{entry.section}] is not a regular expression: {error}.",
            key="pattern",
            next_step="Correct the pattern.",
        )
    if groups:
        entry.refuse(f"the pattern of [{entry.section}] captures.", key="pattern", next_step="Write (?:…), not (…).")
    if data.get("from", "stage") != "stage":
        entry.refuse(f"nothing follows from '{data['from']}'.", key="from", next_step='Use from = "stage".')
    try:
        data.get("format", "").format(number=1, slug="", setup="")
    except (KeyError, IndexError, ValueError) as error:
        entry.refuse(f"'format' cannot be filled: {error}.", key="format", next_step="Use {number}, {slug}, {setup}.")


def template_of(entry: Entry, key: str, text: str, placeholders: Mapping[str, Placeholder]) -> Template:
    """Return a template whose holes are all declared.

    Raises:
        SpecError: One is not.
    """
    template = Template(text, placeholders)
    for hole in template.holes:
        if hole not in placeholders:
            entry.refuse(f"'{{{hole}}}' is not a placeholder.", key=key, next_step=hint(hole, list(placeholders)))
    return template


def _stage(entry: Entry, *, proved: bool) -> Stage:
    data = entry.data
    number = data["number"]
    substages = []
    seen = set()
    for part in data.get("substages", ()):
        if not proved:
            check_entry(entry._replace(data=part), SUBSTAGE)
        sub = part["number"]
        head, _, tail = sub.partition(".")
        if head != str(number) or not tail.isdecimal() or tail.startswith("0"):
            entry.refuse(f"'{sub}' is not a substage of stage {number}.", next_step=f"Use {number}.1, {number}.2, ….")
        if sub in seen:
            entry.refuse(f"substage {sub} is declared twice.", next_step="Give each its own number.")
        seen.add(sub)
        substages.append(Substage(sub, part["title"], part["name"], part.get("room", "")))
    setup = data.get("setup", f"scripts/setup/setup_stage_{number}.sh")
    return Stage(number, data["slug"], data["name"], setup, tuple(substages))


def _word(entry: Entry, placeholders: Mapping[str, Placeholder], *, proved: bool) -> Word:
    of, word = entry.data["of"], entry.data["word"]
    if of not in placeholders:
        entry.refuse(f"'{of}' is not a placeholder.", key="of", next_step=hint(of, list(placeholders)))
    if not proved and not re.fullmatch(placeholders[of].pattern, word):
        entry.refuse(f"'{word}' does not fit the pattern of {of}.", key="word", next_step="Change the word.")
    return Word(of, word, entry.data["meaning"])


def _kind(entry: Entry, placeholders: Mapping[str, Placeholder], *, proved: bool) -> Kind:
    data = entry.data
    kind = Kind(
        data["id"],
        data["name"],
        tuple(template_of(entry, "templates", text, placeholders) for text in data["templates"]),
        tuple(template_of(entry, "folders", text, placeholders) for text in data["folders"]),
        tuple(data.get("strays", ())),
        tuple(data.get("claims", ())),
        data.get("aliases", _NONE),
        data.get("within", ""),
        data["example"],
        data.get("counts", False),
        data.get("fallback", False),
    )
    if not proved:
        _prove_kind(entry, kind)
    return kind


def _prove_kind(entry: Entry, kind: Kind) -> None:
    name = kind.example.rpartition("/")[2]
    if not any(template.match(name) is not None for template in kind.templates):
        entry.refuse(
            f"the example '{name}' fits none of its templates.", key="example", next_step="Correct one of them."
        )
    for right in kind.aliases.values():
        if not any(template.match(right) is not None for template in kind.templates):
            entry.refuse(f"the alias '{right}' fits no template.", key="aliases", next_step="Correct one of them.")


def _path(entry: Entry) -> LayoutPath:
    data = entry.data
    for key in ("require", "forbid"):
        _one_of(entry, key, data.get(key, "no"), SCOPES)
    require, forbid = data.get("require", "no"), data.get("forbid", "no")
    if ("tree" == forbid != require and require != "no") or require == forbid != "no":
        entry.refuse(
            f"'{data['path']}' is required and forbidden in the same place.",
            key="forbid",
            next_step="Drop one of them.",
        )
    if data.get("open") and data.get("closed"):
        entry.refuse(f"'{data['path']}' is open and closed.", key="open", next_step="Drop one of them.")
    path = data["path"]
    if path.startswith("/") or path.endswith("/") or not path or ".." in path.split("/"):
        entry.refuse(f"'{path}' is not a path inside the project.", key="path", next_step="Write it without / around.")
    return LayoutPath(
        path,
        data["holds"],
        require,
        forbid,
        data.get("since", 0),
        data.get("folder", False),
        data.get("open", False),
        data.get("closed", False),
        data.get("otherwise", ""),
    )


def _companion(entry: Entry, placeholders: Mapping[str, Placeholder], kinds: set[str], codes: set[str]) -> Companion:
    data = entry.data
    for kind in data["for"]:
        _one_of(entry, "for", kind, sorted(kinds))
    _one_of(entry, "rule", data["rule"], sorted(codes))
    needs = tuple(template_of(entry, "needs", text, placeholders) for text in data["needs"])
    return Companion(tuple(data["for"]), needs, data["rule"])


def _branch(entry: Entry, placeholders: Mapping[str, Placeholder], *, proved: bool) -> Branch:
    template = template_of(entry, "template", entry.data["template"], placeholders)
    if not proved and template.match(entry.data["example"]) is None:
        entry.refuse("the example does not fit the template.", key="example", next_step="Correct one of them.")
    return Branch(template, entry.data["example"], entry.data["meaning"])


def _rule(entry: Entry) -> Rule:
    data = entry.data
    _one_of(entry, "check", data["check"], CHECKS)
    _one_of(entry, "severity", data["severity"], SEVERITIES)
    if data["check"] in ASPECTS:
        _one_of(entry, "aspect", data.get("aspect", ""), ASPECTS[data["check"]])
    for key in ("bad", "good"):
        if key not in data["example"]:
            entry.refuse(f"the example of {data['code']} has no '{key}'.", key="example", next_step="Add it.")
    return Rule(
        data["code"],
        data["check"],
        data["severity"],
        data["paragraph"],
        data["title"],
        data["reason"],
        data["message"],
        data.get("fix", _NONE),
        data["example"]["bad"],
        data["example"]["good"],
        tuple(data.get("kinds", ())),
        data.get("placeholder", ""),
        data.get("aspect", ""),
        data.get("scope", "index"),
        data.get("staged", False),
        data.get("limit", 0),
    )


def _check_kinds_of_rules(declaration: Declaration, kinds: set[str]) -> None:
    taken: dict[tuple[str, str], str] = {}
    for entry in declaration.get("rule", ()):
        for kind in entry.data.get("kinds", ()):
            _one_of(entry, "kinds", kind, sorted(kinds))
            key = (entry.data["check"], kind)
            if key in taken:
                entry.refuse(
                    f"{taken[key]} and {entry.data['code']} both judge the {key[0]} of '{kind}'.",
                    key="kinds",
                    next_step="Leave the kind to one of them.",
                )
            taken[key] = entry.data["code"]


def _settlement(entry: Entry) -> Settlement:
    return Settlement(entry.data["id"], tuple(entry.data["between"]), entry.data["decision"])


def _line(entry: Entry, codes: set[str]) -> CheckLine:
    for code in entry.data["rules"]:
        _one_of(entry, "rules", code, sorted(codes))
    return CheckLine(entry.data["group"], entry.data["line"], tuple(entry.data["rules"]))


def _one_of(entry: Entry, key: str, value: str, known: tuple[str, ...] | list[str]) -> None:
    if value not in known:
        entry.refuse(f"'{value}' is not a value of '{key}'.", key=key, next_step=hint(value, known))
