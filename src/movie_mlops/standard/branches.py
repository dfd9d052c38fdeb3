"""Whether the name of a branch says its kind."""

from movie_mlops.standard.findings import Finding, say
from movie_mlops.standard.schema import nearest
from movie_mlops.standard.spec import Rule, Spec
from movie_mlops.standard.template import words


def judge(spec: Spec, name: str, *, direct: bool = False, language: str = "en") -> Finding | None:
    """Return what is wrong with a branch, or None.

    Args:
        spec: The declaration.
        name: The name, without ``refs/heads/``.
        direct: Whether somebody is about to change the branch directly, which a protected one does not take.
        language: The language of the message.
    """
    name = name.removeprefix("refs/heads/")
    if name in spec.protected:
        return _finding(spec, "protected", name, spec.branches[0].example, language) if direct else None
    if any(branch.template.match(name) is not None for branch in spec.branches):
        return None
    return _finding(spec, "name", name, suggested(spec, name), language)


def suggested(spec: Spec, name: str) -> str:
    """Return the right name that is nearest to a wrong one, or the example of the nearest kind, or ""."""
    kinds = {branch.template.pieces[0].partition("/")[0]: branch for branch in spec.branches}
    head, slash, tail = name.partition("/")
    kind = nearest(head.lower(), list(kinds)) if slash else ""
    if not kind:
        return ""
    branch = kinds[kind]
    said = words(tail)
    holes = branch.template.holes
    if holes[0] == "number":
        said = said[1:] if said[:1] == ["stage"] else said
        if len(said) < len(holes) or not said[0].isdecimal():
            return branch.example
        right = f"{kind}/stage{said[0]}-{'-'.join(said[1:])}"
    else:
        right = f"{kind}/{'-'.join(said)}"
    return right if branch.template.match(right) is not None else branch.example


def _finding(spec: Spec, aspect: str, name: str, target: str, language: str) -> Finding | None:
    rule = next((r for r in spec.rules.values() if r.check == "branch" and r.aspect == aspect), None)
    if rule is None or rule.severity == "off":
        return None
    facts = {"value": name, "target": target}
    fix = say(rule.fix, language).format_map(facts) if rule.fix else _advice(spec, target)
    return _made(rule, name, say(rule.message, language).format_map(facts), fix, target)


def _advice(spec: Spec, target: str) -> str:
    kinds = ", ".join(branch.template.show() for branch in spec.branches)
    return f"→ {target} ?  ({kinds})" if target else f"→ {kinds}"


def _made(rule: Rule, name: str, message: str, fix: str, target: str) -> Finding:
    return Finding(rule.code, rule.severity, name, None, None, message, fix, target)
