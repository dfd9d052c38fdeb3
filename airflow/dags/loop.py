"""Every hour Airflow takes a turn of the loop, beside workers or in their place: one run goes on at a time."""

from datetime import timedelta

from flow_dag import flow_dag

dag = flow_dag("loop", schedule="30 * * * *", ends_within=timedelta(hours=12))
