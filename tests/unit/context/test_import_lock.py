# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Threads that load one package at the same time get all of it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.backends.discovery import HARNESSES

SHOP = {
    "shop/__init__.py": "import gate\ngate.wait_for_the_other_thread()\nversion = 1\nfrom shop.desk import Desk\n",
    "shop/desk.py": "from shop import version\nclass Desk: pass\n",
    "broken.py": "raise ValueError('broken')\n",
    # One thread loads the package. It goes on when the other one, which loads a module of it, waits for the package.
    "gate.py": """
import sys, threading, time

def wait_for_the_other_thread():
    still, before, ends_at = 0, None, time.monotonic() + 60
    entered.set()
    while still < 10 and time.monotonic() < ends_at:
        time.sleep(0.02)
        frame = sys._current_frames()[other.ident]
        now = (frame.f_code.co_name, frame.f_lineno)
        still, before = (still + 1 if now == before else 0), now

def load(statement):
    entered.wait(60)
    try:
        exec(statement, {})
    except Exception as error:
        problems.append("{0}: {1}".format(type(error).__name__, error))

entered, problems = threading.Event(), []
other = threading.Thread(target=load, args=("from shop.desk import Desk",))
""",
}
BEGIN = "import json, sys\nsys.path[:0] = json.loads(sys.argv[1])\n"
OURS = "from ansible_collections.nebula.credential.plugins."
LOCK = OURS + "module_utils.context.import_lock import lock_imports\nlock_imports()\nlock_imports()\n"
A_SESSION = """
{0}module_utils.layers.cache.layer import CacheTerms
{0}plugin_utils.session.server.store_pool import StorePool
StorePool(CacheTerms(), lambda _store, _work: None).manager("local", {{"backend": "memory"}})
""".format(OURS)
A_BATCH = """
{0}module_utils.context.parallel import Parallelism
list(Parallelism(2).run([[1], [2]], str))
""".format(OURS)
LOAD_THE_SHOP = """
import gate
gate.other.start()
try:
    import shop
except Exception as error:
    gate.problems.append("{0}: {1}".format(type(error).__name__, error))
    gate.entered.set()
gate.other.join(60)
print(json.dumps(gate.problems))
"""
LOAD_WHAT_IS_BROKEN = """
import threading
problems = []
for _each in range(2):
    try:
        import broken
    except ValueError as error:
        problems.append(str(error))
thread = threading.Thread(target=lambda: problems.append(__import__("colorsys").__name__))
thread.start()
thread.join(60)
print(json.dumps(problems))
"""
FORK_DURING_A_LOAD = """
import os, select, threading, time, gate
with open(json.loads(sys.argv[1])[0] + "/endless.py", "w") as file:
    file.write("import gate, time; gate.entered.set(); time.sleep(600)")
threading.Thread(target=__import__, args=("endless",), daemon=True).start()
gate.entered.wait(60)
answers, child = os.pipe()
process = os.fork()
if process == 0:
    os.write(child, __import__("colorsys").__name__.encode())
    os._exit(0)
ready = select.select([answers], [], [], 50)[0]
os.kill(process, 9)
print(json.dumps(os.read(answers, 100).decode() if ready else "it waits"), flush=True)
os._exit(0)
"""
# While it is loaded, the module waits for a thread that loads 200 others.
WAIT_FOR_A_THREAD = """
folder = json.loads(sys.argv[1])[0]
names = ["one{0}".format(number) for number in range(200)]
for name in names:
    open("{0}/{1}.py".format(folder, name), "w").close()
with open(folder + "/waiting.py", "w") as file:
    file.write("import threading; thread = threading.Thread(target=list, args=(map(__import__, {0}),))\\n".format(names))
    file.write("thread.start(); thread.join()")
lock_imports.__globals__["LONGEST"] = 1.0
import waiting
print(json.dumps(set(names) <= set(sys.modules)))
"""
WITHOUT_THE_FUNCTION = """
import _frozen_importlib
kept = vars(_frozen_importlib).pop("_find_and_load")
lock_imports()
vars(_frozen_importlib)["_find_and_load"] = kept
print(json.dumps(__import__("colorsys").__name__))
"""
LOAD_REAL_PACKAGES = """
import threading
sys.setswitchinterval(1e-5)
statements = ["import requests", "from requests.adapters import HTTPAdapter", "from urllib3.connection import HTTPConnection",
              "from urllib3.connectionpool import HTTPConnectionPool", "import urllib3", "from requests import Session"]
together, problems = threading.Barrier(len(statements)), []

def load(statement):
    together.wait(60)
    try:
        exec(statement, {})
    except Exception as error:
        problems.append("{0}: {1}".format(type(error).__name__, error))

threads = [threading.Thread(target=load, args=(statement,)) for statement in statements]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(60)
print(json.dumps(problems))
"""
OPEN_ALL = """
{0}module_utils.layers.cache.layer import CacheTerms
{0}plugin_utils.session.server.store_pool import StorePool
import threading
stores = json.loads(sys.argv[2])
sys.setswitchinterval(1e-5)
pool = StorePool(CacheTerms(), lambda _store, _work: None)
together, problems = threading.Barrier(len(stores)), []

def open_store(store):
    together.wait(60)
    try:
        pool.manager(store["backend"], store)
    except Exception as error:
        problems.append("{{0}}: {{1!r}}".format(store["backend"], error))

threads = [threading.Thread(target=open_store, args=(store,)) for store in stores]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(120)
print(json.dumps(problems))
""".format(OURS)


@pytest.fixture
def run(tmp_path, collection_root):
    """Run a program in a process of its own, and return what it has printed as JSON."""
    for name, text in SHOP.items():
        tmp_path.joinpath(name).parent.mkdir(exist_ok=True)
        tmp_path.joinpath(name).write_text(text, encoding="utf-8")

    def run_program(text, *parameters):
        path = [str(tmp_path), str(collection_root)]
        arguments = [sys.executable, "-c", BEGIN + text, json.dumps(path), *map(json.dumps, parameters)]
        return json.loads(subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=120).stdout)

    return run_program


def test_python_by_itself_hands_out_a_module_that_another_thread_is_still_loading(run):
    assert any("partially initialized module" in problem for problem in run(LOAD_THE_SHOP))


@pytest.mark.parametrize("locked", [LOCK, A_SESSION, A_BATCH], ids=["the lock", "a session with a store", "a batch"])
def test_with_the_lock_both_threads_get_all_of_the_package(run, locked):
    assert run(locked + LOAD_THE_SHOP) == []


def test_with_the_lock_the_packages_of_several_services_load_at_the_same_time(run):
    assert run(LOCK + LOAD_REAL_PACKAGES) == []


def test_an_import_that_fails_releases_the_lock(run):
    assert run(LOCK + LOAD_WHAT_IS_BROKEN) == ["broken", "broken", "colorsys"]


def test_a_process_that_is_forked_while_another_thread_loads_something_does_not_wait_for_it(run):
    """That thread is not there in the child, so it would never release the lock."""
    assert run(LOCK + FORK_DURING_A_LOAD) == "colorsys"


def test_a_module_that_waits_for_a_thread_that_loads_others_waits_for_the_lock_once(run):
    assert run(LOCK + WAIT_FOR_A_THREAD) is True


def test_a_python_that_loads_modules_by_another_function_is_left_as_it_is(run):
    assert run(LOCK.splitlines()[0] + WITHOUT_THE_FUNCTION) == "colorsys"


def test_a_session_opens_stores_of_all_backends_at_the_same_time(run, tmp_path):
    """Each loads its own library, and several of those load the same packages."""
    assert run(OPEN_ALL, [harness.openable(tmp_path) for harness in HARNESSES.values()]) == []
