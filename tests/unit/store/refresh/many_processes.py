# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work in processes of its own: one that may die, or 32 that begin at the same moment."""

from __future__ import annotations

import os

PROCESSES = 32


def in_process(work):
    """Do `work` in a process of its own; its number and where what it gives can be read."""
    read_end, write_end = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(read_end)
            os.write(write_end, work().encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write_end)
    return process, read_end


def result_of(process, read_end):
    """What it gave, and its status."""
    said = b""
    while piece := os.read(read_end, 65536):
        said += piece
    os.close(read_end)
    return said.decode(), os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def at_once(work):
    """What each of 32 processes gives that do the same work at the same moment, and its status."""
    gate, opener = os.pipe()

    def wait_and_work():
        os.close(opener)
        os.read(gate, 1)  # ends when nobody holds the other side open
        return work()

    started = [in_process(wait_and_work) for _each in range(PROCESSES)]
    os.close(opener)
    os.close(gate)
    return [result_of(*each) for each in started]
