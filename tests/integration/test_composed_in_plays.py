# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials that are made of others in real runs: each part is fetched once; by the server's own log."""

from __future__ import annotations

from tests.integration.counted import ON

STORED = """
- name: stored
  nebula.credential.credential:
    credentials:
      - {name: both, type: composite, fields: {first: "a:password", second: "b:password"}}
      - {name: either, type: chain, value: "gone, b"}
"""
READ = """
- name: read
  ansible.builtin.assert:
    quiet: true
    that:
      - lookup('nebula.credential.get', 'both', fields='*') == dict(first='v4lue of a', second='v4lue of b')
      - lookup('nebula.credential.get', 'either') == 'v4lue of b'
      - lookup('nebula.credential.get', 'either', field='answered_by') == 'b'
      - lookup('nebula.credential.get_many', 'both', 'either', field='second', on_missing='skip') == dict(both='v4lue of b')
"""


def test_the_parts_are_fetched_once_for_a_run(project, counted):
    project.play(STORED, **ON).succeeded()
    counted.start_over()
    project.play(READ * 3, **ON).succeeded()
    reads = dict(counted.reads())
    # That nothing is there is not remembered for a read that does not accept it.
    assert reads.pop("gone") >= 1
    assert reads == {"both": 1, "either": 1, "a": 1, "b": 1}
    assert counted.logins() == 1
