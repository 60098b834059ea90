# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database engine of a real OpenBao that makes logins of a real PostgreSQL."""

from __future__ import annotations

import hashlib
from pathlib import Path

CREATION = "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';"
POLICY = Path(__file__).parents[2] / "docs" / "policies" / "vault-dynamic.hcl"


class Logins:
    """One mount of the engine, of one test's own, with a role `readonly`."""

    def __init__(self, bao, database, test):
        """Mount and configure it."""
        self.bao, self.database = bao, database
        self.mount = "db" + hashlib.sha256(test.encode()).hexdigest()[:10]
        bao.enable("database", self.mount)
        configured = {
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": "*",
            "connection_url": "postgresql://{{{{username}}}}:{{{{password}}}}@{0}:{1}/{2}?sslmode=disable".format(
                database.host, database.port, database.database
            ),
            "username": database.user,
            "password": database.password,
        }
        bao.call("POST", self.mount + "/config/main", configured)
        self.role("readonly", "1h", "24h")
        self.renewed_before = len(bao.requests("sys/leases/renew"))

    def role(self, name, ttl, longest):
        """Make or change a role."""
        given = {"db_name": "main", "creation_statements": [CREATION], "default_ttl": ttl, "max_ttl": longest}
        self.bao.call("POST", "{0}/roles/{1}".format(self.mount, name), given)

    def policy(self):
        """The name of a policy that allows what the documentation says that a store needs."""
        return self.bao.policy(self.mount, POLICY.read_text(encoding="utf-8").replace('"database/', '"{0}/'.format(self.mount)))

    def token(self, **options):
        """A login for a store."""
        return self.bao.token(self.policy(), no_default_policy=True, **options)

    def users(self):
        """The logins that are there now, by what the database says; of every mount."""
        with self.database.connect() as connection:
            return {row[0] for row in connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-%'")}

    def asked(self, what="creds/"):
        """The requests to this mount below a path that were served."""
        return [one for one in self.bao.requests("{0}/{1}".format(self.mount, what)) if not one["error"]]

    def leases(self, role="readonly"):
        """The leases that the server has of a role: their ids' last parts."""
        answer = self.bao.client().adapter.request(
            "LIST", "/v1/sys/leases/lookup/{0}/creds/{1}/".format(self.mount, role), raise_exception=False
        )
        return (answer.get("data") or {}).get("keys") or [] if isinstance(answer, dict) else []
