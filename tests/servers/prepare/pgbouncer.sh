# shellcheck shell=bash
# Sourced by prepare.sh.
has pgbouncer || missing+=(pgbouncer)
