# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a session lends: it stays for it however long nobody asks, renews it meanwhile, and gives it back at the end (B5)."""

from __future__ import annotations

import json

from tests.integration.conducted import conducted
from tests.integration.leased_logins import Logins
from tests.integration.session_runs import eventually
from tests.servers import once

READ = "- {{name: {0}, ansible.builtin.debug: {{msg: \"{{{{ lookup('nebula.credential.get', 'readonly', field='username') }}}}\"}}}}\n"


def test_a_lease_is_renewed_while_nobody_asks_and_keeps_an_idle_session(project, request):
    """A login for 18 s, due after 12, and a session that may end after one: both are there when the next task reads."""
    logins = Logins(once.openbao(), once.postgresql(), request.node.nodeid)
    logins.role("readonly", "18s", "1h")
    store = {"backend": "vault", "engine": "dynamic", "url": logins.bao.url, "mount": logins.mount, "auth": {"token": logins.token()}}
    content = {"default": "lent", "stores": {"lent": store}, "session": {"idle": 1}}
    project.write("nebula.yml", json.dumps(content))
    project.write("ansible.cfg", "[defaults]\n")

    def renewed():
        eventually(lambda: len(logins.bao.requests("sys/leases/renew")) >= logins.renewed_before + 1, "nobody renews it")

    with conducted(renewed=renewed) as between:
        run = project.play(READ.format("first") + between.task("renewed") + READ.format("last")).succeeded()
    assert run.result("first")["msg"] == run.result("last")["msg"]
    assert len(logins.asked()) == 1
    assert "[WARNING]" not in run.output
    eventually(lambda: not logins.leases(), "it is not given back")
