# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Reading credentials, for plays that do not change any: `mount: secret`, `prefix: nebula`, KV version 2.
# Replace "secret" and "nebula" with your own mount and prefix.

path "secret/data/nebula/*" {
  capabilities = ["read"]
}
# Versions, tags and times of change.
path "secret/metadata/nebula/*" {
  capabilities = ["read", "list"]
}
# OpenBao lists a whole page of them in one request. Vault has no such path.
path "secret/detailed-metadata/nebula/*" {
  capabilities = ["list"]
}

# The token itself: looking up its life, renewing it, revoking it. The policy "default" allows this too.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
