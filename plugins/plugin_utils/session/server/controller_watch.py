# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watch the controller process of the run that a session serves."""

from __future__ import annotations

import os
import select

from ansible_collections.nebula.credential.plugins.plugin_utils.session.peer import read_start_time

PAUSE = 1.0


class ControllerWatch:
    """Detect the end of the run: by a pidfd if there is one, else by polling."""

    def __init__(self, process: int, started: str) -> None:
        """Watch the process with this id that began at `started` (clock ticks)."""
        self.run = (process, started)
        self.descriptor = self._open()
        self._was_gone = read_start_time(process) != started

    def _open(self) -> int | None:
        try:
            return os.pidfd_open(self.run[0])
        except ProcessLookupError:
            self._was_gone = True
            return None
        except (AttributeError, OSError):
            return None

    def is_over(self) -> bool:
        """Return True if the process has ended. A process id that was reused by another process counts as ended."""
        if self._was_gone:
            return True
        if self.descriptor is not None:
            return bool(select.select([self.descriptor], [], [], 0)[0])
        return read_start_time(self.run[0]) != self.run[1] or not _exists(self.run[0])

    def close(self) -> None:
        """Stop watching."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def pause(self) -> None:
        """Wait a moment, or until the process ends."""
        select.select([] if self.descriptor is None else [self.descriptor], [], [], PAUSE)


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
