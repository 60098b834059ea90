# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Reading and writing credentials, deleting and restoring them: `mount: secret`, `prefix: nebula`, KV version 2.
# Replace "secret" and "nebula" with your own mount and prefix.

path "secret/data/nebula/*" {
  capabilities = ["create", "read", "update"]
}
# Versions, tags and times of change; "delete" is permanent, with every version.
path "secret/metadata/nebula/*" {
  capabilities = ["create", "read", "update", "patch", "delete", "list"]
}
# OpenBao lists a whole page of them in one request. Vault has no such path.
path "secret/detailed-metadata/nebula/*" {
  capabilities = ["list"]
}
# Deleting recoverably, undeleting, and destroying single versions permanently.
path "secret/delete/nebula/*" {
  capabilities = ["update"]
}
path "secret/undelete/nebula/*" {
  capabilities = ["update"]
}
path "secret/destroy/nebula/*" {
  capabilities = ["update"]
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
