# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rotating credentials: new versions of them, but neither deleting nor restoring any: `mount: secret`, `prefix: nebula`,
# KV version 2. Replace "secret" and "nebula" with your own mount and prefix.
# Policies add up: vault-dynamic.hcl is for leased credentials, vault-transit.hcl for a key source.

path "secret/data/nebula/*" {
  capabilities = ["create", "read", "update"]
}
path "secret/metadata/nebula/*" {
  capabilities = ["create", "read", "update", "patch", "list"]
}
# OpenBao lists a whole page of them in one request. Vault has no such path.
path "secret/detailed-metadata/nebula/*" {
  capabilities = ["list"]
}

# The values of a rotation in progress (the pending value, the journal), which it removes afterwards.
path "secret/data/nebula/.nebula/*" {
  capabilities = ["create", "read", "update"]
}
path "secret/metadata/nebula/.nebula/*" {
  capabilities = ["create", "read", "update", "patch", "delete", "list"]
}
path "secret/delete/nebula/.nebula/*" {
  capabilities = ["update"]
}
path "secret/destroy/nebula/.nebula/*" {
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
