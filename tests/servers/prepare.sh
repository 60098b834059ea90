#!/usr/bin/env bash
# prepare.sh - what the test servers need that no Python package carries, a file each in prepare/. Fast when all of it is there.
# What cannot be had is said once; the tests that need it fail in CI and are skipped, loudly, elsewhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
cache=$(cd ../.. && pwd)/.cache/servers

has() {
  command -v "$1" >/dev/null || [ -x "${NEBULA_TEST_SERVERS:-/nonexistent}/$1" ] || [ -x "$cache/$1" ] || [ -x "/usr/sbin/$1" ]
}

# Each file adds the Debian packages that are missing, and builds what no distribution has.
missing=()
for part in prepare/*.sh; do
  # shellcheck source=/dev/null
  . "$part"
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing ${missing[*]}"
  bash debian_package.sh "${missing[@]}" || echo "Going on without ${missing[*]}" >&2
fi
