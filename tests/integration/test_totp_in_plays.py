# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Codes of second factors in real runs: that of each moment, and no cache in between, by the server's own log."""

from __future__ import annotations

import pytest

from tests.integration.counted import ON, VALUE

KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
STORED = "- {{name: stored, nebula.credential.credential: {{name: factor, type: totp, value: {0}, fields: {{period: 1}}}}}}\n".format(KEY)
READ = "- {name: read, ansible.builtin.assert: {that: \"lookup('nebula.credential.get', 'factor') is match('[0-9]{6}$')\", quiet: true}}\n"
PLAIN = "- {{name: plain, ansible.builtin.assert: {{that: \"lookup('nebula.credential.get', 'a') == '{0}a'\", quiet: true}}}}\n".format(
    VALUE
)
UNTIL = """
- name: first
  ansible.builtin.set_fact: {first: "{{ lookup('nebula.credential.get', 'factor') }}"}
- name: another
  ansible.builtin.command: {argv: ["true"]}
  register: round
  until: lookup('nebula.credential.get', 'factor') != first
  retries: 60
  delay: 1
"""


def test_each_read_of_a_code_is_a_request_and_each_other_value_is_read_once(project, counted):
    project.play(STORED, **ON).succeeded()
    counted.start_over()
    project.play((READ + PLAIN) * 3, **ON).succeeded()
    assert counted.reads() == {"factor": 3, "a": 1}
    assert counted.logins() == 1


@pytest.mark.parametrize("session", ["true", "false"])
def test_each_round_of_until_gets_the_code_of_its_moment(project, session):
    project.play(STORED + UNTIL, NEBULA_CREDENTIAL_SESSION=session).succeeded()
