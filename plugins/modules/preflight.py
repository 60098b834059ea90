#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the credentials that a run mentions."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Check that the credentials which a run mentions can be read, before a task needs one
version_added: 0.1.0
description:
  - Searches the playbooks of the run, their roles, task files, templates and variables for credentials that they name, and checks all of
    them in one batch for each store. It fails if one is missing, denied, expired or not usable, or ends too soon.
  - The syntax trees of YAML and Jinja are searched, and nothing is evaluated. A name that is computed cannot be told, and is listed in
    C(untold). Conditions are not evaluated either, so a name counts whether or not its task would run.
  - A missing credential is no problem if a task with M(nebula.credential.credential) makes it, or if each lookup of it has C(default),
    C(fallback) or C(on_missing).
  - No value is returned, and the reads count as no use.
  - Ansible reads C(ansible_become_password) and C(ansible_password) of a host before each of its tasks, also before this one. Where they
    are credentials, give this task a play of its own, first, on C(localhost) without these variables.
options:
  for:
    description: How long the credentials are needed, for example C(2h). One that ends before is a problem.
    type: str
  playbooks:
    description: The playbooks to search. Without them and O(names), those of the command line of this run.
    type: list
    elements: path
  names:
    description: Names of the default store to check as well; without O(playbooks) only they are checked.
    type: list
    elements: str
  roles_path:
    description: Directories of roles, before those of Ansible's own configuration.
    type: list
    elements: path
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - module: nebula.credential.credential_info
    description: Describes credentials.
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there are credentials
  nebula.credential.credential:
    credentials:
      - name: app/db_pass
      - name: app/token
        ttl: 30d

- name: Check all that this run mentions, before the first task that needs one
  nebula.credential.preflight:
    for: 2h
  run_once: true

- name: Check some names
  nebula.credential.preflight:
    names: [app/db_pass, app/token]
    for: 1d
"""

RETURN = r"""
configuration_file:
  description: The configuration file that was read to find the store; empty if there is none.
  type: str
  returned: always, if the store is known
store:
  description: The name of the default store.
  type: str
  returned: success
checked:
  description: How many credentials were checked.
  type: int
  returned: always, if the stores can be read
files:
  description: How many files were searched.
  type: int
  returned: always, if the stores can be read
problems:
  description: The credentials that the run could not use.
  type: list
  elements: dict
  returned: always, if the stores can be read
  contains:
    name:
      description: The name of the credential.
      type: str
    store:
      description: The store that is named there, or null for the default one.
      type: str
    state:
      description:
        - V(missing), V(denied), V(expired), V(ending) (before the time of O(for)), V(unusable) (revoked, for example), or V(unreadable).
      type: str
    code:
      description: The code of the error that a read gives, for example V(not_found).
      type: str
    message:
      description: What is wrong.
      type: str
    places:
      description: The files and lines that mention it.
      type: list
      elements: str
untold:
  description: The places where a credential is read whose name cannot be told, each with C(place) and C(reason).
  type: list
  elements: dict
  returned: always, if the stores can be read
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host: refused, because only the action plugin on the controller has the files."""
    run_sent_module("preflight")


if __name__ == "__main__":
    main()
