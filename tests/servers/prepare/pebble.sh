# shellcheck shell=bash
# Sourced by prepare.sh. An ACME service and the DNS server that it verifies names with, from their Go module.
if ! has pebble || ! has pebble-challtestsrv; then
  if command -v go >/dev/null; then
    mkdir -p "${cache:?set by prepare.sh}"
    GOBIN=$cache CGO_ENABLED=0 GOFLAGS="-trimpath -ldflags=-s -ldflags=-w" go install \
      github.com/letsencrypt/pebble/v2/cmd/{pebble,pebble-challtestsrv}@v2.10.1 ||
      echo "Going on without pebble: Go did not build it" >&2
  else
    echo "Going on without pebble: it is built with Go 1.24 or later, which is not on PATH" >&2
  fi
fi
