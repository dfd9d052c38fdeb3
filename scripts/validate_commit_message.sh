#!/usr/bin/env bash
# Says whether a commit message is a Conventional Commit: 'type(scope): what it does', then an empty line before any more.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/validate_commit_message.sh FILE
       scripts/validate_commit_message.sh --range BASE..HEAD

  FILE              the message that is about to be committed (the hook commit-msg gives it)
  --range A..B      every commit that B has and A has not, merges aside; what is to be joined later is told too
TEXT
}

types='build|chore|ci|docs|feat|fix|perf|refactor|revert|style|test'
longest=150
shape="^($types)(\([a-z0-9]+((-|, ?)[a-z0-9]+)*\))?!?: [^[:space:]]"

# Prints what is wrong with a message; nothing where it is right.
fault() {
  local first="${1%%$'\n'*}" rest
  rest="${1#"$first"}"
  # git writes these itself.
  case "$first" in 'Merge '* | 'Revert "'*) return ;; esac
  if ! [[ "$first" =~ $shape ]]; then
    echo "It should begin with a type and perhaps a scope, such as 'feat(lake): vacuum'. Types: ${types//|/, }."
  elif [[ "$first" == *. ]]; then echo "The first line is a title: it has no full stop at its end."
  elif [ "${#first}" -gt $longest ]; then
    echo "The first line has ${#first} characters; $longest are the most. Say the rest after an empty line."
  else
    case "$rest" in '' | $'\n\n'*) ;; *) echo "The second line should be empty: what follows the title is another paragraph." ;; esac
  fi
}

check_file() {
  [ -r "$1" ] || { echo "validate_commit_message.sh: $1 cannot be read." >&2; exit 2; }
  local text told
  # As git will keep it: without comments and what 'commit --verbose' shows, from the first line that says something.
  text="$(sed '/^# -* >8 -*$/,$d' "$1" | git stripspace --strip-comments)"
  # git refuses an empty message itself; the others are joined to another commit before anybody else sees them.
  case "$text" in '' | 'fixup! '* | 'squash! '* | 'amend! '*) return ;; esac
  told="$(fault "$text")"
  [ -z "$told" ] || {
    echo "The commit message says: ${text%%$'\n'*}"
    echo "$told"
    echo "Your text is kept: git commit --edit --file=\"\$(git rev-parse --git-path COMMIT_EDITMSG)\""
  } >&2
  [ -z "$told" ]
}

check_range() {
  local commits commit text told refused=0
  commits="$(git rev-list --reverse --no-merges "$1" --)" || { echo "validate_commit_message.sh: '$1' is not a range of commits here." >&2; exit 2; }
  for commit in $commits; do
    text="$(git log -1 --format=%B "$commit")"
    case "$text" in
      'fixup! '* | 'squash! '* | 'amend! '*) told="It is to be joined to another commit first: git rebase --autosquash." ;;
      *) told="$(fault "$text")" ;;
    esac
    [ -z "$told" ] || { echo "${commit:0:12} ${text%%$'\n'*}"; echo "  $told"; refused=$((refused + 1)); } >&2
  done
  echo "$(wc -w <<<"$commits") commits, $refused refused." >&2
  [ "$refused" -eq 0 ] || { echo "Reword them: git rebase --interactive ${1%%..*}" >&2; return 1; }
}

case "$#:${1:-}" in
  1:-h | 1:--help) usage ;;
  2:--range)
    case "$2" in -* | ..* | *..) echo "validate_commit_message.sh: '$2' is not a range such as main..HEAD." >&2; exit 2 ;;
      *..*) check_range "$2" ;;
      *) echo "validate_commit_message.sh: '$2' is not a range such as main..HEAD." >&2; exit 2 ;;
    esac ;;
  1:-*) usage >&2; exit 2 ;;
  1:*) check_file "$1" ;;
  *) usage >&2; exit 2 ;;
esac
