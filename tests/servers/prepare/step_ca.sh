# shellcheck shell=bash
# Sourced by prepare.sh. A second ACME service, step-ca, from its Go module, for the tests of the long profile alone.
if [ "${NEBULA_TEST_PROFILE:-}" = long ] && ! has step-ca; then
  if command -v go >/dev/null; then
    mkdir -p "${cache:?set by prepare.sh}"
    GOBIN=$cache CGO_ENABLED=0 GOFLAGS="-trimpath -ldflags=-s -ldflags=-w" go install \
      github.com/smallstep/certificates/cmd/step-ca@v0.30.2 ||
      echo "Going on without step-ca: Go did not build it" >&2
  else
    echo "Going on without step-ca: it is built with Go 1.25 or later, which is not on PATH" >&2
  fi
fi
