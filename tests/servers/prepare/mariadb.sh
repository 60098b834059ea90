# shellcheck shell=bash
# Sourced by prepare.sh. The -core packages: the whole one would also start a server of the system's own.
has mariadbd && has mariadb-install-db || missing+=(mariadb-server-core mariadb-client-core)
