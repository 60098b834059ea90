# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The identity of a value is metadata, which others may be able to change. The target deletes the Secret that the token itself names."""

from __future__ import annotations

import base64
import json

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.kubernetes import Kubernetes
from tests.servers import scripted
from tests.servers.scripted import Answer
from tests.unit.rotation.targets.recorded_modules import Recorded

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
