#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command on a host with credentials in its environment or on its standard input."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run
short_description: Run a command with credentials in its environment
version_added: 0.1.0
description:
  - Runs a command on the host as C(ansible.builtin.command) does, with credentials in the environment of that command alone or on its
    standard input.
  - The store is opened on the controller. The host gets the values in the module's payload. Root of the host, and the user of the command,
    can read the environment of a process while it runs.
  - The values are masked in the output of the command, also in base64 and quoted. Values of less than four characters are not.
  - An argument that holds the value of a credential that this task reads is refused.
options:
  argv:
    description: The command, as a list of the program and its arguments.
    type: list
    elements: str
    required: true
  env:
    description:
      - Variables that the environment of the command has as well.
      - Each is a text, or a mapping that names a credential, and perhaps its C(field) and C(version).
    type: dict
  stdin:
    description: What the command reads on standard input, a text or a mapping as in O(env). Nothing is added at its end.
    type: raw
  chdir:
    description: The directory in which the command runs.
    type: str
  creates:
    description: A path, or a pattern of the shell. If it exists, the command is not run.
    type: str
  removes:
    description: A path, or a pattern of the shell. If it does not exist, the command is not run.
    type: str
extends_documentation_fragment:
  - nebula.credential.store
attributes:
  check_mode:
    support: full
    description: Reads the credentials and says whether the command would run. The host gets no value.
  diff_mode:
    support: none
    description: A command has no difference to show.
  async:
    support: none
    description: The store is opened by the action plugin on the controller; a task with C(async) is refused.
  action:
    support: full
    description: Has an action plugin, which reads on the controller and sends the module to the host.
seealso:
  - module: nebula.credential.deploy
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is something to give
  nebula.credential.credential:
    name: shop/db
    type: basic
    fields: {username: shop}

- name: Run a command with a password in its environment
  nebula.credential.run:
    argv: [sh, -c, 'echo "connected as $PGUSER, with a password of" && printf %s "$PGPASSWORD" | wc -c']
    env:
      PGUSER: {credential: shop/db, field: username}
      PGPASSWORD: {credential: shop/db}

- name: Give a command a password on its standard input
  nebula.credential.run:
    argv: [wc, -c]
    stdin: {credential: shop/db}
  changed_when: false
"""

RETURN = r"""
cmd:
  description: The command.
  type: list
  elements: str
  returned: success
rc:
  description: Its exit status. The task fails if it is not 0. Below zero it is the signal that ended the command.
  type: int
  returned: success
stdout:
  description: What it wrote on standard output, 1 MiB at most, with the values masked.
  type: str
  returned: success
stderr:
  description: What it wrote on standard error, as RV(stdout).
  type: str
  returned: success
stdout_lines:
  description: The lines of RV(stdout).
  type: list
  elements: str
  returned: success
stderr_lines:
  description: The lines of RV(stderr).
  type: list
  elements: str
  returned: success
truncated:
  description: The streams, V(stdout) and V(stderr), of which the end was dropped.
  type: list
  elements: str
  returned: if the command ran
start:
  description: When it began (ISO 8601).
  type: str
  returned: if the command ran
end:
  description: When it ended.
  type: str
  returned: if the command ran
delta:
  description: How long it ran.
  type: str
  returned: if the command ran
credentials:
  description: The versions of the credentials that it got, by their names.
  type: dict
  returned: success
  sample: {shop/db: "4"}
store:
  description: The name of the store that was read.
  type: str
  returned: success
configuration_file:
  description: The file that defines the store; null if none does.
  type: str
  returned: success
code:
  description: What went wrong, in one stable word, for example V(access_denied).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.hosts.command import run_program_module


def main() -> None:
    """Run on a host, with the work that the action plugin sends."""
    run_program_module()


if __name__ == "__main__":
    main()
