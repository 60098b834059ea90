# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation in get.yml beside this file.

Where the run's session knows the answer, this file is all of the collection that a worker loads: every import here is the standard
library's or one that ansible-core has made already. Anything else is left to plugin_utils.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import socket
import stat
import struct
import sys
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from ansible import constants
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

try:
    from ansible.module_utils.secrets import register_secrets
except ImportError:
    register_secrets = None

VARIABLES = (
    *("nebula_credential_" + name for name in ("store", "stores", "scope", "session")),
    *("awx_user_name", "tower_user_name", "awx_job_id", "tower_job_id", "job_id"),
)
"""What a host's variables say about which store answers, and to whom."""
ENVIRONMENT = re.compile(
    r"(HOME|(XDG|NEBULA|VAULT|BAO|AWS|AZURE|GOOGLE|SSL|OTEL|AWX|TOWER)_\w+|(KUBE|PG)\w+|JOB_ID|TMPDIR|\w+_CA_BUNDLE|(?i:\w+_proxy))\Z"
)
"""What of the environment stores are made of. A session has it as it was at its start, so one that differs has a session of its own."""
LENGTH = struct.Struct(">I")
LONGEST_REPLY = 64 * 1024 * 1024
LONGEST_SOCKET_PATH = 100
"""Of 104 bytes on macOS and 108 on Linux, the end included."""
SILENCE = 5.0
"""Seconds without a byte from the session, which sends one each second while it works: then it hangs, and is given up for the run."""
HEARTBEAT = b"."
HUNG = "it hangs, or was stopped"
CREDENTIALS = struct.Struct("3i")
OVERFLOW_UID = 65534
"""What Linux shows for users that a container does not know (/proc/sys/kernel/overflowuid; nobody changes it)."""


class LookupModule(LookupBase):
    """Reads one credential."""

    operation = "get"

    def run(self, terms: list[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        """Answer the value, the default, or nothing."""
        question = digest(self.operation, terms, kwargs, variables or {}, self._templar.template)
        reply = known_answer(question, (variables or {}).get("inventory_hostname"))
        told = None if reply is None else self.told(reply["result"])
        if told is not None:
            return told
        from ansible_collections.nebula.credential.plugins.plugin_utils.reading_lookups import READING

        return READING[self.operation](self._loader, self._templar, question=question).run(terms, variables, **kwargs)

    def told(self, result: Mapping[str, Any]) -> list[Any] | None:
        """What the lookup answers for an operation's result; None where that needs more thought."""
        return [result["value"]]


def digest(
    operation: str, terms: list[Any], given: Mapping[str, Any], variables: Mapping[str, Any], template: Callable[[Any], Any]
) -> str | None:
    """What is asked, and everything that decides which store answers it; None where that cannot be told here.

    Vaulted values enter as ciphertext. Configuration files enter by their state, so that one that was changed is read again.
    """
    try:
        around = [_resolved(variables.get(name), template) for name in VARIABLES]
        text = json.dumps([operation, terms, given, _states(), around], default=_ciphertext, sort_keys=True)
    except Exception:  # noqa: BLE001  # a template can raise anything; the long way tells it better
        return None
    return sha256(text.encode("utf-8")).hexdigest()


def _resolved(value: Any, template: Callable[[Any], Any]) -> Any:
    """A raw variable with the templates in it resolved: two hosts may mean two stores by one text."""
    if isinstance(value, str):
        return template(value) if "{{" in value or "{%" in value else value
    if isinstance(value, Mapping):
        return {str(name): _resolved(part, template) for name, part in value.items()}
    return [_resolved(part, template) for part in value] if isinstance(value, list) else value


def _ciphertext(value: Any) -> str:
    found = getattr(value, "_ciphertext", None)
    if not isinstance(found, str):
        raise TypeError
    return found


def _states() -> list[Any]:
    """The files that may say which store is meant, as they are now."""
    directory = os.path.dirname(constants.CONFIG_FILE or "")
    named = os.environ.get("NEBULA_CREDENTIAL_CONFIG")
    places = (
        constants.CONFIG_FILE,
        directory and directory + "/nebula.yml",
        named and os.path.expanduser(named),
        os.path.expanduser("~/.nebula/nebula.yml"),
    )
    return [_state(place) for place in places if place]


def _state(path: str) -> Any:
    try:
        found = os.stat(path)
    except OSError:
        return path
    return [path, found.st_mtime_ns, found.st_size, found.st_ino]


class Place(NamedTuple):
    """Where the session of this run is, or would be: one directory a run, which names it."""

    directory: str

    @property
    def socket(self) -> str:
        """What the session listens on."""
        return self.directory + "/s"

    @property
    def lock(self) -> str:
        """A file that is locked while a session starts."""
        return self.directory + "/lock"

    @property
    def begun(self) -> str:
        """A file that is there once a session has begun, which keeps it locked."""
        return self.directory + "/begun"

    @property
    def gone(self) -> str:
        """A file that says why this run goes on without a session."""
        return self.directory + "/gone"


def controller() -> tuple[int, str]:
    """The process whose run this is, and when it began (clock ticks; empty where /proc does not tell).

    A worker is a child that ansible-core has forked from it.
    """
    process = os.getpid()
    parent = multiprocessing.parent_process()
    worker = sys.modules.get("ansible.executor.process.worker")
    if getattr(worker, "current_worker", None) is not None and parent is not None:
        process = parent.pid or process
    try:
        # proc(5): the 22nd field; the 2nd is a name in parentheses that may hold anything.
        with open("/proc/{0}/stat".format(process), encoding="utf-8", errors="replace") as file:
            return process, file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return process, ""


def place(process: int, started: str) -> Place:
    """The directory of a run's session: below XDG_RUNTIME_DIR where that is this user's, else below TMPDIR or /tmp."""
    environment = sorted(item for item in os.environ.items() if ENVIRONMENT.match(item[0]))
    name = "nebula-{0}-{1}-{2}-{3}".format(os.geteuid(), process, started, sha256(repr(environment).encode("utf-8")).hexdigest()[:12])
    runtime, temporary = os.environ.get("XDG_RUNTIME_DIR"), os.environ.get("TMPDIR")
    if runtime and is_private(runtime) and _has_room(runtime, name):
        return Place(os.path.join(runtime, name))
    # Others may write there; the directory in it is made by us, for us alone, or is not used.
    base = temporary if temporary and _has_room(temporary, name) else "/tmp"  # noqa: S108
    return Place(os.path.join(base, name))


def _has_room(base: str, name: str) -> bool:
    """Whether a socket can be made there: the system bounds the length of its path, which must not depend on where we are."""
    return (
        os.path.isabs(base) and len(os.fsencode(os.path.join(base, name))) + 2 <= LONGEST_SOCKET_PATH and os.access(base, os.W_OK | os.X_OK)
    )


def is_private(directory: str) -> bool:
    """Whether it is a directory of this user's that nobody else can enter; no link to one."""
    try:
        found = os.lstat(directory)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def give_up(where: Place, why: str) -> str:
    """Have the whole run go on without a session. Answers the reason that stands, which is that of the first to give up."""
    draft = "{0}.{1}".format(where.gone, os.getpid())
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w", encoding="utf-8") as file:
            file.write(why)
        try:
            os.link(draft, where.gone)  # whole, or not at all: all that look at it say the same
        finally:
            os.unlink(draft)
    except OSError:
        pass  # somebody has, or the directory is gone: then each process finds out by itself
    return given_up(where) or why


def given_up(where: Place) -> str | None:
    """Why this run goes on without a session; None where it does not."""
    try:
        with open(where.gone, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


def known_answer(question: str | None, host: Any) -> dict[str, Any] | None:
    """The session's answer to a question that it was asked before; None where there is no session, or no such answer.

    What is secret in it is masked by ansible-core where it can (2.22); the session has worked out the forms.
    """
    if question is None:
        return None
    found = place(*controller())
    if not is_private(found.directory) or os.path.exists(found.gone):
        return None
    try:
        reply = exchange(found, {"question": question, "host": None if host is None else str(host)})
    except AnswerLost as lost:
        if str(lost) == HUNG:
            give_up(found, HUNG)
        return None
    except OSError:
        return None  # the long way finds out why, and says so
    if "result" not in reply:
        return None
    if reply["mask"] and register_secrets is not None:
        register_secrets(reply["mask"])
    for warning in reply["warnings"]:
        Display().warning(warning)
    return reply


class AnswerLost(ConnectionError):
    """The request was sent, whole, and no answer came: it may have been carried out."""


def exchange(where: Place, message: Mapping[str, Any]) -> dict[str, Any]:
    """Send a message and wait for the reply, as long as the session shows that it works on it.

    Raises:
        TypeError, ValueError: the message cannot be sent; nothing was.
        AnswerLost: it was sent, and the session ended or hangs.
        OSError: there is no session, or it is not this user's; nothing was done.
    """
    content = json.dumps(message).encode("utf-8")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(SILENCE)
        _connect(connection, where.socket)
        if not is_ours(connection):
            raise PermissionError("the session belongs to somebody else")
        connection.sendall(LENGTH.pack(len(content)) + content)
        try:
            return dict(json.loads(_received(connection)))
        except TimeoutError:
            raise AnswerLost(HUNG) from None
        except (OSError, ValueError, TypeError):
            raise AnswerLost("it ended, or was killed") from None


def _connect(connection: socket.socket, path: str) -> None:
    """Connect; where the line of those who wait is full for a moment, wait in line for it."""
    deadline = time.monotonic() + SILENCE
    while True:
        try:
            connection.connect(path)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(HUNG) from None
            time.sleep(0.001)


def is_ours(connection: socket.socket) -> bool:
    """Whether the other end runs as this user. The overflow uid of a container stands for anybody, and is nobody's."""
    uid = other_end(connection)[1]
    return uid == os.geteuid() and uid != OVERFLOW_UID


def other_end(connection: socket.socket) -> tuple[int | None, int]:
    """The process (None where the system does not tell) and the uid at the other end."""
    if hasattr(socket, "SO_PEERCRED"):
        process, uid, _gid = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
        return process, uid
    # unix(4) of macOS and the BSDs: struct xucred begins with a version and the effective uid.
    _version, uid = struct.unpack("2I", connection.getsockopt(0, 1, 76)[:8])
    return None, uid


def _received(connection: socket.socket) -> bytes:
    """The reply; heartbeats before it are what resets the time limit of the socket."""
    first = connection.recv(1)
    while first == HEARTBEAT:
        first = connection.recv(1)
    head = first + _exactly(connection, LENGTH.size - len(first))
    (length,) = LENGTH.unpack(head)
    if length > LONGEST_REPLY:
        raise ConnectionError("the reply is too long")
    return _exactly(connection, length)


def _exactly(connection: socket.socket, length: int) -> bytes:
    parts = []
    while length:
        part = connection.recv(min(length, 1 << 20))
        if not part:
            raise ConnectionError("the session has closed the connection")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
