"""Paths in shell: what is run, read or changed into, and what is relative to the script's own folder."""

import re
from typing import Final

from movie_mlops.standard.references.page import LOOKS_LIKE_PATH, Page
from movie_mlops.standard.references.reference import BESIDE, base_folder, folder_of, joined

_SELF = r'"?\$(?:0|\{0\}|BASH_SOURCE|\{BASH_SOURCE(?:\[0\])?(?::-\$\{?0\}?)?\})"?'
_REAL = rf'(?:{_SELF}|"?\$\((?:realpath|readlink\s+-f)\s+(?:--\s+)?{_SELF}\)"?)'
_HERE = rf"(?:\$\(dirname\s+(?:--\s+)?{_REAL}\)|\$\{{(?:0|BASH_SOURCE(?:\[0\])?)%/\*\}})"
_TOP = r"\$\(git\s+rev-parse\s+--show-toplevel\)"

_ANCHOR: Final = re.compile(
    rf'(?P<deep>\$\(dirname\s+(?:--\s+)?"?{_HERE}"?\))|(?P<here>{_HERE})|(?P<top>{_TOP})|\$\{{?(?P<name>[A-Za-z_]\w*)\}}?'
)
_REST: Final = re.compile(r"""(?P<quote>"?)/(?P<path>[^\s"'`$;&|<>()=,:*?\[\]{}!\\]*)""")
_ASSIGNMENT: Final = re.compile(
    r"^\s*(?:(?:export|local|readonly|declare|typeset)\s+(?:-\w+\s+)*)?(?P<name>[A-Za-z_]\w*)="
)
_CHANGE: Final = re.compile(r"(?:^|[;&|(\s])(?P<verb>cd|pushd)\s+(?:--\s+)?")
_BACK: Final = re.compile(r'(?:^|[;&|(\s])(?:cd\s+(?:-|"?\$OLDPWD"?)|popd)(?=\s|;|$)')
_ROOT_NAME: Final = re.compile(r"ROOT|REPO|PROJECT|TOP|BASE|WORKSPACE", re.IGNORECASE)
_RUNS: Final = re.compile(
    r"""(?:(?:^|[\s;&|(`])(?:bash|sh|zsh|source|\.|python3?)\s+(?:-[a-z]+\s+)*|^\s*|[;&|(]\s*|\b(?:exec|then|do|else|if|!)\s+)["']?$"""
)
_PLAIN_FOLDER: Final = re.compile(
    r"(?:^|[\s;&|(])(?:cd|pushd|pytest|mypy|flake8|black|isort|pylint|bandit|ruff\s+\w+|ls|find)\s[^;&|]*$|--cov=$"
)
_COMMENT: Final = re.compile(r"(?:^|\s)#(?!\{)")
_SPEAKS: Final = re.compile(r"^\s*(?:echo|printf|log\w*|info|warn)\b")
_HEREDOC: Final = re.compile(r"""<<-?\s*(["']?)(\w+)\1""")
_QUOTED: Final = re.compile(r""""([^"$`\\]*\s[^"$`\\]*)"|'([^']*\s[^']*)'""")
_MODULE: Final = re.compile(r"(?:-m|uvicorn|gunicorn|celery\s+-A)\s+([A-Za-z_][\w.]*)")


class _Script:
    """What a script has said so far: where it is, and which variables mean which folder."""

    __slots__ = ("bases", "folder", "folders", "page", "previous")

    def __init__(self, page: Page, bases: tuple[str, ...]) -> None:
        self.page = page
        self.bases = bases
        self.folders: dict[str, str] = {}
        self.folder: str | None = bases[0]
        self.previous: str | None = bases[0]

    def seen_from(self) -> tuple[str, ...]:
        here = () if self.folder is None else (self.folder,)
        return (*here, *(base for base in self.bases if base != self.folder))


def read(page: Page) -> None:
    """Read a whole script."""
    read_lines(page, [(number, 0, line) for number, line in page.numbered()], ("", BESIDE))


def read_lines(page: Page, lines: list[tuple[int, int, str]], bases: tuple[str, ...]) -> None:
    """Read lines of shell that stand in ``page``.

    Args:
        page: The file.
        lines: 0-based line, first character, text.
        bases: Where the script starts, and what else its paths may be relative to.
    """
    script = _Script(page, bases)
    heredoc = ""
    for line, start, text in lines:
        if heredoc:
            if text.strip() == heredoc:
                heredoc = ""
            page.words(line, start, text, script.seen_from())
            continue
        if text.strip():
            _read_line(script, line, start, text)
        if (opened := _HEREDOC.search(text)) is not None:
            heredoc = opened.group(2)


def _read_line(script: _Script, line: int, start: int, text: str) -> None:
    comment = _COMMENT.search(text)
    code = text if comment is None else text[: comment.start()]
    before = script.folder
    subshell = re.search(r"\(\s*(?:cd|pushd)\s", code) is not None
    taken: list[tuple[int, int]] = []
    _anchors(script, line, start, code, taken)
    _plain(script, line, start, code, taken)
    if subshell:
        script.folder = before
    if _BACK.search(code):
        script.folder, script.previous = script.previous, script.folder
    if comment is not None:
        script.page.words(line, start + comment.start(), text[comment.start() :], script.seen_from())


def _anchors(script: _Script, line: int, start: int, code: str, taken: list[tuple[int, int]]) -> None:
    """Read what begins with an expression for a known folder."""
    assigned = _ASSIGNMENT.match(code)
    for match in _ANCHOR.finditer(code):
        base = _anchor_base(script, match)
        rest = _REST.match(code, match.end())
        taken.append((match.start(), rest.end() if rest else match.end()))
        if base is None:
            continue
        path = rest.group("path") if rest else ""
        at = match.end() if rest is None else rest.end() - len(path)
        changes = re.search(r"(?:cd|pushd)\s+(?:--\s+)?\"?$", code[: match.start()]) is not None
        name = assigned.group("name") if assigned is not None and match.start() >= assigned.end() else None
        if path.strip("./"):
            must = _must(script, code, match.start(), path)
            # What lies beside the script stays where it is when the script moves, even if git does not track it.
            target = script.page.path(
                line, start + at, path, (base,), must=must, assume=base.startswith("."), ask=name is not None or changes
            )
            _remember(script, name, changes, target)
        else:
            _climb(script, line, start, code, match=match, rest=rest, base=base, name=name, changes=changes)


def _climb(
    script: _Script,
    line: int,
    start: int,
    code: str,
    *,
    match: re.Match[str],
    rest: re.Match[str] | None,
    base: str,
    name: str | None,
    changes: bool,
) -> None:
    """Read ``$(dirname "$0")/..``: a folder, said by where the script lies."""
    folder = base_folder(base, script.page.source)
    climbs = rest.group("path") if rest else ""
    target = None if folder is None else joined(folder, climbs)
    if target is None:
        return
    stays = name is not None and not climbs.strip("/") and not (changes and _ROOT_NAME.search(name))
    if stays and name is not None and not _ROOT_NAME.search(name):
        script.folders[name] = base
        return
    if base.startswith("."):
        means_folder = changes or name is not None or ".." in climbs
        at = match.end() if rest is None else rest.end() - len(climbs) - 1
        text = code[at : rest.end()] if rest else ""
        script.page.folder(line, start + at, text, target, base=base, style="suffix", likely=means_folder)
    _remember(script, name, changes, target)


def _remember(script: _Script, name: str | None, changes: bool, target: str | None) -> None:
    if name is not None and target is not None:
        script.folders[name] = target
    elif changes:
        script.previous, script.folder = script.folder, target


def _anchor_base(script: _Script, match: re.Match[str]) -> str | None:
    if match.group("deep"):
        return "./.." if folder_of(script.page.source) else None
    if match.group("here"):
        return BESIDE
    if match.group("top"):
        return ""
    return script.folders.get(match.group("name"))


def _plain(script: _Script, line: int, start: int, code: str, taken: list[tuple[int, int]]) -> None:
    """Read the words that no expression precedes, following ``cd`` from left to right."""
    page = script.page
    for match in _QUOTED.finditer(code):
        group = 1 if match.group(1) is not None else 2
        page.path(line, start + match.start(group), match.group(group), script.seen_from())
    for match in _MODULE.finditer(code):
        page.module_word(line, start + match.start(1), match.group(1))
        if "." not in match.group(1):
            page.module(line, start + match.start(1), match.group(1), ("",))
    for match in re.finditer(r"""[^\s"'`$;&|<>()=,:*?\[\]{}!#\\%]+""", code):
        begin, word = match.start(), match.group()
        if any(begin < stop and first < match.end() for first, stop in taken) or _in_expression(code, begin):
            continue
        change = _CHANGE.search(code[:begin].rstrip("\"'"))
        if change is not None and change.end() == len(code[:begin].rstrip("\"'")):
            if word != "-":
                target = page.path(line, start + begin, word, script.seen_from(), ask=True)
                script.previous, script.folder = script.folder, target
        elif LOOKS_LIKE_PATH.search(word):
            _word(script, line, start, code, begin=begin, word=word)
        elif _PLAIN_FOLDER.search(code[:begin]):
            page.path(line, start + begin, word, script.seen_from())


def _word(script: _Script, line: int, start: int, code: str, *, begin: int, word: str) -> None:
    plain = word.rstrip(".") if word.strip("./") else ""
    must = script.folder is not None and _must(script, code, begin, plain)
    if plain and script.page.path(line, start + begin, plain, script.seen_from(), must=must) is None:
        script.page.module_word(line, start + begin, plain)


def _in_expression(code: str, begin: int) -> bool:
    """Return whether the word goes on after a variable or a substitution: ``$X/word``, ``${X}word``."""
    return begin > 0 and (code[begin - 1] in "}$" or (code[begin] == "/" and code[begin - 1] in ')}"*?]'))


def _must(script: _Script, code: str, begin: int, path: str) -> bool:
    """Return whether what stands at ``begin`` is run or sourced, unguarded, and never made by the script itself."""
    if not path.endswith((".sh", ".bash")) or "/" not in path or path.startswith(("/", "~")):
        return False
    if _SPEAKS.match(code) or _RUNS.search(code[:begin]) is None:
        return False
    name = re.escape(path.rpartition("/")[2])
    content = script.page.content
    guarded = re.search(rf"-[efrsx]\s[^\n]*{name}", content) is not None
    made = (
        re.search(rf"(?:>|\bcp\s[^\n]*\s|\bmv\s[^\n]*\s|\btouch\s|-o\s)\s*[\"']?[^\s\"']*{name}", content) is not None
    )
    return not guarded and not made
