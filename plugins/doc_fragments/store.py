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
      - Unless given, the store is named by the variable C(nebula_credential_store), the environment variable
        E(NEBULA_CREDENTIAL_STORE), or C(store) in section C([nebula_credential]) of C(ansible.cfg), in that order, then by
        C(default) in C(nebula.yml), and is V(local) otherwise.
      - Named stores are defined in C(nebula.yml) and in the variable C(nebula_credential_stores).
    type: raw
  scope:
    description:
      - On whose behalf the task works. What is stored with a scope is open to a matching one only.
      - A credential that is created gets this scope. The tenant is not part of it; it comes from the store's configuration.
    type: dict
    suboptions:
      workflow:
        description: The workflow.
        type: str
      user:
        description: The user. Unless given, the user of the AWX job is asserted, where there is one.
        type: str
      tags:
        description: Further dimensions, name by name.
        type: dict
  run_on:
    description:
      - Where the store is opened. V(controller) opens it as the user of the run, whatever connection, become and delegate_to say.
      - V(target) runs the module on the host. The store's configuration, with its logins, and the values go there.
        It is refused for a local store with its default key and for a store that the run's Ansible vault password opens.
    type: str
    choices: [controller, target]
    default: controller
attributes:
  check_mode:
    support: full
    description: Tells what would change and writes nothing. A value is neither generated nor shown.
  diff_mode:
    support: full
    description: Shows what changes of the metadata. Values are never shown; that one changes is.
  async:
    support: none
    description: The operation runs in the action plugin on the controller; a task with C(async) is refused.
  action:
    support: full
    description: Has an action plugin, which works on the controller.
"""
