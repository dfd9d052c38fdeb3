"""Templates, filled with the words of the visitor's language and with plain data for the page's modules."""

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

LANGUAGES: Final = ("en", "ko")
_IMPORT: Final = re.compile(r'^(?:import|export) .*?from "\./([\w.]+)";$', re.MULTILINE)


class Pages:
    """The templates of the pages.

    Args:
        folder: Where the pages' own files lie: ``words/<language>.json``, modules, styles.
    """

    def __init__(self, folder: Path) -> None:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 (heavy)

        self._folder = folder
        self._words: dict[str, Any] = {
            language: orjson.loads((folder / "words" / f"{language}.json").read_bytes()) for language in LANGUAGES
        }
        self._environment = Environment(
            loader=PackageLoader("movie_mlops.serving"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._modules = cache(self._find_modules)

    @property
    def filters(self) -> dict[str, Any]:
        """The filters of the templates, to be added to."""
        return self._environment.filters

    def render(self, template: str, *, language: str = "en", script: str | None, **facts: Any) -> str:
        """Return a page as HTML.

        Args:
            template: Its file.
            language: One of :data:`LANGUAGES`.
            script: The module that the page begins with; all that it imports is fetched at once, not one after the
                other as each is read.
            **facts: What else the template names.
        """
        words = self._words[language]
        return self._environment.get_template(template).render(
            language=language,
            t=words["sentences"],
            words=plain_data({"language": language, **words}),
            script=script,
            modules=() if script is None else self._modules(script),
            **facts,
        )

    def sentence(self, language: str, key: str) -> str:
        """Return one sentence."""
        return str(self._words[language]["sentences"][key])

    def _find_modules(self, entry: str) -> tuple[str, ...]:
        """Return the modules that a module imports, and those that they do."""
        found: dict[str, None] = {}
        waiting = [entry]
        while waiting:
            text = (self._folder / waiting.pop()).read_text(encoding="utf-8")
            for name in _IMPORT.findall(text):
                if name not in found:
                    found[name] = None
                    waiting.append(name)
        return tuple(found)


def plain_data(content: Any) -> Any:
    """Return plain data as JSON that can stand in HTML: nothing in it ends the element that it is in."""
    from markupsafe import Markup  # noqa: PLC0415 (heavy)

    text = orjson.dumps(content).decode()
    for mark, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(mark, escaped)
    return Markup(text)  # noqa: S704 - what could be markup was escaped above


def language_of(accepted: str) -> str:
    """Return which of the pages' languages a browser likes most, from its header ``Accept-Language``."""
    liked = []
    for place, part in enumerate(accepted.split(",")):
        tag, *parameters = (word.strip() for word in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                weight = _number(value)
        language = tag[:2].lower()
        if language in LANGUAGES and tag[2:3] in {"", "-"} and weight > 0:
            liked.append((-weight, place, language))
    return min(liked)[2] if liked else LANGUAGES[0]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
