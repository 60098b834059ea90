# shellcheck shell=bash
# Sourced by prepare.sh. The package starts no server of its own: its configuration at installation does not run without a domain.
has slapd || missing+=(slapd)
