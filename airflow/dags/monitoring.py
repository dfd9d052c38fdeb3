"""Every morning: are the lake, the bundles and what is served still what Airflow's other flows have made of them?"""

from datetime import timedelta

from flow_dag import flow_dag

dag = flow_dag("monitoring", schedule="0 6 * * *", ends_within=timedelta(hours=2))
