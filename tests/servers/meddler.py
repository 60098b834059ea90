# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another tool that sets a role's password back as soon as somebody changes it, once.

It is how a rotation fails at verification in real life: PostgreSQL takes the new password, and a moment later it does
not work. `python -m tests.servers.meddler --state FILE --role ROLE`, with the state that keeper.py wrote.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
READY = b"watching\n"
_READ = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"


def main() -> int:
    """Watch in the background; return once it does."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.meddler")
    parser.add_argument("--state", required=True, type=Path)
    parser.add_argument("--role", required=True)
    parser.add_argument("--in-foreground", action="store_true")
    chosen = parser.parse_args()
    if chosen.in_foreground:
        return watch(json.loads(chosen.state.read_text(encoding="utf-8")), chosen.role)
    command = [sys.executable, "-m", "tests.servers.meddler", "--in-foreground", "--state", str(chosen.state), "--role", chosen.role]
    watching = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
    assert watching.stdout
    return 0 if watching.stdout.readline() == READY else 1


def watch(server: dict[str, str], role: str) -> int:
    """Set the password back once. Ends with that, with the server, or when patience does."""
    import psycopg
    from psycopg import sql

    login = {"host": server["host"], "user": server["user"], "password": server["password"], "dbname": server["database"]}
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(port=server["port"], autocommit=True, **login) as connection:
        remembered = connection.execute(_READ, [role]).fetchone()
        assert remembered, "no such role"
        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.close()
        while time.monotonic() < deadline:
            if connection.execute(_READ, [role]).fetchone() != remembered:
                setting_back = sql.SQL("ALTER ROLE {0} PASSWORD {1}").format(sql.Identifier(role), sql.Literal(remembered[0]))
                connection.execute(setting_back)
                return 0
            time.sleep(0.005)
    return 1


if __name__ == "__main__":
    sys.exit(main())
