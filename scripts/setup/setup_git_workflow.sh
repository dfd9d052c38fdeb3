#!/usr/bin/env bash
# Inside the development image: makes a copy of the checkout that is mounted, with the hooks installed and a remote to push to.
set -euo pipefail

usage() {
  cat <<'END'
Usage: scripts/setup/setup_git_workflow.sh [COMMAND [WORD…]]

Runs COMMAND (default: bash) in a clone of the checkout at /checkout, uncommitted changes included. Hooks, branch names,
messages and 'standard check' are those of the real project, and whatever is done there, /checkout stays as it is. Called by
docker/docker-compose.git-workflow.yml; the clone is forgotten when the container ends.
END
}

die() { echo "setup_git_workflow.sh: $1" >&2; exit 1; }

case "${1:-}" in -h | --help) usage; exit 0 ;; esac

from="${GIT_WORKFLOW_CHECKOUT:-/checkout}" clone="${GIT_WORKFLOW_CLONE:-/tmp/clone}" tools="${GIT_WORKFLOW_TOOLS:-/app/.venv}"
[ -d "$from/.git" ] || die "$from is not the root of a clone (a linked work tree keeps its history elsewhere): mount the clone itself."

# The checkout is somebody else's, and read-only: git is told that this is meant, and writes no index there.
export GIT_CONFIG_GLOBAL="$clone.gitconfig" GIT_OPTIONAL_LOCKS=0
git config --global --add safe.directory "$from"
git config --global --add safe.directory "$from/.git"
git config --global user.name "${GIT_AUTHOR_NAME:-somebody}"
git config --global user.email "${GIT_AUTHOR_EMAIL:-somebody@example.org}"
git config --global advice.detachedHead false

git clone --quiet --no-hardlinks "$from" "$clone"
git -C "$from" diff --binary HEAD | git -C "$clone" apply --allow-empty
(cd "$from" && git ls-files --others --exclude-standard -z | tar --create --null --files-from=- --file=-) | tar --extract --directory "$clone"
git init --quiet --bare "$clone.remote"
git -C "$clone" remote set-url origin "$clone.remote"
git -C "$clone" push --quiet --all origin

ln -s "$tools" "$clone/.venv"
echo .venv >>"$clone/.git/info/exclude"
cd "$clone"
# Nothing is installed here: where the lock has changed since, the image is to be built again.
[ "$(cut -d' ' -f2 "$tools/.installed" 2>/dev/null)" = "$(cat pyproject.toml requirements.txt requirements-dev.txt | sha256sum | cut -d' ' -f1)" ] ||
  die "the image was built for other requirements than the checkout has. Build it again: docker compose -f docker/docker-compose.git-workflow.yml build"
# The project's own programs are those of the clone, not of the image.
export PYTHONPATH="$clone/src" PATH="$clone/.venv/bin:$PATH"
scripts/setup/setup_mlops_git.sh
[ $# -gt 0 ] || set -- bash
exec "$@"
