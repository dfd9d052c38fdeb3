"""What tests promise, read from their docstrings: the code is parsed, never imported or run."""

import ast
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_NUMBERED: Final = re.compile(r"Promises?\s+(P\d+(?:(?:,\s*|\s+and\s+|,\s+and\s+)P\d+)*)\s*:\s*")


class Promise(NamedTuple):
    """What one test promises.

    Attributes:
        test: Its name, with its class: ``TestLake::test_append``.
        line: Where it is, 1-based.
        text: The first line of its docstring without the numbers; empty where it has no docstring.
        numbers: The promises of the project that it proves: ``P2``.
        proof: How it proves it, the facts that the code itself states.
    """

    test: str
    line: int
    text: str
    numbers: tuple[str, ...]
    proof: tuple[str, ...]


class TestFile(NamedTuple):
    """A file of tests: its path, what it is about, and its promises; ``broken`` says why it cannot be read."""

    path: str
    about: str
    promises: tuple[Promise, ...]
    broken: str = ""


def of_python(path: str, text: str) -> TestFile:
    """Return what the tests of a Python file promise."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        return TestFile(path, "", (), f"line {getattr(error, 'lineno', None) or 1} is not Python")
    marks = _file_marks(module)
    return TestFile(path, _first_line(module), tuple(_promises(module.body, "", marks)))


def of_bash(path: str, text: str) -> TestFile:
    """Return what a Bash test promises: its first comment."""
    name = path.rpartition("/")[2]
    comments = [line.lstrip("# ").rstrip() for line in text.splitlines() if line.startswith("#")]
    said = next((line for line in comments if line and not line.startswith("!")), "")
    numbers, words = _split(said)
    return TestFile(path, "", (Promise(name, 1, words, numbers, ("Bash script",)),))


def _promises(body: list[ast.stmt], prefix: str, marks: tuple[str, ...]) -> Iterator[Promise]:
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from _promises(node.body, f"{prefix}{node.name}::", (*marks, *_marks(node)))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            numbers, words = _split(_first_line(node))
            proof = dict.fromkeys([*_proof(node), *marks, *_marks(node)])
            yield Promise(f"{prefix}{node.name}", node.lineno, words, numbers, tuple(proof))


def _first_line(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return the first sentence of a docstring, up to the first empty line, on one line."""
    text = ast.get_docstring(node) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _split(text: str) -> tuple[tuple[str, ...], str]:
    found = _NUMBERED.match(text)
    if found is None:
        return (), text
    words = text[found.end() :]
    return tuple(re.findall(r"P\d+", found[1])), words[:1].upper() + words[1:]


def _proof(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield how a test proves its promise, as far as its decorators say it."""
    cases = 1
    counted = False
    for decorator in node.decorator_list:
        name, call = _named(decorator)
        if name == "parametrize" and call is not None:
            values = call.args[1] if len(call.args) > 1 else None
            many = len(values.elts) if isinstance(values, ast.List | ast.Tuple | ast.Set) else 0
            cases = cases * many if many and cases else 0
            counted = True
        elif name == "given":
            yield "property"
    if counted:
        yield f"{cases} cases" if cases > 1 else "1 case" if cases else "several cases"


_SAID: Final = frozenset({"parametrize", "given", "usefixtures", "filterwarnings"})


def _marks(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        mark = _mark(decorator)
        if mark:
            yield mark


def _file_marks(module: ast.Module) -> tuple[str, ...]:
    """Return the marks that ``pytestmark`` gives to every test of a file."""
    for node in module.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets):
            values = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
            return tuple(mark for mark in map(_mark, values) if mark)
    return ()


def _mark(node: ast.expr) -> str:
    name, call = _named(node)
    dotted = ast.unparse(call.func if call is not None else node)
    if ".mark." not in f".{dotted}" or name in _SAID:
        return ""
    return {"skip": "left out", "skipif": "left out where it cannot run", "xfail": "known to fail"}.get(
        name, f"marked {name}"
    )


def _named(node: ast.expr) -> tuple[str, ast.Call | None]:
    """Return the last word of a decorator, and its call where it is one."""
    call = node if isinstance(node, ast.Call) else None
    function = call.func if call is not None else node
    if isinstance(function, ast.Attribute):
        return function.attr, call
    return (function.id if isinstance(function, ast.Name) else ""), call
