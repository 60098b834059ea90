# shellcheck shell=bash
# Sourced by prepare.sh. By itself: it pins a version of botocore that is not ours, and works with ours as well.
if [ ! -d "${cache:?set by prepare.sh}/ministack-package" ] && [ ! -d "${NEBULA_TEST_SERVERS:-/nonexistent}/ministack-package" ]; then
  mkdir -p "$cache"
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$cache/ministack-package" 'ministack >= 1.5.33, < 1.6' ||
    echo "Going on without MiniStack: pip did not install it" >&2
fi
