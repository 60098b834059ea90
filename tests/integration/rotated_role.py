# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role of a real PostgreSQL whose password is in a store, and plays that rotate it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.encoding.scram import build_verifier
from tests.integration import default_store

BIN = Path(sys.executable).parent
ROLE = "app"
SHOW = {"ansible.builtin.debug": {"var": "rotated"}}


class Play:
    """Runs tasks on localhost with a store and a home of their own."""

    def __init__(self, directory: Path, server: Any) -> None:
        self.directory = directory
        self.server = server
        self.variables = directory / "variables.json"
        self.variables.write_text(
            json.dumps(
                {
                    "ansible_python_interpreter": sys.executable,
                    "pg": {
                        "host": server.host,
                        "port": server.port,
                        "database": server.database,
                        "admin_user": server.user,
                        "admin_password": server.password,
                    },
                }
            )
        )

    def command(self, tasks: list[dict[str, Any]], *arguments: str) -> list[str]:
        play = [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]
        book = self.directory / "play-{}.json".format(secrets.token_hex(4))
        book.write_text(json.dumps(play))
        return [str(BIN / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-e", "@" + str(self.variables), str(book), *arguments]

    def run(self, *tasks: dict[str, Any], arguments: tuple[str, ...] = (), fails: bool = False, **environment: str) -> str:
        return self.execute(self.command(list(tasks), *arguments), fails, **environment)

    def playbook(self, name: str, variables: dict[str, Any], fails: bool = False) -> str:
        """Run one of the collection's own playbooks."""
        path = self.directory / "extra.json"
        path.write_text(json.dumps(variables))
        return self.execute([str(BIN / "ansible-playbook"), "-e", "@" + str(self.variables), "-e", "@" + str(path), name], fails)

    def execute(self, command: list[str], fails: bool, **environment: str) -> str:
        done = subprocess.run(
            command,
            env=dict(os.environ, **environment),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def value(self, field: str = "password", stage: str = "current") -> str:
        return default_store.read_field("db_pass", field, stage)

    def has_begun(self) -> bool:
        """Whether a rotation is open."""
        return default_store.read_phase("db_pass") is not None


def rotation(**options: Any) -> dict[str, Any]:
    return {
        "nebula.credential.credential_rotate": {
            "name": "db_pass",
            "target": "postgresql",
            "postgresql": {name: "{{ pg." + name + " }}" for name in ("host", "port", "database", "admin_user", "admin_password")},
            **options,
        },
        "register": "rotated",
    }


def new_play(tmp_path: Path, postgresql: Any) -> Play:
    """A role in the server and its password in a new store."""
    old = secrets.token_urlsafe(24)
    for role in (ROLE, "app_b"):
        postgresql.run("DROP ROLE IF EXISTS {}".format(role))
    postgresql.run("CREATE ROLE app LOGIN")
    postgresql.run("CREATE ROLE app_b LOGIN")
    postgresql.run("ALTER ROLE app PASSWORD '{}'".format(build_verifier(old)))
    (tmp_path / "old").write_text(old)
    default_store.create_login("db_pass", ROLE, old)
    return Play(tmp_path, postgresql)


def old_password(play: Play) -> str:
    return (play.directory / "old").read_text()
