# shellcheck shell=bash
# Sourced by prepare.sh. The packages start no server of their own before a realm is made.
has krb5kdc && has kadmind && has kinit || missing+=(krb5-kdc krb5-admin-server krb5-user)
