# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run by every Python of a canary play before anything else: what the SDKs log, at DEBUG, goes into a file.

An SDK may log headers, bodies, statements, parameters and rows, and somebody who looks for a fault switches that on.
"""

from __future__ import annotations

import logging
import os

_FILE = os.environ.get("CANARY_SDK_LOG")
if _FILE:
    _WRITTEN = logging.FileHandler(_FILE, delay=True)

    class _Talkative(logging.Logger):
        """Writes whatever it is given, each logger by itself: a handler at the root would keep Ansible from opening its own log file."""

        def __init__(self, name: str, _level: int = logging.NOTSET) -> None:
            super().__init__(name, logging.DEBUG)
            self.addHandler(_WRITTEN)

    logging.setLoggerClass(_Talkative)
