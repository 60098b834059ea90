# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small controller: a real process that forks workers as ansible-core does, and has them do what a test asks for.

Reads a line of JSON a call from standard input (`call`, `arguments`, `workers`) and writes a line with the answers. With no workers
the controller itself does it, else that many workers, at the same moment.
"""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import time

from ansible.executor.process import worker
from ansible.parsing.dataloader import DataLoader
from ansible.plugins import lookup
from ansible.template import Templar
from ansible.utils.display import Display
from session_extremes import count_programs, orphaned, without_call

CALLS = (count_programs, orphaned, without_call)
"""What a test may ask for, from other files."""
LOADED = (lookup,)
"""What a controller has loaded before it forks, so that workers inherit it."""
OURS = "ansible_collections.nebula.credential.plugins."
FORKING = multiprocessing.get_context("fork")
kept = []


def ask(*names, operation="get", variables=None, **options):
    """Run a lookup as a task does. Answers its values, or the error's text; and what it warned of, how long it took, what it loaded."""
    warned, before, begun = [], set(sys.modules), time.monotonic()
    Display().warning = Display.warning = lambda message, *_more, **_options: warned.append(message)
    loader = DataLoader()
    loader.set_basedir(os.getcwd())
    found = {"values": None, "error": None}
    try:
        plugin = __import__(OURS + "lookup." + operation, fromlist=["LookupModule"]).LookupModule(loader, Templar(loader))
        found["values"] = plugin.run([*names], {"inventory_hostname": "h", **(variables or {})}, **options)
    except Exception as error:  # noqa: BLE001  # the test judges it
        found["error"] = str(error)
    return {**found, "warned": warned, "seconds": time.monotonic() - begun, "loaded": sorted(set(sys.modules) - before)}


def perform(operation, **parameters):
    """Perform an operation as an action does."""
    from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
    from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
    from ansible_collections.nebula.credential.plugins.plugin_utils.client.run_client import client
    from ansible_collections.nebula.credential.plugins.plugin_utils.config.session_options import session_options

    config = parameters.pop("store", {"backend": "local", "path": os.path.expanduser("~/.nebula/credentials")})
    warned = []
    Display.warning = lambda _self, message, **_options: warned.append(message)
    try:
        options = session_options([("test", json.loads(os.environ.get("TEST_SESSION", "true")))])
        outcome = client(options).perform(StoreReference("local", config), operation, parameters, AccessContext())
        return {"result": outcome.result, "error": None, "warned": warned}
    except Exception as error:  # noqa: BLE001  # the test judges it
        return {"result": None, "error": str(error), "unknown": getattr(error, "outcome_unknown", None), "warned": warned}


def where():
    """The directory of this run's session."""
    from ansible_collections.nebula.credential.plugins.lookup import get

    return get.directory_of(*get.controller())


def session():
    """The process that listens there."""
    from ansible_collections.nebula.credential.plugins.lookup import get

    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(where() + "/s")
        return get.other_end(connection)[0]


def begin():
    """Start the session. Answers the seconds from there until it listens."""
    from ansible_collections.nebula.credential.plugins.plugin_utils.client import session_client as client
    from ansible_collections.nebula.credential.plugins.plugin_utils.config import session_options as options

    begun = time.monotonic()
    client.ensure_session(client.Place(where()), client.controller(), options.session_options([]))
    return time.monotonic() - begun


def begin_unwaited():
    """Have the session begin, as the first lookup of a run does, and wait for nothing."""
    from ansible_collections.nebula.credential.plugins.plugin_utils.session.early_start import begin

    loader = DataLoader()
    loader.set_basedir(os.getcwd())
    begin(loader, Templar(loader), {}, None)


def send(content, length=None, slowly=False, uid=None):
    """Send bytes (a text) with a length before them. Answers what came back, as text; None where nobody listens or lets us in."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    content = content.encode("latin-1")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        try:
            connection.connect(where() + "/s")
            whole = (len(content) if length is None else length).to_bytes(4, "big") + content
            for part in [whole[at : at + 1] for at in range(len(whole))] if slowly else [whole]:
                connection.sendall(part)
                time.sleep(0.2 if slowly else 0)
            return received(connection)
        except TimeoutError:
            return "TIMEOUT"
        except OSError as error:
            return None if isinstance(error, (PermissionError, FileNotFoundError, ConnectionRefusedError)) else ""


def received(connection):
    parts = []
    while True:
        part = connection.recv(65536)
        if not part:
            return b"".join(parts).decode("latin-1")
        parts.append(part)


def question(name):
    """The message with which the hit path asks for a name."""
    from ansible_collections.nebula.credential.plugins.lookup import get

    return json.dumps({"question": get.digest("get", {}, {}, str), "names": [name], "host": "h"})


def crowd(number):
    """Connect so often, and say nothing."""
    for _each in range(number):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(where() + "/s")
        kept.append(connection)


def from_shell(name):
    """What a process that a worker starts is answered to a question: it is a grandchild of the controller."""
    code = (
        "import json,sys; sys.path[:0] = {0!r}; import session_controller as c; c.where = lambda: {1!r}; print(json.dumps(c.send({2!r})))"
    )
    here = [os.path.dirname(os.path.abspath(__file__)), *filter(None, sys.path)]
    done = subprocess.run([sys.executable, "-c", code.format(here, where(), question(name))], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def hammer(name, count):
    """Ask for what is known, one question after the other. Answers the seconds of each."""
    from ansible_collections.nebula.credential.plugins.lookup import get

    message, place, seconds = json.loads(question(name)), where(), []
    for _each in range(count):
        begun = time.perf_counter()
        reply = get.exchange(place, message)
        seconds.append(time.perf_counter() - begun)
        assert "result" in reply
    return seconds


def hold_and_ask(name, stop):
    """Stop the session, ask, and leave it to the test to go on."""
    os.kill(session(), stop)
    return ask(name)


def let_in(base, uid, generations):
    """Whether a session of this process would answer a descendant with that uid, which connects to an open socket."""
    from ansible_collections.nebula.credential.plugins.plugin_utils.session import peer as asker

    path = "{0}/{1}-{2}".format(base, uid, generations)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        os.chmod(path, 0o777)
        descendant = FORKING.Process(target=_connect, args=(path, uid, generations))
        descendant.start()
        connection, _address = listener.accept()
        found = asker.is_allowed_peer(connection, (os.getpid(), asker.read_start_time(os.getpid())))
        connection.close()
        descendant.join()
        return found


def _connect(path, uid, generations):
    if generations > 1:
        further = FORKING.Process(target=_connect, args=(path, uid, generations - 1))
        further.start()
        further.join()
        return
    os.setresuid(uid, uid, uid)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.recv(1)


def exchange_with_stranger(base, uid):
    """Ask somebody who listens at the session's place and runs as `uid`. Answers how that failed, and what was heard there."""
    from ansible_collections.nebula.credential.plugins.lookup import get

    place, listener, heard = "{0}/{1}".format(base, uid), socket.socket(socket.AF_UNIX), FORKING.SimpleQueue()
    os.mkdir(place)
    listener.bind(place + "/s")
    os.chmod(place, 0o777)
    os.chmod(place + "/s", 0o777)
    FORKING.Process(target=_overhear, args=(listener, uid, heard), daemon=True).start()
    heard.get()
    try:
        get.exchange(place, {"token": "login"})
        error = ""
    except OSError as found:
        error = type(found).__name__
    return {"error": error, "heard": heard.get()}


def _overhear(listener, uid, heard):
    os.setresuid(uid, uid, uid)
    listener.listen()
    heard.put("listening")
    connection, _address = listener.accept()
    connection.settimeout(2)
    try:
        heard.put(connection.recv(65536).decode("latin-1"))
    except TimeoutError:
        heard.put("")


def with_overflow_uid():
    """Whether the overflow uid is taken for ours, by the run and by a session, where that is what we are."""
    from ansible_collections.nebula.credential.plugins.lookup import get
    from ansible_collections.nebula.credential.plugins.plugin_utils.session import peer as asker

    here, there = socket.socketpair(socket.AF_UNIX)
    os.geteuid = lambda: get.OVERFLOW_UID
    get.other_end = asker.other_end = lambda _connection: (os.getpid(), get.OVERFLOW_UID)
    return [get.is_ours(here), asker.is_allowed_peer(there, (os.getpid(), ""))]


def allow_many_files():
    """As many descriptors as the system allows."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def ask_and_take_nothing(name):
    """Ask, and leave the answer where it is."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(where() + "/s")
    content = question(name).encode()
    connection.sendall(len(content).to_bytes(4, "big") + content)
    kept.append(connection)


def know_vault_password(password):
    """Have a vault password, as a run with --vault-password-file has."""
    from ansible.parsing.vault import VaultSecret, VaultSecretsContext

    VaultSecretsContext.initialize(VaultSecretsContext([("default", VaultSecret(password.encode()))]))


def with_environment(call, *positional, **environment):
    """Do something with other variables in the environment, for as long as it takes."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        return globals()[call](*positional)
    finally:
        os.environ.clear()
        os.environ.update(before)


def without_an_interpreter(call, *positional, **named):
    """Do something where no program can be started."""
    sys.executable = "/dev/null"
    return globals()[call](*positional, **named)


def on_read_only_files(call, *positional, **named):
    """Do something where no directory of a session can be made."""

    make, place = os.mkdir, where()

    def refused(path, *mode, **options):
        if path == place:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        make(path, *mode, **options)

    os.mkdir = refused
    return globals()[call](*positional, **named)


def refuse_to_connect():
    """Whoever connects from now on fails."""

    def refused(*_arguments):
        raise AssertionError("it was to be known that nobody answers")

    socket.socket.connect = refused


def die_while_starting(name):
    """A worker that is killed as soon as it has started the session's program."""
    doomed = FORKING.Process(target=_die_while_starting, args=(name,))
    doomed.start()
    doomed.join()


def _die_while_starting(name):
    worker.current_worker = object()

    def begun(started, content, **_options):
        started.stdin.write(content)
        started.stdin.close()
        os.kill(os.getpid(), signal.SIGKILL)

    subprocess.Popen.communicate = begun
    ask(name)


def with_bytecode(call, *positional, **named):
    """Do something in a process that may write bytecode, as that of a person may, and has loaded what it needs."""
    from ansible_collections.nebula.credential.plugins.plugin_utils.lookup import get as reading_lookups

    kept.append(reading_lookups)
    sys.dont_write_bytecode = False
    return globals()[call](*positional, **named)


def in_worker(call, arguments, start, answers):
    worker.current_worker = object()
    start.wait()
    try:
        answers.put(globals()[call](*arguments[0], **arguments[1]))
    except BaseException as error:
        answers.put("{0}: {1}".format(type(error).__name__, error))
        raise


def in_workers(number, call, arguments):
    start, answers = FORKING.Event(), FORKING.SimpleQueue()
    workers = [FORKING.Process(target=in_worker, args=(call, arguments, start, answers)) for _each in range(number)]
    for one in workers:
        one.start()
    start.set()
    found = [answers.get() for _each in workers]
    for one in workers:
        one.join()
    return found


def main():
    sys.path[:0] = filter(None, json.loads(os.environ["TEST_PATH"]))
    for line in sys.stdin:
        asked = json.loads(line)
        arguments = (asked["positional"], asked["named"])
        if asked["workers"]:
            found = in_workers(asked["workers"], asked["call"], arguments)
        else:
            found = globals()[asked["call"]](*arguments[0], **arguments[1])
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
