# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `kubernetes` without an API server; tests/targets has a real one."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.kubernetes import Kubernetes
from tests.servers import proxy, scripted
from tests.servers.scripted import Answer
from tests.unit.rotation.targets.recorded_modules import Recorded


class DownAfterTheFirst(Recorded):
    """The service is down from the second request on."""

    def __init__(self, between: proxy.Proxy) -> None:
        super().__init__(None)
        self.between, self.requests = between, 0

    def time_left(self) -> float:
        self.requests += 1
        if self.requests == 2:
            self.between.mode = proxy.REFUSE
        return super().time_left()


def test_a_secret_that_was_made_without_its_token_is_looked_for_whatever_the_reason() -> None:
    with scripted.running(lambda _request: Answer(201, {"metadata": {"uid": "1-2-3"}})) as server:
        port = int(server.url.rpartition(":")[2])
        with proxy.running("127.0.0.1", port) as between:
            options = {"url": "http://127.0.0.1:{}".format(between.port), "namespace": "shop", "service_account": "app", "lifetime": 600}
            target = Kubernetes({**options, "admin_credential": {"api_key": Secret("x")}}, Value({"api_key": Secret("x")}))
            made = target.make(DownAfterTheFirst(between), Value({"api_key": Secret("x")}, primary="api_key"), "mark")
    assert [request.path for request in server.asked] == ["/api/v1/namespaces/shop/secrets"]
    assert made.outcome == steps.UNKNOWN
