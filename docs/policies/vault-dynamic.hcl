# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Leasing credentials: `engine: dynamic`, `mount: database`. Replace "database" with your own mount, and
# "*" with the name of a role if not all roles are meant.

path "database/creds/*" {
  capabilities = ["read"]
}
# What can be leased, for 'find' and 'credential_info' without names.
path "database/roles" {
  capabilities = ["list"]
}

# Renewing and revoking a lease (the policy "default" allows this too). A lease is named by its id, which cannot be guessed.
path "sys/leases/renew" {
  capabilities = ["update"]
}
path "sys/leases/revoke" {
  capabilities = ["update"]
}

# The token itself: looking up its life, renewing it, revoking it and with it every lease. The policy "default" allows this too.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
