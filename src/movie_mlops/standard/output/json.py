"""A report for programs."""

import json

from movie_mlops.standard.checking import Report
from movie_mlops.standard.findings import say
from movie_mlops.standard.spec import Spec


def render(spec: Spec, report: Report, language: str) -> str:
    """Return a report as one JSON document; bytes of names that are not UTF-8 are shown as the replacement sign."""
    errors = sum(one.severity == "error" for one in report.findings)
    document = {
        "standard": {"name": spec.name, "version": spec.version},
        "files": report.files,
        "rules": list(report.checked),
        "errors": errors,
        "warnings": len(report.findings) - errors,
        "findings": [
            {
                **one._asdict(),
                "title": say(spec.rules[one.code].title, language),
                "reason": say(spec.rules[one.code].reason, language),
                "paragraph": spec.rules[one.code].paragraph,
            }
            for one in report.findings
        ],
    }
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")
