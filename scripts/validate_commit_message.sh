#!/usr/bin/env bash
# Says whether a commit message is a Conventional Commit: 'type(scope): what it does', then an empty line before any more.
#
#   scripts/validate_commit_message.sh FILE
set -euo pipefail

types='build|chore|ci|docs|feat|fix|perf|refactor|revert|style|test'
longest=150

[ $# -eq 1 ] || { echo "Usage: validate_commit_message.sh FILE" >&2; exit 2; }
[ -r "$1" ] || { echo "validate_commit_message.sh: $1 cannot be read." >&2; exit 2; }

refuse() {
  {
    echo "The commit message says: $first"
    echo "$1"
    echo "Your text is kept: git commit --edit --file=\"\$(git rev-parse --git-path COMMIT_EDITMSG)\""
  } >&2
  exit 1
}

# As git will keep it: without comments and what 'commit --verbose' shows, from the first line that says something.
text="$(sed '/^# -* >8 -*$/,$d' "$1" | git stripspace --strip-comments)"
first="${text%%$'\n'*}"
rest="${text#"$first"}"
# git refuses an empty message itself, and writes the others of these: a merge, a revert, a commit to be joined later.
case "$first" in '' | 'Merge '* | 'Revert "'* | 'fixup! '* | 'squash! '* | 'amend! '*) exit 0 ;; esac

shape="^($types)(\([a-z0-9]+([,-][a-z0-9]+)*\))?!?: [^[:space:]]"
[[ "$first" =~ $shape ]] || refuse "It should begin with a type and perhaps a scope, such as 'feat(lake): vacuum'. Types: ${types//|/, }."
case "$first" in *.) refuse "The first line is a title: it has no full stop at its end." ;; esac
[ "${#first}" -le $longest ] || refuse "The first line has ${#first} characters; $longest are the most. Say the rest after an empty line."
case "$rest" in '' | $'\n\n'*) ;; *) refuse "The second line should be empty: what follows the title is another paragraph." ;; esac
