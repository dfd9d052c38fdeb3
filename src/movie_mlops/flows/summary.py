"""What a run decided, as Markdown: the summary of a job, or a comment on a pull request."""

from movie_mlops.flows.main_job import RunReport

_METRICS = ("ndcg@10", "recall@10", "coverage@10")


def to_markdown(report: RunReport) -> str:
    """Return what became of a run: the verdict, each check of the gate with its reason, every model with its interval.

    The text ends with an empty line, so that several can follow one another in a file.
    """
    verdict, released = report.result("gate"), report.result("release")
    lines = [f"## {report.dataset}: {verdict['candidate']} {'passed' if verdict['passed'] else 'was refused'}", ""]
    lines += [_became(released), ""]
    if verdict["note"]:
        lines += [_cell(verdict["note"]), ""]
    lines += ["| gate | found |", "|---|---|"]
    for check in verdict["checks"]:
        lines.append(f"| {'pass' if check['passed'] else '**FAIL**'} | {_cell(check['sentence'])} |")
    lines += ["", *_models(report.result("evaluate")["models"])]
    rows = report.result("ingest")
    seconds = sum(step.seconds for step in report.steps)
    lines += ["", f"{rows['rows_good']:,} of {rows['rows_read']:,} rows are good; {seconds:.1f} s in all.", ""]
    return "\n".join([*lines, ""])


def _models(models: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """Return the table of the models, best first."""
    shown = [metric for metric in _METRICS if all(metric in metrics for metrics in models.values())]
    lines = [f"| model | {' | '.join(shown)} |", "|---" * (len(shown) + 1) + "|"]
    for name, metrics in sorted(models.items(), key=lambda pair: -pair[1]["ndcg@10"]["estimate"]):
        lines.append(f"| {_cell(name)} | {' | '.join(_found(metrics[metric]) for metric in shown)} |")
    return lines


def _became(released: dict[str, object]) -> str:
    serving = released["serving"]
    now = "nothing serves" if serving is None else f"`{serving}` serves"
    return f"Release: {released['action']}; {now}."


def _found(metric: dict[str, float]) -> str:
    # What is measured on all lists together has no interval over users.
    interval = f" [{metric['low']:.4f}, {metric['high']:.4f}]" if "low" in metric else ""
    return f"{metric['estimate']:.4f}{interval}"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")
