# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Leasing credentials: `engine: dynamic`, `mount: database`. Put your own mount in the place of "database", and a role's name in
# the place of "*" where not all are meant.

path "database/creds/*" {
  capabilities = ["read"]
}
# What can be leased, for 'find' and 'credential_info' without names.
path "database/roles" {
  capabilities = ["list"]
}

# Giving a lease more time (the policy "default" says so too), and ending it. A lease is named by its id, which nobody guesses.
path "sys/leases/renew" {
  capabilities = ["update"]
}
path "sys/leases/revoke" {
  capabilities = ["update"]
}

# The token itself: how long it lives, renewing it, ending it, and with it every lease. The policy "default" says so too.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
