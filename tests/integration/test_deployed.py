# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of hosts that hold a credential are recorded beside it, once a run, and a person can list them."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.integration.counted import ON
from tests.integration.test_deploy import ON_HOSTS, write_hosts


@pytest.mark.server
def test_twenty_hosts_of_one_task_are_one_write_of_the_record(project, counted, tmp_path):
    names = ["h{0:02}".format(number) for number in range(20)]
    write_hosts(project, ["{0} ansible_connection=local".format(name) for name in names])
    playbook = project.write("many.yml", ON_HOSTS.format(place=tmp_path))
    project.run("ansible-playbook", "-i", "hosts.ini", str(playbook), **ON).succeeded()
    start = counted.store.path("")
    writes = Counter(one["path"][len(start) :] for one in counted._asked() if one["operation"] in ("create", "update") and "login" not in one["path"])
    print(writes)
    assert 0
