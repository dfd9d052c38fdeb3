"""The lint against executable data: nothing that is read may run, and nothing that is text becomes a program.

Names are followed to where they are imported from, by whatever name they go in the file. What is imported by a name
that is only known at run time is not seen.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Final

from movie_mlops.security.scan.findings import Finding

_EXECUTABLE: Final = frozenset(
    {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "shelve"}
)
_READERS: Final[Mapping[str, str]] = {
    "numpy.load": "allow_pickle",
    "numpy.lib.npyio.load": "allow_pickle",
    "numpy.lib.format.read_array": "allow_pickle",
}
_PICKLED: Final = frozenset({"pandas.read_pickle", "pandas.io.pickle.read_pickle", "polars.DataFrame.deserialize"})
_TORCH: Final = frozenset({"torch.load", "torch.serialization.load"})
_YAML: Final = frozenset({"load", "load_all", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"})
_SAFE_LOADERS: Final = frozenset({"yaml.SafeLoader", "yaml.CSafeLoader", "yaml.BaseLoader", "yaml.CBaseLoader"})
_FROM_TEXT: Final = frozenset({"eval", "exec", "compile"})
_SHELLS: Final = frozenset(
    {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell"}
)
# Most files have none of these words: they need not be read as Python.
_HINT: Final = re.compile(
    r"pickle|dill|joblib|marshal|shelve|load|read_array|deserialize|eval|exec|compile|system|popen|getoutput|shell"
    r"|getstatusoutput"
)


def lint(source: str, path: str) -> list[Finding]:
    """Return what of a Python file could run data.

    Args:
        source: Its text.
        path: What it is called in the findings.
    """
    if not _HINT.search(source):
        return []
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        return [Finding("lint/unreadable", path, getattr(error, "lineno", None) or 1, "It is no Python.")]
    known = dict(_imported(tree))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found += [(node.lineno, *fault) for fault in _import(node)]
        elif isinstance(node, ast.Call):
            found += [(node.lineno, *fault) for fault in _call(node, known)]
    return [Finding(f"lint/{rule}", path, line, sentence) for line, rule, sentence in sorted(found)]


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield each name that an import makes, and what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _import(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    named = [alias.name for alias in node.names]
    modules = named if isinstance(node, ast.Import) else [node.module or ""] if not node.level else []
    for module in modules:
        if module.split(".")[0] in _EXECUTABLE:
            yield "pickle", f"{module} runs what it reads: keep plain data, such as JSON and arrays."
    if isinstance(node, ast.ImportFrom) and node.module == "sklearn.externals" and "joblib" in named:
        yield "pickle", "joblib runs what it reads: keep plain data, such as JSON and arrays."


def _call(node: ast.Call, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    name = _name(node.func, known)
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    if name in _FROM_TEXT or (name.startswith("builtins.") and name[9:] in _FROM_TEXT):
        yield "text-as-code", f"{name} makes a program of text."
    if name in _PICKLED:
        yield "pickle", f"{name} runs what it reads."
    if name in _READERS and not _is(given.get(_READERS[name]), False, missing=True):
        yield "numpy-pickle", f"{name} runs what it reads: leave allow_pickle off."
    if name in _TORCH and not _is(given.get("weights_only"), True, missing=False):
        yield "torch-pickle", f"{name} runs what it reads: say weights_only=True."
    if name.startswith("yaml.") and name[5:] in _YAML:
        loader = given.get("Loader", node.args[1] if len(node.args) > 1 else None)
        safe = loader is not None and _name(loader, known) in _SAFE_LOADERS
        if not (safe and name in {"yaml.load", "yaml.load_all"}):
            yield "yaml", f"{name} makes objects of what it reads: use yaml.safe_load."
    if name in _SHELLS:
        yield "shell", f"{name} has a shell read its words."
    if not _is(given.get("shell"), False, missing=True):
        yield "shell", f"{name or 'A call'} has a shell read its words: give a list and no shell."


def _name(node: ast.expr, known: Mapping[str, str]) -> str:
    """Return what an expression names, in full; empty where it names nothing that can be known."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([known.get(node.id, node.id), *reversed(parts)])


def _is(node: ast.expr | None, wanted: bool, *, missing: bool) -> bool:
    """Return whether an argument is surely so; what is only known at run time is not."""
    if node is None:
        return missing
    return isinstance(node, ast.Constant) and node.value is wanted
