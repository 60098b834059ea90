# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a session answers, without the process around it."""

from __future__ import annotations

import base64
from dataclasses import asdict

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.request_handler import RequestHandler

MEMORY = {"backend": "memory", "audit": "off"}


class Caller:
    """A desk, and operations asked of it on one store, as a run's worker asks."""

    def __init__(self, config=None, store="team", **options):
        self.desk = RequestHandler({"ttl": 300.0, **options})
        self.config = dict(MEMORY if config is None else config)
        self.store = store

    def message(self, operation, check_mode=False, question=None, config=None, store=None, **parameters):
        return {
            "operation": operation,
            "parameters": parameters,
            "store": store or self.store,
            "config": config or self.config,
            "context": asdict(AccessContext()),
            "check_mode": check_mode,
            "question": question,
        }

    def __call__(self, operation, **more):
        """The reply's result, or its error."""
        reply = self.desk.handle(self.message(operation, **more))
        return reply["result"] if "result" in reply else reply["error"]

    def read(self, name, **more):
        return self("get", name=name, **more)["value"]

    def put(self, *names):
        for name in names:
            assert self("credential", name=name, value="value of " + name, state="present")["changed"]


def secrets_in(reply):
    return [base64.b64decode(secret) for secret in reply["secrets"]]
