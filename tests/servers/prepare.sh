#!/usr/bin/env bash
# prepare.sh - what the test servers need that no Python package carries. Fast when all of it is there.
# What cannot be had is said once; the tests that need it fail in CI and are skipped, loudly, elsewhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
cache=$(cd ../.. && pwd)/.cache/servers

has() {
  command -v "$1" >/dev/null || [ -x "${NEBULA_TEST_SERVERS:-/nonexistent}/$1" ] || [ -x "$cache/$1" ] || [ -x "/usr/sbin/$1" ]
}

# The -core packages: the whole one would also start a server of the system's own.
missing=()
has mariadbd && has mariadb-install-db || missing+=(mariadb-server-core mariadb-client-core)
has kubectl || missing+=(kubernetes-client)
# PyPI's etcd is 3.5.1, one of the releases that could lose what they had acknowledged when they were killed.
has etcd || missing+=(etcd-server)
if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing ${missing[*]}"
  bash debian_package.sh "${missing[@]}" || echo "Going on without ${missing[*]}" >&2
fi

if ! has kube-apiserver; then
  if command -v go >/dev/null; then
    echo "Building kube-apiserver with Go, once: four to five minutes on two cores"
    mkdir -p "$cache"
    bash kube_apiserver/build.sh "$cache/kube-apiserver" || echo "Going on without kube-apiserver" >&2
  else
    echo "Going on without kube-apiserver: it is built with Go 1.21 or later, which is not on PATH" >&2
  fi
fi
