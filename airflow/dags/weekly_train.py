"""Once the seven days of a week, Monday to Sunday, are in the lake: train, judge, and release what is better."""

from datetime import timedelta

from airflow.sdk import PartitionedAssetTimetable, RollupMapper, StartOfWeekMapper, WeekWindow
from flow_dag import data, flow_dag

dag = flow_dag(
    "weekly_train",
    schedule=PartitionedAssetTimetable(
        assets=data("lake"),
        default_partition_mapper=RollupMapper(
            upstream_mapper=StartOfWeekMapper(input_format="%Y-%m-%d"), window=WeekWindow()
        ),
    ),
    ends_within=timedelta(hours=10),
)
