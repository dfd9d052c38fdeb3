#!/usr/bin/env bash
# Brings a version into an environment that the deploy scripts name, one replica after the other: while one is replaced
# the other answers. A replica that does not become ready is given the version it had, and so is every one that was
# replaced before it.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/deploy/roll_out.sh ENVIRONMENT VERSION

ENVIRONMENT is stage-5 or production; VERSION is the tag of images that are there. Called by deploy_stage_5.sh,
deploy_production.sh and rollback.sh. What was tried and what came of it is added to logs/deployments.tsv.

  MOVIE_MLOPS_READY_SECONDS   how long a replica may take until it is ready (default: 120)
TEXT
}

die() { echo "roll_out.sh: $1" >&2; exit "${2:-1}"; }
say() { echo "$1" >&2; }

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
esac
[ $# -eq 2 ] || { usage >&2; exit 2; }
environment="$1" version="$2"
file="$here/docker/docker-compose.$environment.yml"
[ -f "$file" ] || die "There is no environment '$environment': it is stage-5 or production." 2
patience="${MOVIE_MLOPS_READY_SECONDS:-120}"
journal="$here/logs/deployments.tsv"

# A container whose secret is lost would not start, and the one before it neither: nothing is touched then.
lost=()
while read -r name; do
  # What went on before a change is empty where nothing was changed.
  case "$name" in *_before | *_before_until) [ -e "${MOVIE_MLOPS_SECRETS:-}/$name" ] || lost+=("$name"); continue ;; esac
  [ -s "${MOVIE_MLOPS_SECRETS:-}/$name" ] || lost+=("$name")
done < <(sed -n 's|.*{file: ".*}/\([a-z_]*\)"}.*|\1|p' "$file")
[ ${#lost[@]} -eq 0 ] || die "${MOVIE_MLOPS_SECRETS:-MOVIE_MLOPS_SECRETS, which is not set,} does not hold ${lost[*]}: put back what was lost. Nothing was touched."

engine="$("$here/scripts/deploy/find_engine.sh")"
if [ "$engine" = docker ]; then compose=(docker compose); else compose=(podman-compose); fi
"${compose[@]}" version >/dev/null 2>&1 || die "'${compose[*]}' does not answer: install docker's compose plugin, or podman-compose."
compose+=(-f "$file")
[ "$environment" = production ] || compose+=(--env-file "$here/.env")
in_compose() { MOVIE_MLOPS_VERSION="${at:-$version}" "${compose[@]}" "$@"; }

# What compose has to say is of interest where it fails, and only there.
start() { # SERVICE...
  local told
  told="$(in_compose up -d --no-deps "$@" 2>&1)" || { echo "$told" >&2; note failed; die "$* cannot be started; what was said is above."; }
}

has_service() { grep -q "^  $1:" "$file"; }

until_answers() { # WHAT SECONDS COMMAND...: the command in the container, until it succeeds
  local what="$1" deadline=$((SECONDS + $2))
  shift 2
  until in_compose exec -T "$what" "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.5
  done
}

is_ready() { # REPLICA [SECONDS]
  until_answers "$1" "${2:-$patience}" \
    python -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=3)"
}

image_of() { # SERVICE: that of its container, running or not
  $engine ps --all --filter "label=com.docker.compose.project=movie-mlops-$environment" \
    --filter "label=com.docker.compose.service=$1" --format '{{.Image}}' 2>/dev/null
}

give() { # SERVICE VERSION: the service with this version, in the place of what it had
  local at="$2" tries
  # A container that dies and is started again, over and over, may be back between its stop and its removal.
  for ((tries = 0; tries < 5; tries++)); do
    in_compose down "$1" >/dev/null 2>&1 || true
    in_compose up -d --no-deps "$1" >/dev/null 2>&1 || true
    case "$(image_of "$1")" in *:"$2") return ;; esac
  done
  say "$1 cannot be given $2: look at it with: ${compose[*]} ps"
}

note() { # OUTCOME
  mkdir -p "$(dirname "$journal")"
  printf '%s\t%s\t%s\t%s\n' "$(date --utc +%FT%TZ)" "$environment" "$version" "$1" >> "$journal"
}

other_of() { [ "$1" = api-a ] && echo api-b || echo api-a; }

runs() { in_compose exec -T "$1" true >/dev/null 2>&1; }

present=""
[ ! -f "$journal" ] || present="$(awk -F'\t' -v e="$environment" '$2 == e && $4 == "deployed" {v = $3} END {print v}' "$journal")"

if ! { runs nginx && { runs api-a || runs api-b; }; }; then
  say "Nothing runs in $environment yet: starting everything with $version …"
  for store in postgres redis; do
    if has_service "$store"; then start "$store"; fi
  done
  if has_service postgres; then
    until_answers postgres 60 pg_isready --quiet --username movie_mlops --host 127.0.0.1 \
      || { note failed; die "PostgreSQL did not start: look at its log with: ${compose[*]} logs postgres"; }
  fi
  say "The main job, up to a release …"
  in_compose run --rm -T release >&2 || { note failed; die "The main job failed; nothing serves."; }
  start api-a api-b
  for replica in api-a api-b; do
    is_ready "$replica" || { note failed; die "$replica is not ready after $patience seconds: look at its log with: ${compose[*]} logs $replica"; }
  done
  if has_service worker; then start worker; fi
  start nginx
  until_answers nginx 30 curl --fail --silent http://127.0.0.1:8080/nginx-health \
    || { note failed; die "nginx did not start: look at its log with: ${compose[*]} logs nginx"; }
  note deployed
  say "$environment runs $version."
  exit 0
fi

replaced=()
for replica in api-a api-b; do
  say "Replacing $replica with $version …"
  give "$replica" "$version"
  replaced+=("$replica")
  if ! is_ready "$replica"; then
    note failed
    [ -n "$present" ] || die "$replica is not ready after $patience seconds, and no earlier version is known; $(other_of "$replica") goes on answering."
    say "$replica is not ready after $patience seconds: going back to $present …"
    # The one that failed first, so that there are two again before another is taken out.
    for ((place = ${#replaced[@]} - 1; place >= 0; place--)); do
      back="${replaced[$place]}"
      give "$back" "$present"
      # What served before is given the time that it needs.
      is_ready "$back" 300 || die "$back does not become ready with $present either; $(other_of "$back") goes on answering."
    done
    die "$version was not deployed: $replica did not become ready. $present goes on serving."
  fi
done
if has_service worker; then
  say "Replacing the worker …"
  give worker "$version"
fi
note deployed
say "$environment runs $version (before: ${present:-unknown})."
