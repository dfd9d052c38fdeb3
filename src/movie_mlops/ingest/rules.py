"""Why rows are refused: the rules that a contract and a project's choices make, and what becomes of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.ingest.config import Mode, Severity, TableModes
from movie_mlops.ingest.contract import GIVEN, Contract, Facts, says
from movie_mlops.ingest.errors import ContractError
from movie_mlops.ingest.raw import EXTRA
from movie_mlops.ingest.schema_changes import Change


@dataclass(frozen=True)
class Rule:
    """A reason to refuse a row, over parsed columns and the ``given:`` ones."""

    reason: str
    broken: pl.Expr
    detail: pl.Expr


def rules_of(contract: Contract, facts: Facts, modes: TableModes) -> list[Rule]:
    """Return why rows are refused, in the order of the columns: absent, unreadable, against a check; then the rest."""
    severities = contract.severities(facts.config)
    rules: list[Rule] = []
    last: list[Rule] = []
    for column in contract.columns:
        keeps_row = modes.mode("unfit_value", column.name) in {Mode.DISCARD_VALUE, Mode.EVOLVE}
        if column.missing:
            absent = pl.col(column.name).is_null() if keeps_row or column.default else blank(column.name)
            rules.append(Rule(column.missing, absent, pl.lit(f"{column.name} is empty")))
        if column.unfit and not keeps_row:
            reason, why = column.unfit
            rules.append(Rule(reason, unfit(column.name), says(column.name, why)))
        for one in column.checks:
            if severities.get(one.reason) is not Severity.WARNING:
                (last if one.last else rules).append(Rule(one.reason, one.broken(facts), one.detail(facts)))
    return [*rules, *last]


def blank(name: str) -> pl.Expr:
    """Return where nothing was given."""
    return pl.col(GIVEN + name).cast(pl.String).fill_null("").str.strip_chars() == ""


def unfit(name: str) -> pl.Expr:
    """Return where something was given that could not be read."""
    return ~blank(name) & pl.col(name).is_null()


def of_changes(changes: Sequence[Change]) -> list[Rule]:
    """Return the rules that refuse rows because the file's columns are not those of the contract."""
    rules = []
    for change in changes:
        if change.mode is Mode.DISCARD_ROW:
            has = pl.col(EXTRA + change.column).cast(pl.String).fill_null("").str.strip_chars() != ""
            affected = has if change.what == "new_column" else pl.lit(value=True)
            rules.append(Rule(change.reason, affected, pl.lit(change.sentence)))
    return rules


def sort_out(parsed: pl.DataFrame, rules: Sequence[Rule]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that break no rule, and the others with the first reason each."""
    # A rule on a column that the file does not have cannot be broken.
    rules = [rule for rule in rules if _columns_of(rule) <= set(parsed.columns)]
    reason = pl.coalesce(c.REASON, *(pl.when(rule.broken).then(pl.lit(rule.reason)) for rule in rules))
    parsed = parsed.with_columns(reason.alias(c.REASON))
    bad = parsed.filter(pl.col(c.REASON).is_not_null())
    # Details are text: made for the few rows that need them.
    details = [pl.when((pl.col(c.REASON) == rule.reason) & rule.broken).then(rule.detail) for rule in rules]
    return parsed.filter(pl.col(c.REASON).is_null()), bad.with_columns(pl.coalesce(c.DETAIL, *details).alias(c.DETAIL))


def _columns_of(rule: Rule) -> set[str]:
    return {*rule.broken.meta.root_names(), *rule.detail.meta.root_names()}


def warnings_of(good: pl.DataFrame, contract: Contract, facts: Facts) -> dict[str, int]:
    """Count the good rows that break a mere warning, or have lost a value; a frozen value stops everything."""
    counts: dict[str, pl.Expr] = {}
    severities = contract.severities(facts.config)
    for reason, one in contract.checks().items():
        if severities.get(reason) is Severity.WARNING:
            counts[reason] = one.broken(facts)
    for column in contract.columns:
        if GIVEN + column.name in good.columns and column.unfit:
            counts[f"discarded-{column.name}"] = unfit(column.name)
    counts = {name: broken for name, broken in counts.items() if set(broken.meta.root_names()) <= set(good.columns)}
    found = good.select(broken.sum().alias(name) for name, broken in counts.items()).to_dicts()
    return {name: int(count) for name, count in (found[0] if found else {}).items() if count}


def freeze_unfit(bad: pl.DataFrame, contract: Contract, modes: TableModes) -> None:
    """Refuse the load where a value was unfit for a column whose values are frozen.

    Raises:
        ContractError: There is such a row.
    """
    frozen = {
        column.unfit[0]
        for column in contract.columns
        if column.unfit and modes.mode("unfit_value", column.name) is Mode.FREEZE
    }
    rows = bad.filter(pl.col(c.REASON).is_in(sorted(frozen)))
    if not rows.is_empty():
        first = rows.row(0, named=True)
        # What is said of a person is in no message: that may be logged.
        personal = any(column.personal for column in contract.columns)
        raise ContractError(
            f"Values of {contract.table} are frozen, and {rows.height:,} do not fit:"
            f" {first[c.REASON] if personal else first[c.DETAIL]}"
            f" ({first[c.FILE]}, line {first[c.LINE]}).",
            next_step="Correct the file, or choose another unfit_value in config/contracts.yaml.",
        )
