"""Words in names that nobody declared: a stage, a substage, the purpose of a Compose file."""

from collections.abc import Iterator

from movie_mlops.standard.findings import Finding, say, shown
from movie_mlops.standard.spec import Rule, Spec
from movie_mlops.standard.survey import Survey, Value


def check(survey: Survey, rule: Rule) -> Iterator[Finding]:
    """Yield a finding for each word that is not declared, with the nearest that is."""
    seen: set[tuple[str, str]] = set()
    for found in survey.undeclared:
        if found.hole != rule.placeholder:
            continue
        word = survey.spec.undeclared(found.hole, found.value, found.groups)
        path, near = _where(survey.spec, found, word)
        if (path, word) in seen:
            continue
        seen.add((path, word))
        advice = f"→ {shown(near)} ?" if near else say(rule.fix, survey.language)
        yield survey.finding(rule, path, value=shown(word), fix=advice, stage=found.groups.get("stage"))


def _where(spec: Spec, found: Value, word: str) -> tuple[str, str]:
    """Return the path to speak of (the folder, where the word is the folder's) and what it should probably be."""
    folder = found.path.rpartition("/")[0]
    inside = found.hole in {"stage_folder", "script_purpose"} or word in folder.split("/")
    path = folder if inside else found.path
    from movie_mlops.standard.schema import nearest

    near = nearest(word, spec.declared(found.hole)) if not word.replace(".", "").isdecimal() else ""
    head, slash, tail = path.rpartition("/")
    return path, head + slash + tail.replace(word, near) if near else ""
