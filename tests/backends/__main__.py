# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store of every kind that plays run on, for playbooks: `python -m tests.backends start --state FILE`, and `… stop --state FILE`.

The file (0600) has their configurations by label under `stores`. Servers and stores are gone after `stop`, or with the run that started
them. A kind whose server cannot be had is left out; in CI nothing starts then.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, Iterator, Optional, Sequence

from tests.backends.discovery import KINDS
from tests.backends.harness import StoreKind
from tests.servers import keeper, once
from tests.servers.processes import ServerUnavailable

READY = "ready in {started_in:.1f} s: {labels}"


class Stores:
    """The configurations of stores by label."""

    def __init__(self, configurations: Dict[str, Any], started_in: float) -> None:
        """Take them, and the seconds that their servers took."""
        self._configurations = configurations
        self._started_in = started_in

    def described(self) -> Dict[str, Any]:
        """Return what a playbook needs to know, as JSON takes it."""
        return {"started_in": self._started_in, "labels": ", ".join(self._configurations), "stores": self._configurations}


@contextmanager
def running() -> Iterator[Stores]:
    """Have a store of each kind, with a key of its own if it is encrypted.

    Raises:
        ServerUnavailable: a server cannot be had, in CI.
    """
    began = time.monotonic()
    with TemporaryDirectory(prefix="nebula-stores-") as base:
        found = {kind.label: _configuration(kind, Path(base)) for kind in KINDS if kind.plays and _has_server(kind)}
        try:
            yield Stores(found, time.monotonic() - began)
        finally:
            once.stop_all()


def _has_server(kind: StoreKind) -> bool:
    try:
        return kind.server is None or bool(once.started(kind.server))
    except ServerUnavailable as error:
        if os.environ.get("CI"):
            raise
        print("left out, {0}: {1}".format(kind.label, error), file=sys.stderr)
        return False


def _configuration(kind: StoreKind, base: Path) -> Dict[str, Any]:
    directory = base / kind.label
    directory.mkdir(mode=0o700)
    key = {"source": "key_file", "path": str(directory / "store.key")}
    return kind.configuration(directory, **({"key_sources": [key]} if kind.encrypted else {}))


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command line."""
    return keeper.main("tests.backends", running, arguments, ready=READY)


if __name__ == "__main__":
    sys.exit(main())
