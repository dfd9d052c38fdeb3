"""Makes a DAG out of a flow.

Which tasks there are, what each needs and which command it is stands in flows.json, which is the declaration of the
platform itself ('movie-mlops flow list --json' writes it). Here stands what is Airflow's: how a command is called, how
often it is tried again, what may not run at the same time. When a flow runs stands in the DAG's own file.
"""

import json
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset, DeadlineAlert, DeadlineReference, Param, SyncCallback

CHECKOUT = Path(__file__).resolve().parents[2]
FLOWS = {flow["name"]: flow for flow in json.loads(Path(__file__).with_name("flows.json").read_text())}

# One slot: whoever takes it is the only one who changes what is made of a data set.
POOL = "movie_mlops"
# In an image the command is on the path: MOVIE_MLOPS=movie-mlops.
PROGRAM = "${MOVIE_MLOPS:-.venv/bin/movie-mlops}"
# What a run is told goes before what is set for all runs ('airflow variables set movie_mlops_source movielens:ml-1m').
GENERAL = {
    "source": ("{{ (params.source or var.value.get('movie_mlops_source', 'sample')) | quote }}", "Where the data is."),
    "dataset": ("{{ (params.dataset or var.value.get('movie_mlops_dataset', 'sample')) | quote }}", "Which data set."),
}
RETRIES = 3


def data(name: str) -> Asset:
    """Return what a task makes, for others to wait for."""
    return Asset(f"movie_mlops_{name}")


def flow_dag(flow: str, *, schedule: Any, ends_within: timedelta) -> DAG:
    """Return the DAG of a flow.

    Args:
        flow: Its name in flows.json.
        schedule: When it runs.
        ends_within: How long after it was queued somebody is told that it has not ended.
    """
    declared = FLOWS[flow]
    missed = SyncCallback("flow_deadline.missed", kwargs={"flow": flow, "minutes": ends_within.total_seconds() / 60})
    dag = DAG(
        flow,
        description=declared["title"],
        schedule=schedule,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        deadline=DeadlineAlert(reference=DeadlineReference.DAGRUN_QUEUED_AT, interval=ends_within, callback=missed),
        params=_params(declared["parameters"]),
        user_defined_filters={"quote": shlex.quote},
        tags=["movie-mlops"],
    )
    tasks = {task["name"]: _operator(dag, task) for task in declared["tasks"]}
    for task in declared["tasks"]:
        tasks[task["name"]].set_upstream([tasks[needed] for needed in task["needs"]])
        if task["always"]:
            # Whatever became of the others it runs, and it is not what the run is judged by.
            tasks[task["name"]].as_teardown()
    return dag


def _params(own: dict[str, str]) -> dict[str, Param]:
    general = {
        name: Param(None, type=["null", "string"], description=f"{meaning} Empty: as for all runs.")
        for name, (_, meaning) in GENERAL.items()
    }
    # What a flow of its own asks for has no default, but a value is needed for the DAG to be shown.
    return {**general, **{name: Param(type="string", description=meaning) for name, meaning in own.items()}}


def _operator(dag: DAG, task: dict[str, Any]) -> BashOperator:
    templates = {name: template for name, (template, _) in GENERAL.items()}
    templates |= {name: f"{{{{ params.{name} | quote }}}}" for name in dag.params if name not in templates}
    words = [word.format(**templates) if word.startswith("{") else shlex.quote(word) for word in task["command"]]
    return BashOperator(
        dag=dag,
        task_id=task["name"],
        # The shell becomes the command, so that what stops the task stops the command.
        bash_command=" ".join(["exec", PROGRAM, *words]),
        cwd=str(CHECKOUT),
        skip_on_exit_code=None,
        retries=0 if task["verdict"] else RETRIES,
        retry_exponential_backoff=2,
        max_retry_delay=timedelta(hours=1),
        execution_timeout=timedelta(minutes=task["minutes"]),
        outlets=[data(task["makes"])] if task["makes"] else [],
        **({"pool": POOL} if task["alone"] else {}),
    )
