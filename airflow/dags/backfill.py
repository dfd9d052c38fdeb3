"""When somebody asks Airflow for it: a range of days from the source once more. The daily load may go on meanwhile."""

from datetime import timedelta

from flow_dag import flow_dag

dag = flow_dag("backfill", schedule=None, ends_within=timedelta(hours=5))
