"""Where a path should live: which kind its name speaks for, and what that kind's folder and name are."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from movie_mlops.standard.spec import Kind, LayoutPath, Placement, Spec
from movie_mlops.standard.template import Groups, Template, glob_pattern, words


class Claim(NamedTuple):
    """A kind that a name speaks for; the lower the rank, the louder."""

    rank: int
    kind: Kind
    here: bool


def place(spec: Spec, path: str) -> Placement:
    """Return where a path should live, and why."""
    if path in spec.paths and not spec.paths[path].folder:
        return Placement("right", why="the layout names it")
    matches = spec.kinds_of(path)
    if matches:
        return Placement("right", matches[0].kind, why=matches[0].kind.name["en"])
    layout = spec.layout_of(path)
    if layout is not None and layout.open:
        return Placement("open", why=f"anything may lie in {layout.path}/")
    return _odd(spec, path, layout)


def _odd(spec: Spec, path: str, layout: LayoutPath | None) -> Placement:
    folder, _, name = path.rpartition("/")
    known = _named_in_layout(spec, name)
    if known is not None:
        return _moved(spec, known)
    claims = _claims(spec, folder, name)
    if claims:
        return _claimed(spec, path, claims)
    if layout is not None and layout.closed:
        return _foreign(spec, path, layout)
    return Placement("open", why="the standard says nothing of this folder")


def _named_in_layout(spec: Spec, name: str) -> str | None:
    """Return the one path of the layout that has this name, kinds that may lie anywhere aside."""
    if spec.kinds_of(f"-/{name}"):
        return None
    found = [path for path, layout in spec.paths.items() if not layout.folder and path.rpartition("/")[2] == name]
    return found[0] if len(found) == 1 and "/" in found[0] else None


def _moved(spec: Spec, target: str) -> Placement:
    matches = spec.kinds_of(target)
    kind = matches[0].kind if matches else None
    rule = spec.rule_for("place", kind.id) if kind else None
    if rule is None:
        rule = next((rule for rule in spec.rules.values() if rule.check == "place" and not rule.kinds), None)
    return Placement(
        "misplaced", kind, target, rule.code if rule else None, "certain", f"the layout puts it at {target}"
    )


@lru_cache(maxsize=512)
def _globs(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(glob_pattern, globs)) or r"(?!)", re.IGNORECASE | re.DOTALL)


def is_stray(spec: Spec, folder: str, name: str) -> bool:
    """Return whether a name shows by itself that it is of some kind; quick, because every name is asked."""
    if _all_globs(spec).match(name.lower()) is None:
        return bool(spec.kinds_in(folder)) and bool(_claims(spec, folder, name))
    return bool(_claims(spec, folder, name))


@lru_cache(maxsize=4)
def _all_globs(spec: Spec) -> re.Pattern[str]:
    globs = dict.fromkeys(glob.lower() for kind in spec.kinds.values() for glob in kind.strays)
    return re.compile("(?:" + "|".join(map(glob_pattern, globs)) + r")\Z" if globs else r"(?!)", re.DOTALL)


def _claims(spec: Spec, folder: str, name: str) -> list[Claim]:
    """Return the kinds that a name speaks for, the loudest alone."""
    here = {kind.id for kind, _ in spec.kinds_in(folder)}
    claims = []
    for kind in spec.kinds.values():
        inside = kind.id in here
        below = not kind.within or folder == kind.within or folder.startswith(kind.within + "/")
        stray = below and _globs(kind.strays).fullmatch(name) is not None
        if not stray and not (inside and _globs(kind.claims).fullmatch(name) is not None):
            continue
        rank = 3 if kind.fallback else 0 if stray and inside else 1 if stray else 2
        claims.append(Claim(rank, kind, inside))
    loudest = min((claim.rank for claim in claims), default=0)
    return [claim for claim in claims if claim.rank == loudest]


def _claimed(spec: Spec, path: str, claims: list[Claim]) -> Placement:
    folder, _, name = path.rpartition("/")
    hinted = _hinted(claims, folder) if len(claims) > 1 else []
    chosen = hinted or _heaviest(claims)
    fitting = [(claim, meant) for claim in chosen if (meant := _meant(spec, claim.kind, name)) is not None]
    if len(fitting) == 1 or (fitting and len(chosen) == 1):
        claim, meant = fitting[0]
        right, groups, exact = meant
        home = _home(spec, claim, folder, groups)
        if home is not None:
            target = f"{home}/{right}" if home != "." else right
            return _verdict(spec, path, claim.kind, target, exact=exact, guessed=claim in hinted)
    return _unclear(spec, path, chosen)


def _hinted(claims: list[Claim], folder: str) -> list[Claim]:
    """Return the claim whose own folder is named in the path (integration_tests/…), if one is."""
    said = set(words(folder))
    named = [
        claim
        for claim in claims
        if words(claim.kind.folders[0].text)[-1:] and words(claim.kind.folders[0].text)[-1] in said
    ]
    return named if len(named) == 1 else []


def _heaviest(claims: list[Claim]) -> list[Claim]:
    weights = [max(template.weight for template in claim.kind.templates) for claim in claims]
    return [claim for claim, weight in zip(claims, weights, strict=True) if weight == max(weights)]


def _meant(spec: Spec, kind: Kind, name: str) -> tuple[str, Groups, bool] | None:
    """Return the right name that a name means for a kind, what is in its holes, and whether it was right already."""
    alias = kind.aliases.get(name.lower())
    for template in () if alias else kind.templates:
        groups = template.match(name)
        if groups is not None:
            return name, groups, True
    for template in kind.templates:
        groups = template.match(alias) if alias else template.loosely(name)
        if groups is not None and _declared(spec, template, groups):
            return template.fill(groups), groups, False
    return None


def _declared(spec: Spec, template: Template, groups: Groups) -> bool:
    """Return whether a corrected name uses declared words alone: a correction never invents a word."""
    return all(groups[hole] in spec.words[hole] for hole in template.holes if hole in spec.words)


def _home(spec: Spec, claim: Claim, folder: str, groups: Mapping[str, str]) -> str | None:
    known = spec.derived(groups)
    if claim.here:
        mine = next(found.groups for found in spec.kinds_in(folder) if found.kind.id == claim.kind.id)
        if spec.agree(known, mine):
            return folder or "."
    return next((t.fill(known) for t in claim.kind.folders if t.can_fill(known)), None)


def _verdict(spec: Spec, path: str, kind: Kind, target: str, *, exact: bool, guessed: bool) -> Placement:
    moved = path.rpartition("/")[0] != target.rpartition("/")[0]
    rule = spec.rule_for("place" if moved else "name", kind.id)
    confidence = "certain" if exact and not guessed else "likely"
    why = (
        f"{kind.name['en']}: belongs in {target.rpartition('/')[0] or 'the root'}"
        if moved
        else f"{kind.name['en']}: {kind.templates[0].show()}"
    )
    return Placement("misplaced" if moved else "misnamed", kind, target, rule.code if rule else None, confidence, why)


def _unclear(spec: Spec, path: str, claims: list[Claim]) -> Placement:
    """Return the verdict on a name that lacks something: what it might become is listed, never guessed."""
    folder, _, name = path.rpartition("/")
    inside = next((claim for claim in claims if claim.here), None)
    kind = inside.kind if inside else claims[0].kind if len(claims) == 1 else None
    rule = spec.rule_for("name" if inside else "place", (kind or claims[0].kind).id)
    alternatives = []
    for claim in [inside] if inside else claims:
        for home in [folder] if inside else _homes(spec, claim.kind):
            alternatives.extend(_suggested(spec, claim.kind, home, name))
    what = " or ".join(claim.kind.name["en"] for claim in ([inside] if inside else claims))
    return Placement(
        "misnamed" if inside else "ambiguous",
        kind,
        None,
        rule.code if rule else None,
        "ambiguous",
        f"it may be: {what}",
        tuple(dict.fromkeys(alternatives)),
    )


def _homes(spec: Spec, kind: Kind) -> list[str]:
    homes = []
    for template in kind.folders:
        declared = [hole for hole in template.holes if hole in spec.words]
        if declared and len(template.holes) == 1:
            homes += [template.fill({declared[0]: word}) for word in spec.words[declared[0]]]
        else:
            homes.append("" if template.text == "." else template.show())
    return homes


def _suggested(spec: Spec, kind: Kind, home: str, name: str) -> list[str]:
    template = next((t for t in kind.templates if t.match(name) is not None), None)
    if template is not None:
        return [f"{home}/{name}".lstrip("/")]
    stem = name.rpartition(".")[0] or name
    joined = [t for t in kind.templates if any(spec.placeholders[hole].joined for hole in t.holes)]
    template = (joined or list(kind.templates))[0]
    literal = {word for piece in template.pieces[::2] for word in words(piece)}
    rest = [word for word in words(stem) if word not in literal and not word.isdecimal()]
    groups: Groups = {}
    last = next((hole for hole in reversed(template.holes) if spec.placeholders[hole].joined), None)
    if rest and last and last not in spec.words:
        groups[last] = spec.placeholders[last].joined.join(rest)
    numbered = _stages_named(spec, rest) if {"stage", "substage"} <= set(template.holes) else []
    shown = [template.show({**groups, "stage": s.partition(".")[0], "substage": s.partition(".")[2]}) for s in numbered]
    return [f"{home}/{text}".lstrip("/") for text in shown or [template.show(groups)]]


def _stages_named(spec: Spec, said: list[str]) -> list[str]:
    """Return the substages whose title or room is among the words."""
    return [n for n, sub in spec.substages.items() if {*words(sub.title), sub.room.lower()} & set(said)]


def _foreign(spec: Spec, path: str, layout: LayoutPath) -> Placement:
    rule = next((rule for rule in spec.rules.values() if rule.check == "place" and not rule.kinds), None)
    target = f"{layout.otherwise}/{path.rpartition('/')[2]}" if layout.otherwise else None
    return Placement(
        "misplaced" if target else "ambiguous",
        None,
        target,
        rule.code if rule else None,
        "likely" if target else "ambiguous",
        f"{layout.path}/ holds {layout.holds['en']} alone",
    )
