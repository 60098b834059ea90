# shellcheck shell=bash
# Sourced by prepare.sh. For the long profile alone; a domain controller needs root, because its ports are fixed. None is started here.
if [ "${NEBULA_TEST_PROFILE:-}" = long ] && [ "$(id -u)" = 0 ]; then
  has samba && [ -d /usr/share/samba/setup/ad-schema ] || missing+=(samba-ad-dc samba-ad-provision)
fi
