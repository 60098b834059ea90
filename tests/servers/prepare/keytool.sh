# shellcheck shell=bash
# Sourced by prepare.sh. No server: keytool, which reads and writes Java's key stores.
has keytool || missing+=(default-jre-headless)
