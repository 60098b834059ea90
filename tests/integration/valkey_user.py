# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program as a user of the target `command` writes one: changes and tries the password of a Valkey user.

`valkey_user.py MODE PORT USER FILE`: FILE holds the password of the administrator. MODE is set, add, drop or try. If FILE.hold
exists, a change waits until it is gone: a request that is on its way.
"""

from __future__ import annotations

import pathlib
import socket
import sys
import time

REFUSED, UNAVAILABLE = 77, 69


def call(port: int, *commands: list[bytes]) -> list[bytes]:
    """The answers to commands, on a connection of their own."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        answers = connection.makefile("rb")
        found = []
        for command in commands:
            parts = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in command)
            connection.sendall(b"*%d\r\n%s" % (len(command), parts))
            found.append(answers.readline().rstrip())
        return found


def main(mode: str, port: str, user: str, admin: str) -> int:
    value = sys.stdin.buffer.read()[:-1]
    name = user.encode()
    try:
        if mode == "try":
            return 0 if call(int(port), [b"AUTH", name, value]) == [b"+OK"] else REFUSED
        hold = pathlib.Path(admin + ".hold")
        while hold.exists():
            pathlib.Path(admin + ".held").touch()
            time.sleep(0.05)
        rules = {"set": [b"resetpass", b">" + value], "add": [b">" + value], "drop": [b"<" + value]}[mode]
        login = [b"AUTH", b"default", pathlib.Path(admin).read_bytes()]
        answer = call(int(port), login, [b"ACL", b"SETUSER", name, *rules])[-1]
        absent = mode == "drop" and b"no such password" in answer.lower()
        return 0 if answer == b"+OK" or absent else 1
    except OSError:
        return UNAVAILABLE


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
