#!/usr/bin/env bash
# Runs Airflow with this project's flows: what 'airflow' takes, this takes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if [ ! -x .venv/airflow/bin/airflow ]; then
  echo "run_airflow.sh: Airflow is not installed. Run scripts/setup/setup_airflow.sh first." >&2
  exit 2
fi
export AIRFLOW_HOME="${AIRFLOW_HOME:-$PWD/data/airflow}"
export AIRFLOW__CORE__DAGS_FOLDER="${AIRFLOW__CORE__DAGS_FOLDER:-$PWD/airflow/dags}"
export AIRFLOW__CORE__LOAD_EXAMPLES="${AIRFLOW__CORE__LOAD_EXAMPLES:-False}"
# Nobody else on the network gets to see it unless somebody says so.
export AIRFLOW__API__HOST="${AIRFLOW__API__HOST:-127.0.0.1}"
export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="${AIRFLOW__USAGE_DATA_COLLECTION__ENABLED:-False}"
export PATH="$PWD/.venv/airflow/bin:$PATH"
exec airflow "$@"
