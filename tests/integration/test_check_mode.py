# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first run in check mode: a lookup of what the run would create says why there is none, and what to write."""

from __future__ import annotations

import pytest

CREATE = "- {name: created, nebula.credential.credential: {name: db}}\n"
READ = '- {name: read, ansible.builtin.debug: {msg: "{{ LOOKUP }}"}}\n'
SAYS = "check mode"


@pytest.mark.parametrize("lookup", ["lookup('nebula.credential.get', 'db')", "lookup('nebula.credential.get_many', ['db'])"])
def test_what_the_run_would_create_is_missing_with_the_reason(project, lookup):
    failure = project.play(CREATE + READ.replace("LOOKUP", lookup), "--check").failed()
    assert "[code: not_found]" in failure
    for words in (SAYS, "default=", "when: not ansible_check_mode"):
        assert words in failure


def test_a_run_that_writes_says_nothing_of_check_mode(project):
    failure = project.play(READ.replace("LOOKUP", "lookup('nebula.credential.get', 'db')")).failed()
    assert ("[code: not_found]" in failure, SAYS in failure) == (True, False)
