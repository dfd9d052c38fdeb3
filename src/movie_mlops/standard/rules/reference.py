"""Paths that files name and that do not exist; what was read once is remembered until the file changes."""

from collections.abc import Iterator
from typing import Final

from movie_mlops.standard.errors import TreeError
from movie_mlops.standard.findings import Finding, shown
from movie_mlops.standard.memory import Dangling, Memory, Said
from movie_mlops.standard.references.reading import has_reader
from movie_mlops.standard.spec import Rule
from movie_mlops.standard.survey import Survey
from movie_mlops.standard.tree import LINK, SUBMODULE, Tree

_LARGEST: Final = 2_000_000
_AT_ONCE: Final = 500


def check(survey: Survey, rule: Rule) -> Iterator[Finding]:
    """Yield a finding for each path that a file surely names and that is neither in the tree nor ignored by git."""
    found = dangling(survey)
    targets = sorted({one.target for _, ones in found for one in ones})
    ignored = survey.tree.ignored(targets)
    for path, ones in found:
        for one in ones:
            if one.target not in ignored:
                yield survey.finding(
                    rule,
                    path,
                    text=shown(one.text),
                    target=shown(one.target),
                    line=one.line,
                    column=one.column,
                    fix=_nearest(survey, one.target),
                )


def dangling(survey: Survey) -> list[tuple[str, list[Dangling]]]:
    """Return what each file names in vain."""
    tree = survey.tree
    if survey.only is not None or not tree.entries:
        return _read(tree, [path for path in survey.paths if has_reader(path)])
    changed = tree.changed
    memory = Memory(tree)
    unknown = memory.unknown()
    if unknown:
        missing = [entry for entry in unknown if _is_read(entry) and entry.partition("\t")[2] not in changed]
        for some in (missing[at : at + _AT_ONCE] for at in range(0, len(missing), _AT_ONCE)):
            paths = [entry.partition("\t")[2] for entry in some]
            for entry, said in zip(some, _said(tree, paths), strict=True):
                memory.learn(entry, said)
        unread = {entry for entry in unknown if entry.partition("\t")[2] in changed}
        memory.keep([entry for entry in tree.entries if entry not in unread])
    found = [(entry.partition("\t")[2], ones) for entry, ones in memory.dangling.items()]
    fresh = [path for path in tree.files & changed if has_reader(path)]
    return [(path, ones) for path, ones in found if path not in changed] + _read(tree, fresh)


def _is_read(entry: str) -> bool:
    return has_reader(entry) and entry[:6] not in {LINK, SUBMODULE}


def _read(tree: Tree, paths: list[str]) -> list[tuple[str, list[Dangling]]]:
    return [(path, said.dangling) for path, said in zip(paths, _said(tree, paths), strict=True) if said.dangling]


def _said(tree: Tree, paths: list[str]) -> Iterator[Said]:
    """Yield what each file says: the paths that it names in vain, and every path that reading it asked about."""
    from movie_mlops.standard.references import claims

    for path, content in zip(paths, _contents(tree, paths), strict=True):
        asked: dict[str, bool] = {}

        def exists(target: str, asked: dict[str, bool] = asked) -> bool:
            answer = asked[target] = tree.exists(target)
            return answer

        ones: list[Dangling] = []
        if content is not None and len(content) <= _LARGEST and b"\0" not in content:
            ones.extend(
                Dangling(one.line, one.start + 1, one.text, one.target)
                for one in claims(path, content.decode("utf-8", "replace"), exists)
                if not exists(one.target)
            )
        yield Said(ones, asked)


def _contents(tree: Tree, paths: list[str]) -> list[bytes | None]:
    found: list[bytes | None] = []
    if tree.kind in {"index", "commit"}:
        return tree.read_all(paths)
    for path in paths:
        try:
            found.append(tree.read(path))
        except TreeError:  # a folder in the place of a file, or no permission: git itself says so
            found.append(None)
    return found


def _nearest(survey: Survey, target: str) -> str:
    """Return the one path of the tree that has the same name, as advice."""
    name = "/" + target.rpartition("/")[2]
    same = [path for path in survey.tree.paths if path.endswith(name)]
    return f"→ {shown(same[0])} ?" if len(same) == 1 else ""
