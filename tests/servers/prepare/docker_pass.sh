# shellcheck shell=bash
# Sourced by prepare.sh. No server: Docker's credential helper for pass. Its Debian package depends on a desktop's keyring, which it does not need.
if ! has docker-credential-pass && command -v apt-get >/dev/null; then
  helper=golang-docker-credential-helpers
  mkdir -p "${cache:?set by prepare.sh}/$helper"
  (
    cd "$cache/$helper"
    [ "$(id -u)" != 0 ] || apt-get update -qq
    apt-get download -qq "$helper" 2>/dev/null && dpkg -x "$helper"_*.deb . && cp usr/bin/docker-credential-pass ..
  ) || echo "Going on without docker-credential-pass: apt-get did not download $helper" >&2
  rm -rf "${cache:?}/$helper"
fi
