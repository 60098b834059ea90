# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Reading and writing credentials, deleting and restoring them: `mount: secret`, `prefix: nebula`, KV version 2.
# Put your own mount and prefix in the place of "secret" and "nebula".

path "secret/data/nebula/*" {
  capabilities = ["create", "read", "update"]
}
# Versions, tags and times of change; "delete" is for good, with every version.
path "secret/metadata/nebula/*" {
  capabilities = ["create", "read", "update", "patch", "delete", "list"]
}
# OpenBao lists a whole page of them in one request. Vault has no such path.
path "secret/detailed-metadata/nebula/*" {
  capabilities = ["list"]
}
# Deleting so that it can be undone, undoing it, and destroying single versions for good.
path "secret/delete/nebula/*" {
  capabilities = ["update"]
}
path "secret/undelete/nebula/*" {
  capabilities = ["update"]
}
path "secret/destroy/nebula/*" {
  capabilities = ["update"]
}

# The token itself: how long it lives, renewing it, ending it. The policy "default" says so too.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
