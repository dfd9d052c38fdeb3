"""The page's files fit together: every name that one gives is in the other."""

import json
import re
from pathlib import Path

import pytest

SERVING = Path(__file__).resolve().parents[2] / "src" / "movie_mlops" / "serving"
PAGES = SERVING / "pages"
TEMPLATES = sorted((SERVING / "templates").glob("*.j2"))
SCRIPTS = sorted(path.name for path in PAGES.glob("*.js"))
NAMED = re.compile(r"/static/(\w+\.\w+)(?:#([\w-]+))?")
IMPORT = re.compile(r'^import (?:(\w+)|(?:(\w+), )?\{([^}]*)\}|\* as \w+) from "\./([\w.]+)";$', re.MULTILINE)
HOLE = re.compile(r"\{(\w+)\}")


def text(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")


def sentences(language: str) -> dict[str, set[str]]:
    """Return each key of a language with the places that its sentence has for facts."""
    words = json.loads(text(f"words/{language}.json"))["sentences"]
    return {key: set(HOLE.findall(sentence)) for key, sentence in words.items()}


def test_both_languages_say_the_same_things() -> None:
    """Every sentence is there in English and in Korean, with places for the same facts."""
    english, korean = sentences("en"), sentences("ko")
    assert len(english) > 150
    assert english.keys() == korean.keys()
    assert {key for key in english if english[key] != korean[key]} == set()


def test_every_sentence_that_is_asked_for_exists() -> None:
    """No script and no template asks for a sentence that no language has, and none lies unused."""
    known = sentences("en").keys()
    pages = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES)
    asked = set(re.findall(r'data-(?:text|label|placeholder)="(\w+)"', pages)) | set(re.findall(r"\bt\.(\w+)", pages))
    code = "".join(text(name) for name in SCRIPTS)
    asked |= set(re.findall(r'\bt\("(\w+)"', code))
    assert asked - known == set()
    server = (SERVING / "routes" / "pages.py").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", pages + code + server))
    # One that is asked for as `${act}Film` is called by the end of its name alone.
    composed = tuple(re.findall(r"\bt\(`\$\{\w+\}(\w+)`", code))
    assert {key for key in known - words if not key.endswith(composed)} == set()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_imports_only_what_is_exported(name: str) -> None:
    """Every import names a file of the page, and a name that the file exports."""
    for default, beside, names, file in IMPORT.findall(text(name)):
        exported = text(file)
        if default or beside:
            assert "export default" in exported
        for one in filter(None, (word.split(" as ")[0].strip() for word in names.split(","))):
            declared = rf"^export (?:async )?(?:function|const|let|class) {one}\b"
            assert re.search(declared, exported, re.MULTILINE), f"{name} imports {one} from {file}"
    assert text(name).count("\nimport ") + text(name).startswith("import ") == len(IMPORT.findall(text(name)))


def test_the_page_asks_for_nothing_that_is_not_there() -> None:
    """Every file and every icon that the page names is one of its own, and no address is another machine's."""
    icons = set(re.findall(r'<symbol id="([\w-]+)"', text("icons.svg")))
    files = {path.name: path.read_text(encoding="utf-8") for path in TEMPLATES} | {name: text(name) for name in SCRIPTS}
    for name, content in files.items():
        for file, icon in NAMED.findall(content):
            assert (PAGES / file).is_file(), f"{name} names {file}"
            assert not icon or icon in icons, f"{name} names the icon {icon}"
        # `icon` is a macro of the templates; what it is given is a name too.
        assert set(re.findall(r'\bicon\("([\w-]+)"', content)) <= icons, name
    for path in filter(Path.is_file, PAGES.rglob("*")):
        foreign = re.findall(r"https?://[^\s\"')]+", path.read_text(encoding="utf-8"))
        assert [url for url in foreign if not url.startswith("http://www.w3.org/")] == [], path.name
