"""Every night, before Airflow has anything loaded: what is older than it may be goes."""

from datetime import timedelta

from flow_dag import flow_dag

dag = flow_dag("retention", schedule="0 2 * * *", ends_within=timedelta(hours=2))
