# shellcheck shell=bash
# Sourced by prepare.sh. No server: the password manager of a documented command.
has pass || missing+=(pass)
has gpg || missing+=(gnupg)
