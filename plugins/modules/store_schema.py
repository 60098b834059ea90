#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make or upgrade the tables of a database store."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_schema
short_description: Make the tables of a database store, or upgrade them
version_added: 0.1.0
description:
  - Makes the tables of a store whose backend is C(database), or upgrades those of an earlier release.
  - A store with C(migration=auto), the default, does this by itself when it is first used. This module is for a store with
    C(migration=manual) or C(migration=validate), whose own login need not be allowed to make tables. Give O(store) a login that is.
  - In check mode it returns the SQL, for an administrator to run.
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is a password for the login that owns the tables
  nebula.credential.credential:
    name: database/owner
    type: basic
    fields: {username: owner}

# On a server: url: postgresql://owner@db.example.org/nebula, password: "{{ lookup('nebula.credential.get', 'database/owner') }}"
- name: See the SQL that would be run
  nebula.credential.store_schema:
    store: &store
      backend: database
      url: sqlite:///~/.nebula/tables/credentials.db
      migration: validate
  check_mode: true
  register: planned

- name: Show it
  ansible.builtin.debug:
    var: planned.statements

- name: Make the tables
  nebula.credential.store_schema:
    store: *store
"""

RETURN = r"""
store:
  description: The name of the store.
  type: str
  returned: always, if the store is known
  sample: prod
configuration_file:
  description: The configuration file that was read to find the store; empty if there is none.
  type: str
  returned: always, if the store is known
  sample: /srv/project/nebula.yml
found:
  description: The version of the tables before; 0 if there were none.
  type: int
  returned: success
  sample: 0
version:
  description: The version of the tables after; in check mode, what it would be.
  type: int
  returned: success
  sample: 1
statements:
  description: The SQL that was run, or would be. Empty if nothing had to be done, or another task did it first.
  type: list
  elements: str
  returned: success
  sample: ["INSERT INTO cred_store (item, version) VALUES ('schema', 1);"]
code:
  description: What went wrong, in one stable word, for example V(access_denied).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host; on the controller the action plugin does the same."""
    run_sent_module("store_schema")


if __name__ == "__main__":
    main()
