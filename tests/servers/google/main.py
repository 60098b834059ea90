# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process of the server: `python -I main.py SETTINGS`. The settings are a private file, which no argument shows."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT))

from tests.servers.google import service as services  # noqa: E402  # found by the line above
from tests.servers.google import tokens as logins  # noqa: E402
from tests.servers.google.access import Access, Faults, Grant  # noqa: E402
from tests.servers.google.model import Model  # noqa: E402


def main(path: Path) -> None:
    """Serve until the process is ended."""
    said = json.loads(path.read_text(encoding="utf-8"))
    model, access, faults, log = Model(), Access(), Faults(), services.Log(Path(said["log"]))
    for grant in said["grants"]:
        access.grant(Grant(grant["principal"], tuple(grant["permissions"]), grant["resource"]))
    known = logins.Known(
        {email: key.encode() for email, key in said["accounts"].items()},
        said["refresh_tokens"],
        said["subject_tokens"],
        said["audience"],
        said["password"],
    )
    logins.start(logins.Tokens(known, model, access, faults, log), said["certificate"], said["key"], said["token_port"])
    certificate, key = Path(said["certificate"]).read_bytes(), Path(said["key"]).read_bytes()
    kept = []
    for port, location in ((said["regional_port"], said["location"]), (said["port"], None)):
        kept.append(services.start(services.Service(model, access, faults, log, location), certificate, key, port))
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
