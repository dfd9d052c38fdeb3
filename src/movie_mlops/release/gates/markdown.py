"""The verdict as Markdown, for a pull request or the summary of a job."""

import re
from typing import Final

from movie_mlops.release.gates.verdict import GATES, Check, Verdict, told

_MARKS: Final = {"pass": "✅", "FAIL": "❌", "waived": "⚠️", "note": "⚪"}
_HEADINGS: Final = {"data": "Data", "model": "Model", "code": "Code"}
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|#])")


def to_markdown(verdict: Verdict) -> str:
    """Return the verdict as a Markdown document; what stands in the way comes first."""
    mark = _MARKS["pass" if verdict.passed else "FAIL"]
    lines = [f"## {mark} {_plain(verdict.head)}", ""]
    if verdict.bundle_id:
        lines += [f"Bundle `{verdict.bundle_id}`, judged at {verdict.judged_at}.", ""]
    for check in (*verdict.failed, *verdict.waived):
        lines.append(f"- {_MARKS[check.word]} **{_plain(check.name)}**: {_plain(told(check))}")
    lines += [f"- {_plain(reason)}" for reason in verdict.refused_waivers]
    if lines[-1]:
        lines.append("")
    for gate in GATES:
        if checks := verdict.of(gate):
            lines += [f"<details><summary>{_HEADINGS[gate]}: {_counts(checks)}</summary>", ""]
            lines += ["| | check | what was found |", "| --- | --- | --- |"]
            lines += [f"| {_MARKS[check.word]} | {_plain(check.name)} | {_plain(told(check))} |" for check in checks]
            lines += ["", "</details>", ""]
    return "\n".join(lines)


def _counts(checks: tuple[Check, ...]) -> str:
    words = {"pass": "passed", "FAIL": "failed", "waived": "waived", "note": "not judged"}
    counts = {said: sum(check.word == word for check in checks) for word, said in words.items()}
    return ", ".join(f"{count} {said}" for said, count in counts.items() if count)


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
