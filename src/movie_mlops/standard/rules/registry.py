"""Words in names that nobody declared: a stage, a substage, the purpose of a Compose file."""

from collections.abc import Iterator

from movie_mlops.standard.findings import Finding, say, shown
from movie_mlops.standard.schema import nearest
from movie_mlops.standard.spec import Rule, Spec
from movie_mlops.standard.survey import Survey, Value


def check(survey: Survey, rule: Rule) -> Iterator[Finding]:
    """Yield a finding for each word that is not declared, with the nearest that is."""
    seen: set[tuple[str, str]] = set()
    for found in survey.values:
        if found.hole != rule.placeholder:
            continue
        word = undeclared(survey.spec, found)
        if not word:
            continue
        path, near = _where(survey.spec, found, word)
        if (path, word) in seen:
            continue
        seen.add((path, word))
        advice = f"→ {shown(near)} ?" if near else say(rule.fix, survey.language)
        yield survey.finding(rule, path, value=shown(word), fix=advice, stage=found.groups.get("stage"))


def declared(spec: Spec, hole: str) -> list[str]:
    """Return the declared values of a placeholder."""
    if hole == "stage":
        return [str(number) for number in spec.stages]
    if hole == "substage":
        return list(spec.substages)
    if hole in spec.words:
        return list(spec.words[hole])
    return [spec.derived({"stage": str(number)})[hole] for number in spec.stages]


def undeclared(spec: Spec, found: Value) -> str:
    """Return the word that is not declared, or "" where it is."""
    if found.hole == "substage":
        stage = found.groups["stage"]
        number = f"{stage}.{found.value}"
        right = found.value == "x" or number in spec.substages or int(stage) not in spec.stages
        return "" if right else number
    return "" if found.value in declared(spec, found.hole) else found.value


def _where(spec: Spec, found: Value, word: str) -> tuple[str, str]:
    """Return the path to speak of (the folder, where the word is the folder's) and what it should probably be."""
    folder = found.path.rpartition("/")[0]
    inside = found.hole in {"stage_folder", "script_purpose"} or word in folder.split("/")
    path = folder if inside else found.path
    near = nearest(word, declared(spec, found.hole)) if not word.replace(".", "").isdecimal() else ""
    head, slash, tail = path.rpartition("/")
    return path, head + slash + tail.replace(word, near) if near else ""
