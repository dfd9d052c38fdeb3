"""``movie-mlops flow``."""

from typing import Annotated

import typer

from movie_mlops.cli import options

app = typer.Typer(
    help="See the flows that are run again and again, and their tasks.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@app.command("list")
def list_(as_json: options.AsJson = False) -> None:
    """List the flows; as JSON with every task, the declaration that airflow/dags/flows.json holds."""
    from movie_mlops.cli import output
    from movie_mlops.flows.definition import FLOWS

    if as_json:
        output.print_json([flow.to_json() for flow in FLOWS])
        return
    output.print_rows(
        [
            {"flow": flow.name, "tasks": ", ".join(task.name for task in flow.tasks), "what": flow.title}
            for flow in FLOWS
        ],
        as_json=False,
    )


@app.command()
def show(
    flow: Annotated[str, typer.Argument(help="A flow, such as weekly_train.")], as_json: options.AsJson = False
) -> None:
    """Show the tasks of a flow: what each needs, and the command that does it alone."""
    from movie_mlops.cli import output
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.flows.definition import FLOWS

    found = next((known for known in FLOWS if known.name == flow), None)
    if found is None:
        raise ConfigurationError(
            f"There is no flow {flow!r}; there are {', '.join(known.name for known in FLOWS)}.",
            next_step="List them with: movie-mlops flow list",
        )
    if as_json:
        output.print_json(found.to_json())
        return
    rows = [
        {
            "task": task.name,
            "needs": ", ".join(task.needs) or "-",
            "makes": task.makes or "-",
            "command": "movie-mlops "
            + " ".join(
                word.replace("{", "").upper().rstrip("}") if word.startswith("{") else word for word in task.command
            ),
        }
        for task in found.tasks
    ]
    output.print_rows(rows, as_json=False)
