# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a configuration from a pipe, once, and keep it in memory for the workers of the run."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Mapping
from typing import Any

READ_TIMEOUT = 60
"""Seconds in which all of it must arrive, as waits of one second each. The program at the other end may have to request a key."""
LONGEST = 1024 * 1024
PART = 1 << 16


class PipeReader:
    """The content of a pipe, which a thread reads."""

    def __init__(self, descriptor: int) -> None:
        """Take the reading end, and start to read."""
        self._descriptor = descriptor
        self._done = threading.Event()
        self._reply: Mapping[str, Any] = {}
        threading.Thread(target=self._read, name="pipe", daemon=True).start()

    def wait(self) -> Mapping[str, Any]:
        """Return `{configuration: text}` or `{failure: reason}` once it is known, within `READ_TIMEOUT` seconds."""
        self._done.wait()
        return self._reply

    def _read(self) -> None:
        try:
            self._reply = {"configuration": self._read_whole().decode("utf-8")}
        except (ValueError, OSError) as error:  # a ValueError has a text of ours, or says that it is not UTF-8
            reason = "it is not text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            self._reply = {"failure": reason if isinstance(error, ValueError) else os.strerror(error.errno or 0)}
        finally:
            os.close(self._descriptor)
            self._done.set()

    def _read_whole(self) -> bytes:
        content = b""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        waits = READ_TIMEOUT
        while waits:
            if not poll.poll(1000):
                waits -= 1
                continue
            part = os.read(self._descriptor, PART)
            content += part
            if len(content) > LONGEST:
                raise ValueError("more than {0} bytes came out of it".format(LONGEST))
            if not part and not content:
                raise ValueError("nothing came out of it: the command failed, or it was read before")
            if not part:
                return content
        raise ValueError("its other end did not finish within {0} s".format(READ_TIMEOUT))
