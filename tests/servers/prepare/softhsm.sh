# shellcheck shell=bash
# Sourced by prepare.sh. Each test has a token of its own.
has softhsm2-util || missing+=(softhsm2)
