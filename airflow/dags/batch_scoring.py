"""After every weekly training that ended with a release: the best films of every user. Done already: done at once."""

from datetime import timedelta

from airflow.sdk import PartitionedAssetTimetable
from flow_dag import data, flow_dag

dag = flow_dag(
    "batch_scoring",
    schedule=PartitionedAssetTimetable(assets=data("release")),
    ends_within=timedelta(hours=5),
)
