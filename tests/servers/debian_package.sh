#!/usr/bin/env bash
# debian_package.sh NAME... - install what only a system package has, or say how.
set -euo pipefail
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
else
  echo "Missing: $*. Install it as root: apt-get update && apt-get install -y $*" >&2
  exit 1
fi
