"""A report for code scanning: SARIF 2.1.0."""

import hashlib
import json
from typing import Any, Final
from urllib.parse import quote

from movie_mlops.standard.checking import Report
from movie_mlops.standard.findings import Finding, say
from movie_mlops.standard.spec import Rule, Spec

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(spec: Spec, report: Report, language: str, version: str) -> str:
    """Return a report as SARIF."""
    codes = list(report.checked)
    run = {
        "tool": {
            "driver": {
                "name": "movie-mlops standard",
                "version": version,
                "informationUri": "https://github.com/movie-mlops/movie-mlops",
                "rules": [_rule(spec.rules[code], language) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"ROOT": {"description": {"text": "The root of the repository."}}},
        "results": [_result(one, codes) for one in report.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2) + "\n"


def _rule(rule: Rule, language: str) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.code,
        "shortDescription": {"text": say(rule.title, language)},
        "fullDescription": {"text": say(rule.reason, language)},
        "help": {"text": f"{say(rule.reason, language)} (§{rule.paragraph})"},
        "defaultConfiguration": {"level": "error" if rule.severity == "error" else "warning"},
    }


def _result(one: Finding, codes: list[str]) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(one.path), "uriBaseId": "ROOT"}}
    if one.line:
        place["region"] = {"startLine": one.line, **({"startColumn": one.column} if one.column else {})}
    print_of = hashlib.sha256(f"{one.code}\0{one.path}\0{one.message}".encode("utf-8", "surrogateescape")).hexdigest()
    result: dict[str, Any] = {
        "ruleId": one.code,
        "level": one.severity,
        "message": {"text": f"{one.message} {one.fix}".strip()},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"finding/v1": print_of},
    }
    if one.code in codes:
        result["ruleIndex"] = codes.index(one.code)
    return result


def _uri(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"))
