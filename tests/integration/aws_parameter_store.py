# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store in SSM Parameter Store, on a server that speaks AWS's API, and a bare client that looks at the same parameters."""

from __future__ import annotations

import secrets

from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.servers import once


class ParameterStore:
    """A prefix of its own on a server."""

    def __init__(self, kind):
        self.server = once.server(kind)
        self.prefix = "t" + secrets.token_hex(5)
        self.client = self.server.client("ssm")

    def manager(self, **options):
        # The servers load a service when it is first asked for, which takes long on a busy machine.
        limits = {"read_timeout": 60, "write_timeout": 60}
        where = {"backend": "aws", "service": "ssm", "prefix": self.prefix, "audit": "off", "single_writer": True}
        return open_store({**where, **limits, **self.server.login, **options}, name="prod")

    def backend(self, **options):
        """The store within the layers that lock, limit and repeat."""
        backend = self.manager(**options).backend
        while type(backend).__name__ != "Limits":
            backend = backend.inner
        return backend

    def path(self, name):
        return "/{0}/{1}".format(self.prefix, name)

    def put(self, name, value, kind="SecureString", **more):
        return self.client.put_parameter(Name=self.path(name), Value=value, Type=kind, **more)["Version"]

    def asked(self, work):
        """The actions that are asked of the server while `work` is done."""
        since = self.server.count()
        work()
        return [each.action.partition(".")[2] for each in self.server.requests(since=since)]
