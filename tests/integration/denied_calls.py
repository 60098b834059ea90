# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""System calls that the kernel refuses (seccomp(2)), for this process and all that it starts: as in a sandbox, or on a file system."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
NUMBER, FIRST_ARGUMENT = 0, 16
"""Where `struct seccomp_data` has them, on a machine with the low bytes first."""
AF_UNIX = 1
CALLS = {
    "flock": ({"x86_64": 73, "aarch64": 32}, None, errno.EOPNOTSUPP),
    "unix sockets": ({"x86_64": 41, "aarch64": 198}, AF_UNIX, errno.EAFNOSUPPORT),
}
"""The number of a call on each machine, the first argument that is refused (None: any), and the error: of a file system without locks, and
of systemd's RestrictAddressFamilies."""


def is_known(call):
    """Whether the number of a call is known for this machine."""
    return platform.system() == "Linux" and platform.machine() in CALLS[call][0]


def deny(call):
    """Have the kernel refuse a call of `CALLS` from now on."""
    numbers, argument, number_of_error = CALLS[call]
    steps = [(LOAD, 0, 0, NUMBER), (JUMP_IF_EQUAL, 0, 1 if argument is None else 3, numbers[platform.machine()])]
    if argument is not None:
        steps += [(LOAD, 0, 0, FIRST_ARGUMENT), (JUMP_IF_EQUAL, 0, 1, argument)]
    steps += [(RETURN, 0, 0, ERRNO | number_of_error), (RETURN, 0, 0, ALLOW)]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    kept = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack("HP", len(steps), ctypes.addressof(kept)))
    library = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)):
        if library.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "prctl")
