# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The key source `vault_transit` with the key "nebula" of an engine at "transit". Replace both with your own.

# Opening a store. Enough for a run that only reads, and adds no source.
path "transit/decrypt/nebula" {
  capabilities = ["update"]
}
# Creating a store, adding the source to one, rotating its master key. Without "create": that would let a request make a key.
path "transit/encrypt/nebula" {
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
