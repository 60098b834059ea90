# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A value that several hosts generate at once is one value: one host generates it, and all get it (J6)."""

from __future__ import annotations

import pytest

HOSTS = 6
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - name: made
      nebula.credential.credential: {name: shared, generate: GENERATE, return_value: true}
      register: made
    - name: all the same
      run_once: true
      ansible.builtin.assert:
        that:
          - ansible_play_hosts | map('extract', hostvars, ['made', 'value']) | unique | length == 1
          - ansible_play_hosts | map('extract', hostvars, ['made', 'generated']) | select | length == 1
          - lookup('nebula.credential.get', 'shared') == made.value
        quiet: true
"""


@pytest.mark.parametrize("session", ["true", "false"])
def test_hosts_that_generate_at_once_get_one_value(project, session):
    project.write("hosts.ini", "".join("host{0} ansible_connection=local\n".format(each) for each in range(HOSTS)))
    project.write("site.yml", PLAY.replace("GENERATE", "{kind: passphrase}"))
    run = project.run("ansible-playbook", "-i", "hosts.ini", "-f", str(HOSTS), "site.yml", NEBULA_CREDENTIAL_SESSION=session)
    run.succeeded()
