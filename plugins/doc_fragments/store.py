# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that every module shares (`argument_specs/store.py`)."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the shared options."""

    DOCUMENTATION = r"""
options:
  store:
    description:
      - The store to work on, by name, or its whole configuration as a mapping.
      - Defaults to the store that the variable C(nebula_credential_store), the environment variable E(NEBULA_CREDENTIAL_STORE), or
        C(store) in section C([nebula_credential]) of C(ansible.cfg) names, in that order, then to C(default) in C(nebula.yml), then
        to V(local).
      - Named stores are defined in C(nebula.yml) and in the variable C(nebula_credential_stores).
      - A configuration has C(backend), then mostly C(path) or C(url), C(auth) and C(key_sources). All options of every backend are in
        C(docs/reference/options.md) of the collection.
    type: raw
  scope:
    description:
      - The caller's scope. A credential with a scope can only be used by a caller whose scope matches.
      - A credential that is created gets this scope. The tenant is not part of it; it comes from the store's configuration.
    type: dict
    suboptions:
      workflow:
        description: The workflow.
        type: str
      user:
        description: The user. Defaults to the user of the AWX job, if there is one.
        type: str
      tags:
        description: Further dimensions, name by name.
        type: dict
"""

    PLACE = r"""
options:
  run_on:
    description:
      - Where the store is opened. V(controller) opens it as the user of the run, regardless of connection, become and delegate_to.
      - V(target) runs the module on the host. The store's configuration, with its logins, and the values are sent there.
        It is refused for a local store with its default key and for a store that the run's Ansible vault password opens.
    type: str
    choices: [controller, target]
    default: controller
attributes:
  check_mode:
    support: full
    description: Reports what would change and writes nothing. No value is generated or shown.
  diff_mode:
    support: full
    description: Shows the changes of the metadata. Of a value it shows that it changes, never the value itself.
  async:
    support: none
    description: The operation runs in the action plugin on the controller; a task with C(async) is refused.
  action:
    support: full
    description: Has an action plugin, which runs on the controller.
"""
    """For a module whose store can be opened on the host, too."""
