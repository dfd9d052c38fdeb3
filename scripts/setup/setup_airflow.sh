#!/usr/bin/env bash
# Makes .venv/airflow, an environment of Airflow's own, and Airflow's database. Safe to run twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

usage() {
  cat <<'TEXT'
Usage: scripts/setup/setup_airflow.sh [--no-database]

Makes .venv/airflow with what requirements-airflow.txt pins: Airflow's requirements and the platform's do not have to fit
together, for Airflow only calls the command line. Then it makes or updates Airflow's database and the pool that keeps two
flows from changing a data set at once, under data/airflow (or AIRFLOW_HOME). A second run installs nothing.

  --no-database   the environment alone
TEXT
}

database=true
case "${1:-}" in
  '') ;;
  --no-database) database=false ;;
  -h | --help) usage; exit 0 ;;
  *) echo "setup_airflow.sh: '$1' is not an option. See --help." >&2; exit 2 ;;
esac

scripts/setup/setup_own_environment.sh airflow
if $database; then
  echo "Making Airflow's database …" >&2
  ./run_airflow.sh db migrate >/dev/null
  ./run_airflow.sh pools set movie_mlops 1 "Whoever changes what is made of a data set" >/dev/null
  echo "Airflow is set up. Start it: ./run_airflow.sh standalone" >&2
  echo "Then switch the flows on at http://localhost:8080; the password is in the output." >&2
fi
