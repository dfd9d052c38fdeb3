#!/usr/bin/env bash
# Signs a release, or checks its signature: Ed25519 over SHA256SUMS, which holds the sum of every file of it.
set -euo pipefail

usage() {
  cat <<'END'
Usage: scripts/deploy/sign_release.sh DIR
       scripts/deploy/sign_release.sh --verify PUBLIC_KEY DIR

The first signs with the private key in the variable RELEASE_SIGNING_KEY (PEM), which no list of processes shows, and
writes SHA256SUMS.sig. The second says whether everything in DIR is what the owner of the key signed.

A key:  openssl genpkey -algorithm ed25519 -out release.key
        openssl pkey -in release.key -pubout -out release.pub
END
}

die() { echo "sign_release.sh: $1" >&2; exit "${2:-1}"; }

public=''
case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  --verify) [ $# -eq 3 ] || die "--verify needs a public key and a folder. See --help." 2; public="$2"; shift 2 ;;
  -*) die "'$1' is not an option. See --help." 2 ;;
esac
[ $# -eq 1 ] || die "name the folder of the release. See --help." 2
folder="$1"
[ -r "$folder/SHA256SUMS" ] || die "$folder has no SHA256SUMS. Make a release: scripts/deploy/build_images.sh $folder"

# Every file is in the list, and is what the list says: a file that was added is not signed.
whole() {
  local listed there
  (cd "$folder" && sha256sum --quiet --strict --check SHA256SUMS >&2) || die "what is in $folder is not what SHA256SUMS says."
  listed="$(sed 's/^[0-9a-f]\{64\} [ *]//' "$folder/SHA256SUMS" | LC_ALL=C sort)"
  there="$(cd "$folder" && find . -type f ! -name SHA256SUMS ! -name SHA256SUMS.sig -printf '%P\n' | LC_ALL=C sort)"
  [ "$listed" = "$there" ] || die "$folder holds other files than SHA256SUMS lists."
}

whole
if [ -n "$public" ]; then
  [ -r "$folder/SHA256SUMS.sig" ] || die "$folder is not signed."
  openssl pkeyutl -verify -rawin -pubin -inkey "$public" -in "$folder/SHA256SUMS" -sigfile "$folder/SHA256SUMS.sig" >/dev/null 2>&1 ||
    die "the signature of $folder is not by the owner of $public."
  echo "$folder is signed by the owner of $public." >&2
else
  [ -n "${RELEASE_SIGNING_KEY:-}" ] || die "RELEASE_SIGNING_KEY is missing: a release is not published unsigned. See --help."
  openssl pkeyutl -sign -rawin -inkey <(printf '%s\n' "$RELEASE_SIGNING_KEY") -in "$folder/SHA256SUMS" -out "$folder/SHA256SUMS.sig.new" 2>/dev/null ||
    { rm -f "$folder/SHA256SUMS.sig.new"; die "RELEASE_SIGNING_KEY is no Ed25519 key in PEM."; }
  mv "$folder/SHA256SUMS.sig.new" "$folder/SHA256SUMS.sig"
  echo "$folder is signed: $folder/SHA256SUMS.sig" >&2
fi
