# shellcheck shell=bash
# Sourced by prepare.sh. Only the long profile starts one, so `make test-long` alone installs it.
[ "${NEBULA_TEST_PROFILE:-}" != long ] || [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing+=(rabbitmq-server)
