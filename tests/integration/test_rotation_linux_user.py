# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `linux_user` in plays: by whose password Ansible reaches the host. Nothing listens there."""

from __future__ import annotations

from typing import Any

import pytest

CREATE = """
- nebula.credential.credential: {name: operator, type: basic, fields: {username: operator, password: old-word}}
"""
ROTATE = """
- nebula.credential.credential_rotate: {name: operator, target: linux_user, linux_user: {host: box}}
"""
INVENTORY = "localhost ansible_connection=local\nbox ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1 {0}\n"
OWN = "by the password of the account 'operator'"
OTHERS = "the host 'box' cannot be reached"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ("ansible_user=operator ansible_password=old-word", OWN),
        ("ansible_user=operator ansible_become=true ansible_become_password=old-word", OWN),
        (
            "ansible_user=admin ansible_become=true ansible_become_method=su ansible_become_user=operator ansible_become_password=no-use",
            OWN,
        ),
        ("ansible_user=operator", OTHERS),
        ("ansible_user=admin ansible_become=true ansible_become_password=no-use", OTHERS),
        ("ansible_user=operator ansible_become=true ansible_become_method=su ansible_become_password=no-use", OTHERS),
    ],
)
def test_the_account_by_whose_password_ansible_gets_in_is_not_rotated(project: Any, variables: str, words: str) -> None:
    project.write("hosts.ini", INVENTORY.format(variables))
    project.play(CREATE).succeeded()
    assert words in project.play(ROTATE, "-i", "hosts.ini").failed()
