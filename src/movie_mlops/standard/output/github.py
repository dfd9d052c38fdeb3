"""A report as annotations of GitHub Actions."""

from movie_mlops.standard.checking import Report
from movie_mlops.standard.findings import Finding, say
from movie_mlops.standard.spec import Spec


def render(spec: Spec, report: Report, language: str) -> str:
    """Return one workflow command per finding."""
    return "".join(_line(one, f"{one.code} {say(spec.rules[one.code].title, language)}") for one in report.findings)


def _line(one: Finding, title: str) -> str:
    place = f"file={_property(one.path)}"
    if one.line:
        place += f",line={one.line}"
    if one.column:
        place += f",col={one.column}"
    return f"::{one.severity} {place},title={_property(title)}::{_data(f'{one.message} {one.fix}'.strip())}\n"


def _data(text: str) -> str:
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
