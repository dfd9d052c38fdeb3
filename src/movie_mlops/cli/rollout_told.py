"""What is rolled out, told to people."""

from typing import Any

import typer


def tell(live: list[dict[str, Any]]) -> None:
    """Print what is rolled out and how it does."""
    from movie_mlops.cli import output

    for each in live:
        plan, told = each["plan"], each["live"]
        held = ", held" if each["paused"] else ""
        what = plan.get("bundle_id") or ", ".join(
            f"{arm['name']}: {arm['bundle_id'] or arm['exploration']}" for arm in plan["arms"]
        )
        typer.echo(f"{each['name']} ({each['kind']}) at {each['share']:.2%} since {each['since']}{held}: {what}")
        if "guards" in told:
            typer.echo(f"  {told['reason']}")
            output.print_rows([_guard(guard) for guard in told["guards"]], as_json=False)
        if told.get("arms"):
            output.print_rows([{"arm": arm, **counts} for arm, counts in told["arms"].items()], as_json=False)
        if told.get("comparisons"):
            output.print_rows([_comparison(row) for row in told["comparisons"]], as_json=False)
        if told.get("preference"):
            output.print_rows([told["preference"]], as_json=False)
        if (ratio := told.get("sample_ratio")) and not ratio["kept"]:
            typer.echo(
                f"  The arms do not have their shares: {ratio['counts']} users. Nothing of this can be believed."
            )


def _guard(guard: dict[str, Any]) -> dict[str, Any]:
    return {
        "guard": guard["name"],
        "champion": guard["control"],
        "candidate": guard["canary"],
        "worse by": f"{guard['low']:+.4f} to {guard['high']:+.4f}",
        "allowed": guard["margin"],
    }


def _comparison(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "arm": row["arm"],
        "pleased": row["pleased"],
        "first arm": row["against"],
        "difference": f"{row['low']:+.4f} to {row['high']:+.4f}",
        "certain": "yes" if row["differs"] else "no",
    }
