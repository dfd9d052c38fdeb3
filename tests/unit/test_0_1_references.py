"""References by file type: found, resolved, and written anew after a move."""
# ruff: noqa: E501 - a case reads best on one line

import random

import pytest

from movie_mlops.standard.migrate.edits import Book, edits_of
from movie_mlops.standard.migrate.stages import edited
from movie_mlops.standard.references import claims, has_reader, references
from tests.fixtures.stage_0.messy_repository import FILES


def moved(file: str, content: str, moves: dict[str, str], others: str = "") -> str:
    """Return ``content`` after the moves, in a repository of the moved files, ``file`` and ``others``."""
    book = Book({file, *moves, *others.split()})
    book.read(file, content.encode())
    edits, _ = edits_of(book, [(0, moves)])
    lines = content.split("\n")
    for edit in edits:
        assert lines[edit.line - 1] == edit.before
        lines[edit.line - 1] = edit.after
    return "\n".join(lines)


MOVE_SCRIPT = {"setup.sh": "scripts/setup/setup_all.sh"}

REWRITTEN = [
    # shell: run, sourced, compared with the script's own folder, after a change of folder
    ("run.sh", "bash setup.sh --all", MOVE_SCRIPT, "bash scripts/setup/setup_all.sh --all"),
    ("run.sh", "./setup.sh && echo done", MOVE_SCRIPT, "./scripts/setup/setup_all.sh && echo done"),
    ("run.sh", 'cd docker && bash "../setup.sh"', MOVE_SCRIPT, 'cd docker && bash "../scripts/setup/setup_all.sh"'),
    ("run.sh", '. "$(dirname "$0")/setup.sh"', MOVE_SCRIPT, '. "$(dirname "$0")/scripts/setup/setup_all.sh"'),
    ("run.sh", "# see setup.sh.", MOVE_SCRIPT, "# see scripts/setup/setup_all.sh."),
    ("run.sh", "bash other/setup.sh", MOVE_SCRIPT, "bash other/setup.sh"),
    ("run.sh", "curl https://example.org/setup.sh", MOVE_SCRIPT, "curl https://example.org/setup.sh"),
    ("run.sh", "bash $OTHER/setup.sh", MOVE_SCRIPT, "bash $OTHER/setup.sh"),
    ("run.sh", 'bash "설정 하나.sh"', {"설정 하나.sh": "scripts/설정 하나.sh"}, 'bash "scripts/설정 하나.sh"'),
    ("run.sh", "python -m tools.load", {"tools/load.py": "lib/load.py"}, "python -m lib.load"),
    ("run.sh", "pytest -q checks", {"checks/test_a.py": "tests/unit/test_a.py"}, "pytest -q tests/unit"),
    ("run.sh", "cd deploy && bash x.sh && sh ../lib.sh", {"deploy/x.sh": "ops/live/x.sh"}, "cd ops/live && bash x.sh && sh ../../lib.sh"),
    # the script itself moves
    ("setup.sh", 'cd "$(dirname "$0")"', MOVE_SCRIPT, 'cd "$(dirname "$0")/../.."'),
    ("setup.sh", 'ROOT="$(cd "$(dirname "$0")" && pwd)"', MOVE_SCRIPT, 'ROOT="$(cd "$(dirname "$0")/../.." && pwd)"'),
    ("setup.sh", '. "$(dirname "$0")/lib.sh"', MOVE_SCRIPT, '. "$(dirname "$0")/../../lib.sh"'),
    ("setup.sh", 'here=$(dirname "$0")\n"$here/.venv/bin/x"', MOVE_SCRIPT, 'here=$(dirname "$0")\n"$here/../../.venv/bin/x"'),
    ("setup.sh", 'cd "${BASH_SOURCE%/*}"\nbash lib.sh', MOVE_SCRIPT, 'cd "${BASH_SOURCE%/*}/../.."\nbash lib.sh'),
    ("setup.sh", "T=$(git rev-parse --show-toplevel)\n. $T/lib.sh", MOVE_SCRIPT, "T=$(git rev-parse --show-toplevel)\n. $T/lib.sh"),
    # Compose
    ("docker-compose.yml", "services:\n  a:\n    build: .", {"docker-compose.yml": "docker/docker-compose.main.yml"}, "services:\n  a:\n    build: .."),
    (
        "docker-compose.yml",
        "services:\n  a:\n    build:\n      dockerfile: Dockerfile.api\n      context: .\n    env_file:\n      - .env\n    volumes:\n      - ./nginx.conf:/x:ro\n      - data:/data",
        {"docker-compose.yml": "docker/docker-compose.main.yml", "Dockerfile.api": "docker/dockerfiles/Dockerfile.api"},
        "services:\n  a:\n    build:\n      dockerfile: docker/dockerfiles/Dockerfile.api\n      context: ..\n    env_file:\n      - ../.env\n    volumes:\n      - ../nginx.conf:/x:ro\n      - data:/data",
    ),
    # workflows
    (".github/workflows/ci.yml", "jobs:\n  a:\n    steps:\n      - run: |\n          ./setup.sh", MOVE_SCRIPT, "jobs:\n  a:\n    steps:\n      - run: |\n          ./scripts/setup/setup_all.sh"),
    (".github/workflows/ci.yml", "steps:\n  - working-directory: docker\n    run: bash build.sh", {"docker/build.sh": "scripts/build.sh"}, "steps:\n  - working-directory: docker\n    run: bash ../scripts/build.sh"),
    (".github/workflows/ci.yml", "steps:\n  - uses: ./actions/a", {"actions/a/action.yml": ".github/actions/a/action.yml"}, "steps:\n  - uses: ./.github/actions/a"),
    # Dockerfile
    ("Dockerfile.dev", "COPY setup.sh /x/", MOVE_SCRIPT, "COPY scripts/setup/setup_all.sh /x/"),
    ("Dockerfile.dev", 'COPY ["setup.sh", "/x/"]', MOVE_SCRIPT, 'COPY ["scripts/setup/setup_all.sh", "/x/"]'),
    ("Dockerfile.dev", "COPY --from=build setup.sh /x/", MOVE_SCRIPT, "COPY --from=build setup.sh /x/"),
    ("Dockerfile.dev", 'WORKDIR /app\nCOPY . .\nCMD ["sh", "setup.sh"]', MOVE_SCRIPT, 'WORKDIR /app\nCOPY . .\nCMD ["sh", "scripts/setup/setup_all.sh"]'),
    ("Dockerfile.dev", 'COPY setup.sh /app/setup.sh\nCMD ["/app/setup.sh"]', MOVE_SCRIPT, 'COPY scripts/setup/setup_all.sh /app/setup.sh\nCMD ["/app/setup.sh"]'),
    # configuration
    ("pyproject.toml", '[tool.x]\nscript = "setup.sh"', MOVE_SCRIPT, '[tool.x]\nscript = "scripts/setup/setup_all.sh"'),
    ("pyproject.toml", 'testpaths = ["checks"]', {"checks/test_a.py": "tests/unit/test_a.py"}, 'testpaths = ["tests/unit"]'),
    ("pyproject.toml", '[project.scripts]\nx = "tools.load:main"', {"tools/load.py": "lib/load.py"}, '[project.scripts]\nx = "lib.load:main"'),
    ("config/a.ini", "[x]\ncommand = bash setup.sh\n", MOVE_SCRIPT, "[x]\ncommand = bash scripts/setup/setup_all.sh\n"),
    ("package.json", '{"scripts": {"up": "bash ./setup.sh"}}', MOVE_SCRIPT, '{"scripts": {"up": "bash ./scripts/setup/setup_all.sh"}}'),
    (".env", "SCRIPT=setup.sh", MOVE_SCRIPT, "SCRIPT=scripts/setup/setup_all.sh"),
    (".pre-commit-config.yaml", "    entry: bash setup.sh", MOVE_SCRIPT, "    entry: bash scripts/setup/setup_all.sh"),
    # lists
    (".gitignore", "*.log\n!/setup.sh", MOVE_SCRIPT, "*.log\n!/scripts/setup/setup_all.sh"),
    (".github/CODEOWNERS", "/setup.sh @a", MOVE_SCRIPT, "/scripts/setup/setup_all.sh @a"),
    ("requirements-dev.txt", "-r base.txt\nx", {"base.txt": "requirements.txt"}, "-r requirements.txt\nx"),
    # Markdown
    ("docs/a.md", "[x](../setup.sh#top 'T') ![y](p.png)", MOVE_SCRIPT, "[x](../scripts/setup/setup_all.sh#top 'T') ![y](p.png)"),
    ("docs/a.md", "[x](b.md)", {"docs/b.md": "docs/01-x/b c.md"}, "[x](01-x/b%20c.md)"),
    ("docs/a.md", "[x](<b.md>)\n\n[r]: b.md", {"docs/b.md": "docs/01-x/b c.md"}, "[x](<01-x/b c.md>)\n\n[r]: 01-x/b%20c.md"),
    ("docs/a.md", "Run `bash setup.sh`.\n```bash\n./setup.sh\n```", MOVE_SCRIPT, "Run `bash scripts/setup/setup_all.sh`.\n```bash\n./scripts/setup/setup_all.sh\n```"),
    ("docs/a.md", "[up](../README.md)", {"docs/a.md": "docs/01-x/a.md"}, "[up](../../README.md)"),
    # Python
    ("a.py", "import tools.load\nx = tools.load.go()", {"tools/load.py": "lib/load.py"}, "import lib.load\nx = lib.load.go()"),
    ("a.py", "import load\nload.go()", {"load.py": "lib/load.py"}, "import lib.load as load\nload.go()"),
    ("a.py", "from tools.load import go", {"tools/load.py": "lib/fetch.py"}, "from lib.fetch import go"),
    ("a.py", "from tools import load", {"tools/load.py": "lib/fetch.py"}, "from lib import fetch as load"),
    ("pkg/sub/a.py", "from ..b import c", {"pkg/b.py": "pkg/sub/b.py"}, "from .b import c"),
    ("pkg/a.py", "from .b import c", {"pkg/a.py": "pkg/sub/a.py"}, "from ..b import c"),
    ("a.py", 'ROOT / "setup.sh"', MOVE_SCRIPT, 'ROOT / "setup.sh"'),
    ("t/a.py", 'R = Path(__file__).parents[1]\nR / "setup.sh"', MOVE_SCRIPT, 'R = Path(__file__).parents[1]\nR / "scripts/setup/setup_all.sh"'),
    ("a.py", 'x = Path("scripts") / "setup.sh"', {"scripts/setup.sh": "scripts/setup/all.sh"}, 'x = Path("scripts") / "setup.sh"'),
    ("a.py", 'x = "scripts" / "setup.sh"', {"scripts/setup.sh": "scripts/setup/all.sh"}, 'x = "scripts" / "setup" / "all.sh"'),
    ("a.py", 'run(["bash", "setup.sh"])', MOVE_SCRIPT, 'run(["bash", "scripts/setup/setup_all.sh"])'),
    ("a.py", 'NAME = "setup.sh"', MOVE_SCRIPT, 'NAME = "setup.sh"'),
    ("a.py", 'patch("tools.load.go")', {"tools/load.py": "lib/load.py"}, 'patch("lib.load.go")'),
    ("t/a.py", "R = Path(__file__).resolve().parents[1]", {"t/a.py": "t/u/a.py"}, "R = Path(__file__).resolve().parents[2]"),
    ("t/a.py", "R = Path(__file__).parent.parent", {"t/a.py": "t/u/a.py"}, "R = Path(__file__).parent.parent.parent"),
    ("t/a.py", 'x = Path(__file__).parent / "d.csv"', {"t/a.py": "t/u/a.py"}, 'x = Path(__file__).parent / "../d.csv"'),
    ("t/a.py", "D = os.path.dirname(os.path.dirname(__file__))", {"t/a.py": "t/u/a.py"}, "D = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))"),
]  # fmt: skip

OTHERS = "lib.sh docker/Dockerfile.api nginx.conf README.md docs/p.png pkg/__init__.py pkg/sub/__init__.py t/d.csv checks2/x other/setup.sh"


@pytest.mark.parametrize(("file", "before", "moves", "after"), REWRITTEN)
def test_a_reference_means_the_same_file_after_a_move(file, before, moves, after):
    """What a line names before a move, it names after it, in the style that it was written in."""
    assert moved(file, before, moves, OTHERS) == after


DANGLING = [
    ("run.sh", "bash scripts/gone.sh", "scripts/gone.sh"),
    ("run.sh", '. "$(dirname "$0")/scripts/gone.sh"', "scripts/gone.sh"),
    ("docs/a.md", "[x](gone.md#top)", "docs/gone.md"),
    ("docs/a.md", "![x](gone%20here.png)", "docs/gone here.png"),
    ("docker/docker-compose.a.yml", "services:\n  a:\n    build:\n      context: ..\n      dockerfile: Dockerfile.gone", "Dockerfile.gone"),
    (".github/workflows/ci.yml", "steps:\n  - uses: ./actions/gone", "actions/gone"),
    ("Dockerfile.dev", "COPY scripts/gone.sh /x/", "scripts/gone.sh"),
    ("requirements-dev.txt", "-r gone.txt", "gone.txt"),
    ("a.py", "from pkg.gone import x", "pkg/gone.py"),
    ("pyproject.toml", 'readme = "GONE.md"', "GONE.md"),
]  # fmt: skip

SILENT = [
    ("run.sh", "[ -f scripts/gone.sh ] && bash scripts/gone.sh"),
    ("run.sh", "cat > scripts/gone.sh <<E\nE\nbash scripts/gone.sh"),
    ("run.sh", "echo run bash scripts/gone.sh"),
    ("run.sh", "bash $HOME/scripts/gone.sh; bash /opt/gone.sh; bash ~/x/gone.sh"),
    ("run.sh", "# bash scripts/gone.sh"),
    ("docs/a.md", "[x](https://example.org/gone.md) [y](#top) [z](mailto:a@b.c) `[w](gone.md)`"),
    ("docs/a.md", "```\n[x](gone.md)\nbash scripts/gone.sh\n```"),
    ("docker/docker-compose.a.yml", "services:\n  a:\n    env_file: .env\n    volumes:\n      - ./data:/data"),
    ("Dockerfile.dev", "COPY --from=build scripts/gone.sh /x/\nCOPY dist/*.whl /x/\nCOPY dist/a.whl /x/"),
    (
        "a.py",
        "try:\n    from pkg.gone import x\nexcept ImportError:\n    pass\nfrom pkg._version import v\nimport numpy.gone",
    ),
    ("a.py", 'open("reports/gone.csv", "w")\nx = tmp_path / "scripts" / "gone.sh"'),
    ("a.py", "from pkg.x_pb2 import y\nfrom pkg.pkg import rust"),
    ("pkg/a.py", "from pkg.gone.deep import x"),
    ("docs/a.md", "[x]((#top)) [y](${BASE}/gone.md)"),
    (".gitignore", "build/\n/gone.txt"),
    # A file that was only begun.
    ("docker/docker-compose.a.yml", "services"),
    (".github/workflows/a.yml", "jobs"),
    (".pre-commit-config.yaml", "repos"),
]


@pytest.mark.parametrize(("file", "content", "target"), DANGLING)
def test_what_must_exist_and_does_not_is_certain(file, content, target):
    """A missing path is certain where the place admits nothing but a path that exists."""
    known = {"scripts", "scripts/x.sh", "docs", "docker", "pkg", "pkg/__init__.py", "actions"}
    certain = [found.target for found in references(file, content, known.__contains__) if found.certain]
    assert [found for found in certain if found not in known] == [target]


@pytest.mark.parametrize(("file", "content"), SILENT)
def test_what_may_be_made_or_lie_elsewhere_is_never_certain(file, content):
    """An output, an example, a guarded or a foreign path is no finding."""
    known = {"scripts", "docs", "docker", "pkg", "pkg/__init__.py"}
    found = references(file, content, known.__contains__)
    assert [each for each in found if each.certain and each.target not in known] == []


def test_claims_are_what_is_certain():
    """Looking for what must exist alone finds what looking for everything does, in every kind of file."""
    known = {"docker", "config", "scripts", *FILES, "scripts/x.sh", "docs", "pkg", "pkg/__init__.py"}
    contents = [*((file, content) for file, content, _ in DANGLING), *SILENT, *FILES.items()]
    for file, content in contents:
        assert has_reader(file) or file == "Makefile" or not references(file, content, known.__contains__)
        certain = [found for found in references(file, content, known.__contains__) if found.certain]
        assert claims(file, content, known.__contains__) == certain


@pytest.mark.parametrize("seed", range(20))
def test_whatever_moves_every_reference_still_means_its_file(seed):
    """After random moves, each line means where the files went that it meant before; the rest is left to a person."""
    chance = random.Random(seed)
    before = Book(FILES)
    for path, content in FILES.items():
        before.read(path, content.encode())
    folders = sorted({path.rpartition("/")[0] for path in FILES})
    moves: dict[str, str] = {}
    for path in chance.sample(sorted(FILES), 10):
        folder, name = chance.choice(folders), path.rpartition("/")[2]
        target = f"{folder}/{chance.choice(('', 'new_'))}{name}".lstrip("/")
        # These mean what they mean by their own name and place.
        fixed = name.startswith(("Makefile", "Docker", ".", "__", "conftest")) or path.startswith(".github/")
        if not fixed and target not in FILES and target not in moves.values():
            moves[path] = target
    edits, doubts = edits_of(before, [(0, moves)])
    after = Book(moves.get(path, path) for path in FILES)
    for path, content in FILES.items():
        own = [edit for edit in edits if edit.file == path]
        after.read(moves.get(path, path), edited(content.encode(), own, path))
    left = {(doubt.file, doubt.line) for doubt in doubts}
    for path, found in before.found.items():
        now = {(each.line, each.target) for each in after.found[moves.get(path, path)]}
        for each in found:
            still_there = each.target in before.files or each.target in after.folders
            if before.exists(each.target) and still_there and (path, each.line) not in left:
                assert (each.line, moves.get(each.target, each.target)) in now, (path, each, moves)


def test_a_reference_says_where_its_text_stands():
    """Line, span and text agree, whatever stands before them, undecodable bytes included."""
    content = "x\n\udcff 한글 bash setup.sh\n"
    (found,) = references("run.sh", content, {"setup.sh"}.__contains__)
    assert (found.line, found.text, found.target) == (2, "setup.sh", "setup.sh")
    assert content.split("\n")[1][found.start : found.end] == "setup.sh"
