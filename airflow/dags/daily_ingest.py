"""Every night: what is new at the source, into the lake and the online store. A run stands for its day."""

from datetime import timedelta

from airflow.sdk import CronPartitionTimetable
from flow_dag import flow_dag

dag = flow_dag(
    "daily_ingest",
    schedule=CronPartitionTimetable("0 3 * * *", timezone="UTC", key_format="%Y-%m-%d"),
    ends_within=timedelta(hours=3),
)
