# shellcheck shell=bash
# Sourced by prepare.sh. The tests start a bus and a keyring of their own.
has dbus-run-session || missing+=(dbus-bin dbus-daemon)
has gnome-keyring-daemon || missing+=(gnome-keyring)
