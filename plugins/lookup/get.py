# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup `get`. Its documentation is in get.yml.

If the run's session can respond, this file is all of the collection that a worker loads: every import here is of the standard library,
or of a module that ansible-core has loaded already. Everything else is in plugin_utils. Every worker compiles this file anew, so it is
short. session/endpoint.py and session/protocol.py hold the same definitions for the rest of plugin_utils: change both.
"""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import socket
import stat
import struct
import sys
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from ansible import constants
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

VARIABLES = {"awx_user_name", "tower_user_name", "awx_job_id", "tower_job_id", "job_id"}.union(
    "nebula_credential_" + name for name in ("store", "stores", "scope", "session")
)
"""The variables of a host that choose the store and the caller's scope. Those that begin with `THEIRS` stand for options of a store."""
THEIRS = "ansible_hashi_vault_"
ENVIRONMENT = (
    *("XDG_", "NEBULA_", "VAULT_", "BAO_", "ANSIBLE_HASHI_VAULT_", "AWS_", "AZURE_", "GOOGLE_", "SSL_", "OTEL_", "AWX_", "TOWER_"),
    *("KUBE", "K8S_AUTH_", "PG", "GCP_", "GCE_", "GRPC_", "CLOUDSDK_", "OP_", "CONJUR_", "TSS_", "DBUS_", "PKCS11_", "SOFTHSM2_"),
)
"""Prefixes of variables that configure stores. A session keeps their values from its start, so a difference needs another session."""
MISSING = ("not_found", "no_token")
PLAIN = (str, int, float, bool)
"""Types of a default that is returned as it is. Values that ansible-core has tagged have other types."""
LENGTH = struct.Struct(">I")
LONGEST_REPLY = 64 * 1024 * 1024
LONGEST_SOCKET_PATH = 100
"""The systems allow 104 bytes (macOS) and 108 (Linux), the terminating zero byte included."""
HEARTBEAT_TIMEOUT = 5.0
"""Seconds without a byte from the session, after which the run gives it up: a session that works sends one each second.

They are counted in waits of `WAIT` seconds. A freeze of the whole run (a paused container, SIGSTOP) costs one wait, however long it is.
"""
WAIT = 1.0
CONNECT_PAUSE = 0.002
PART = 1 << 16
HEARTBEAT = b"."
HUNG = "it hangs, or was stopped"
READS: list[Mapping[str, Any]] = []
"""The results of this worker's reads: `deploy` names the versions that a template reads, and `run` lets no value into an argument."""
CREDENTIALS = struct.Struct("3i")
OVERFLOW_UID = 65534
"""The uid that Linux shows for users that a container does not know (the default of /proc/sys/kernel/overflowuid)."""


class LookupModule(LookupBase):
    """Read one credential."""

    operation = "get"

    def run(self, terms: list[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        """Return the value, the default, or an empty list."""
        question, reply = None, None
        names = self.find_names(terms)
        if names is not None:
            question = digest(self.operation, kwargs, variables or {}, self._templar.template)
            reply = answer(question, names, (variables or {}).get("inventory_hostname"))
        if reply is None:
            from ansible_collections.nebula.credential.plugins.plugin_utils.session.early_start import begin

            begin(self._loader, self._templar, variables or {}, question)  # the session loads its half of the collection meanwhile
        else:
            told = self.shape_result(reply["result"]) if "result" in reply else self.instead(reply["error"]["code"], kwargs)
            if told is not None:
                return told
        from ansible_collections.nebula.credential.plugins.plugin_utils.lookup.get import READING

        return READING[self.operation](self._loader, self._templar, question=question, reply=reply).run(terms, variables, **kwargs)

    def find_names(self, terms: list[Any]) -> list[str] | None:
        """Return the names to read; None if the full lookup must read the terms."""
        return terms if len(terms) == 1 and isinstance(terms[0], str) else None

    def shape_result(self, result: Mapping[str, Any]) -> list[Any] | None:
        """Return what the lookup returns for an operation's result; None if the full lookup must decide."""
        return [result["value"]]

    def instead(self, code: str, given: Mapping[str, Any]) -> list[Any] | None:
        """Return the default if the failure clearly calls for it; None if the full lookup must decide."""
        is_meant = code in MISSING and given.get("on_missing") in (None, "default") and type(given.get("default")) in PLAIN
        return [given["default"]] if is_meant else None


def digest(operation: str, given: Mapping[str, Any], variables: Mapping[str, Any], template: Callable[[Any], Any]) -> str | None:
    """Hash the operation, its options and all inputs of store selection. Return None if they cannot be hashed.

    Vaulted values enter as ciphertext, files by their state. `default` and `omit` do not enter. What a host has set is refused later.
    """
    given = {**given, "default": True} if "default" in given else given
    given = {name: value for name, value in given.items() if type(value).__name__ != "_OmitType"}
    try:
        around = {name: resolve_templates(variables[name], template) for name in variables if name in VARIABLES or name.startswith(THEIRS)}
        facts = [name for name in around if name.removeprefix("ansible_") in (variables.get("ansible_facts") or ())]
        files = [_state(path) for path in config_file_candidates()]
        text = json.dumps([operation, given, files, around, is_retried()], default=_ciphertext, sort_keys=True)
    except Exception:  # noqa: BLE001  # a template can raise anything; the full lookup reports it better
        return None
    return None if facts else sha256(text.encode("utf-8")).hexdigest()


def resolve_templates(value: Any, template: Callable[[Any], Any]) -> Any:
    """Return a raw variable with its templates resolved: the same text may name different stores for two hosts."""
    if isinstance(value, str):
        return template(value) if "{{" in value or "{%" in value else value
    if isinstance(value, Mapping):
        return {str(name): resolve_templates(part, template) for name, part in value.items()}
    return [resolve_templates(part, template) for part in value] if isinstance(value, list) else value


def _ciphertext(value: Any) -> str:
    found = getattr(value, "_ciphertext", None)
    if not isinstance(found, str):
        raise TypeError
    return found


def config_file_candidates() -> list[str]:
    """Return the files that may choose the store, or set the `session` options."""
    directory = os.path.dirname(constants.CONFIG_FILE or "")
    named = os.path.expanduser(os.environ.get("NEBULA_CREDENTIAL_CONFIG") or "")
    home = os.path.expanduser("~/.nebula/nebula.yml")  # stays relative for a user without a home
    return [
        place for place in (constants.CONFIG_FILE, directory and directory + "/nebula.yml", named, os.path.isabs(home) and home) if place
    ]


def _state(path: str) -> Any:
    try:
        found = os.stat(path)
    except OSError:
        return path
    return [path, found.st_mtime_ns, found.st_size, found.st_ino]


def controller() -> tuple[int, str]:
    """Return the process id of the run's controller, and when it began (clock ticks; empty if /proc does not have it).

    A worker is a child that ansible-core has forked from it.
    """
    process = os.getpid()
    parent = multiprocessing.parent_process()
    if _current_worker() is not None and parent is not None:
        process = parent.pid or process
    try:
        # proc(5): the 22nd field; the 2nd is a name in parentheses that may hold anything.
        with open("/proc/{0}/stat".format(process), "rb") as file:
            return process, file.read().rpartition(b")")[2].split()[19].decode("ascii")
    except (OSError, IndexError):
        return process, ""


def _current_worker() -> Any:
    """Return ansible-core's object of the worker that this process is; None in another process."""
    return getattr(sys.modules.get("ansible.executor.process.worker"), "current_worker", None)


def is_retried() -> bool:
    """Return True if the worker's task is repeated until a condition holds. It may wait for a credential that is missing now."""
    task = getattr(_current_worker(), "_task", None)
    return bool(getattr(task, "until", None)) or getattr(task, "retries", None) is not None


def current_task() -> str | None:
    """Return the name of the task that this worker performs; None outside a worker of ansible-core."""
    return getattr(getattr(_current_worker(), "_task", None), "get_name", lambda: None)()


def directory_of(process: int, started: str) -> str:
    """Return the directory of a run's session: below XDG_RUNTIME_DIR if that is private to this user, else below TMPDIR or /tmp."""
    environment = sorted(item for item in os.environ.items() if _matters(item[0]))
    around = sha256(repr((_pid_namespace(), environment)).encode("utf-8")).hexdigest()[:12]
    name = "nebula-{0}-{1}-{2}-{3}".format(os.geteuid(), process, started, around)
    runtime, temporary = os.environ.get("XDG_RUNTIME_DIR"), os.environ.get("TMPDIR")
    if runtime and is_private(runtime) and _has_room(runtime, name):
        return os.path.join(runtime, name)
    # Other users may write there. The directory in it is used only if it is ours and private.
    return os.path.join(temporary if temporary and _has_room(temporary, name) else "/tmp", name)  # noqa: S108


def _pid_namespace() -> int:
    """Return a number of this PID namespace; 0 if the system has none. Two containers may have runs of the same process id and start."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def _matters(variable: str) -> bool:
    return (
        variable in ("HOME", "JOB_ID", "TMPDIR")
        or variable.startswith(ENVIRONMENT)
        or variable.endswith("_CA_BUNDLE")
        or variable.lower().endswith("_proxy")
    )


def _has_room(base: str, name: str) -> bool:
    """Return True if a socket can be made there. The system bounds the length of its path, which must be absolute."""
    room = LONGEST_SOCKET_PATH - len(os.fsencode(os.path.join(base, name))) - 2
    return room >= 0 and os.path.isabs(base) and os.access(base, os.W_OK | os.X_OK)


def is_private(directory: str) -> bool:
    """Return True if it is a directory of this user that no other user can enter, and no link to one."""
    try:
        found = os.lstat(directory)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def answer(question: str | None, names: list[str], host: Any) -> dict[str, Any] | None:
    """Return the session's response for a digest it knows; None if it does not know it or no session is running.

    Secrets in the response are registered with ansible-core's masking if it has one (2.22); the session has computed their forms.
    """
    directory = directory_of(*controller())
    if question is None or not is_private(directory) or os.path.exists(directory + "/gone"):
        return None
    try:
        reply = exchange(directory, {"question": question, "names": names, "host": host and str(host), "task": current_task()})
    except OSError as error:
        if str(error) == HUNG:
            from ansible_collections.nebula.credential.plugins.plugin_utils.session.abandoned import abandon_session

            abandon_session(directory, HUNG)
        return None  # the full lookup finds the reason, and reports it
    if "result" not in reply and "error" not in reply:
        return None
    READS.extend([reply] if _current_worker() is not None and "result" in reply else [])
    if reply.get("mask"):
        from ansible.module_utils.secrets import register_secrets

        register_secrets(reply["mask"])
    for warning in reply["warnings"]:
        Display().warning(warning)
    return reply


class ResponseLost(ConnectionError):
    """The whole request was sent, and no response came: it may have been carried out."""


def exchange(directory: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """Send a message and return the response. Wait as long as the session sends heartbeats.

    Raises:
        TypeError, ValueError: the message cannot be encoded; nothing was sent.
        ResponseLost: the message was sent, and the session ended or hangs.
        OSError: there is no session, or it is not this user's; nothing was done.
    """
    content = json.dumps(message).encode("utf-8")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(WAIT)
        _connect(connection, directory)
        if not is_ours(connection):
            raise PermissionError("the session belongs to another user")
        left = memoryview(LENGTH.pack(len(content)) + content)
        while left:
            left = left[_repeat_wait(connection.send, left) :]
        try:
            return dict(json.loads(_receive_reply(connection)))
        except TimeoutError:
            raise ResponseLost(HUNG) from None
        except (OSError, ValueError, TypeError, struct.error):
            raise ResponseLost("it ended, or was killed") from None


def _connect(connection: socket.socket, directory: str) -> None:
    """Connect. If the session is being started, or its backlog is full for a moment, wait and try again."""
    pauses, begins = int(HEARTBEAT_TIMEOUT / CONNECT_PAUSE), True
    while True:
        try:
            connection.connect(directory + "/s")
            break
        except FileNotFoundError:
            if not begins or not pauses:
                raise
            begins = is_locked(directory + "/lock")  # if not, it may listen by now
        except BlockingIOError:
            if not pauses:
                raise TimeoutError(HUNG) from None
        pauses -= 1
        time.sleep(CONNECT_PAUSE if begins else 0)


def is_locked(path: str) -> bool:
    """Return True if a process holds the lock of this file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without locks
    finally:
        os.close(descriptor)
    return False


def is_ours(connection: socket.socket) -> bool:
    """Return True if the other end runs as this user. The overflow uid of a container may be any user, so it never counts as ours."""
    uid = other_end(connection)[1]
    return uid == os.geteuid() and uid != OVERFLOW_UID


def other_end(connection: socket.socket) -> tuple[int | None, int]:
    """Return the process id (None if the system does not provide it) and the uid of the other end."""
    if hasattr(socket, "SO_PEERCRED"):
        process, uid, _gid = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
        return process, uid
    # unix(4) of macOS and the BSDs: struct xucred begins with a version and the effective uid.
    _version, uid = struct.unpack("2I", connection.getsockopt(0, 1, 76)[:8])
    return None, uid


def _receive_reply(connection: socket.socket) -> bytes:
    """Return the response, without the heartbeats before it. Each part that arrives restarts the count of waits."""
    received = b""
    while len(received) < LENGTH.size:
        received = (received + _receive_part(connection)).lstrip(HEARTBEAT)  # no length begins with that byte
    (length,) = LENGTH.unpack_from(received)
    parts = [received[LENGTH.size :]]
    left = min(length, LONGEST_REPLY) - len(parts[0])
    while left > 0:
        parts.append(_receive_part(connection))
        left -= len(parts[-1])
    reply = b"".join(parts)
    if len(reply) != length:
        raise ConnectionError("the session sent too much")
    return reply


def _receive_part(connection: socket.socket) -> bytes:
    part: bytes = _repeat_wait(connection.recv, PART)
    if not part:
        raise ConnectionError("the session closed the connection")
    return part


def _repeat_wait(step: Callable[[Any], Any], argument: Any) -> Any:
    """Return what `step` returns, which waits for `WAIT` seconds at most: repeat it until `HEARTBEAT_TIMEOUT` seconds were waited."""
    for _wait in range(int(HEARTBEAT_TIMEOUT / WAIT) - 1):
        try:
            return step(argument)
        except TimeoutError:
            pass
    return step(argument)
