#!/usr/bin/env bash
# Installs the system libraries that Python's packages expect to find. Most systems have them; the smallest ones, such as
# container images, do not. Does nothing where they are already there.
#
#   scripts/setup/setup_system_libraries.sh [platform|dev]
set -euo pipefail

# Name of the library, and of Debian's package.
libraries=("libgomp.so.1 libgomp1")   # GNU OpenMP, for the training of iALS
case "${1:-platform}" in
  platform) ;;
  dev) libraries+=("libatomic.so.1 libatomic1") ;;   # for what drives the browser in tests of the page
  *) echo "setup_system_libraries.sh: '$1' is not an environment. Use 'platform' or 'dev'." >&2; exit 2 ;;
esac

[ "$(uname -s)" = Linux ] || exit 0
PATH="$PATH:/usr/sbin:/sbin"
# Without glibc there is no ldconfig, and packages bring what they need.
command -v ldconfig >/dev/null || exit 0
known="$(ldconfig -p)"
packages=()
for library in "${libraries[@]}"; do
  case "$known" in *"${library% *} "*) ;; *) packages+=("${library#* }") ;; esac
done
[ ${#packages[@]} -eq 0 ] && exit 0
exec "$(dirname "${BASH_SOURCE[0]}")/setup_system_packages.sh" "${packages[@]}"
