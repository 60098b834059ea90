# shellcheck shell=bash
# Sourced by prepare.sh. Debian's own service is not started: the tests start servers of their own.
has sshd || missing+=(openssh-server)
has ssh-agent || missing+=(openssh-client)
