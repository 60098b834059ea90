# shellcheck shell=bash
# Sourced by prepare.sh. A browser and its driver, for the tests of the long profile alone.
if [ "${NEBULA_TEST_PROFILE:-}" = long ]; then
  has chromium && has chromedriver || missing+=(chromium chromium-driver)
fi
