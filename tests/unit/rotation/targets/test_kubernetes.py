# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `kubernetes` without an API server; tests/targets has a real one."""

from __future__ import annotations

import base64
import json

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


CHANGED = {steps.ID: "the-certificate-of-the-shop"}


def make_token(secret: str) -> Secret:
    claims = {"kubernetes.io": {"namespace": "shop", "secret": {"name": secret}}}
    return Secret("e30.{0}.sig".format(base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")))


def test_the_secret_of_a_token_is_deleted_and_no_other() -> None:
    token = Value({"value": make_token("nebula-token-1")}, CHANGED, "value")
    with scripted.running(lambda _request: Answer(200, {})) as server:
        options = {
            "url": server.url,
            "namespace": "shop",
            "service_account": "app",
            "admin_credential": {"token": Secret("admin")},
            "leave_unbound": False,
        }
        target = Kubernetes(options, token)
        assert target.retire(Recorded({}), token) == steps.APPLIED
        # Of what is not stored only the identity is known.
        assert target.retire(Recorded({}), Value({}, CHANGED, "value")) == steps.REFUSED
        assert target.retire(Recorded({}), Value({}, {steps.ID: "nebula-token-2"}, "value")) == steps.APPLIED
    secrets = "/api/v1/namespaces/shop/secrets/"
    assert [(each.method, each.path) for each in server.asked] == [
        ("DELETE", secrets + "nebula-token-1"),
        ("DELETE", secrets + "nebula-token-2"),
    ]
