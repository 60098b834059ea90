#!/usr/bin/env bash
# prepare.sh - what the test servers need that no Python package carries, a file each in prepare/. Fast when all of it is there.
# What cannot be had is said once; the tests that need it fail in CI and are skipped, loudly, elsewhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
cache=$(cd ../.. && pwd)/.cache/servers
# Where Go's own installation is, which no login shell may have put on PATH.
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
# Node.js knows the authorities of its own list alone, where everything else takes those of the system.
if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -f /etc/ssl/certs/ca-certificates.crt ]; then
  export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
fi

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
