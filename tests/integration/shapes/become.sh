#!/bin/sh
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What sudo does with the arguments that Ansible gives it: print the prompt, read the password, run the command if it is right.
# $SHAPES_BECOME has a line for each password that is right: its SHA-256.
while [ $# -gt 0 ]; do
  case "$1" in
    -p) prompt=$2; shift 2 ;;
    -u) shift 2; break ;;
    *) shift ;;
  esac
done
printf '%s' "$prompt" >&2
IFS= read -r password
digest=$(printf '%s' "$password" | sha256sum | cut -d ' ' -f 1)
grep -qx "$digest" "$SHAPES_BECOME" || { echo "Sorry, try again." >&2; exit 1; }
exec "$@"
