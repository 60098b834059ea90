# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trail of any length is checked and exported in the same memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import Journal
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conftest import COLLECTION_ROOT

FEW, MANY = 2_000, 100_000
BATCH = 1_000
ALLOWED = 12 * MIB
"""More than the newest entries of a result and the pieces of the files take, and less than a tenth of the files."""

EXPORT = """
import json, sys
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

store = open_store({"backend": "local", "path": sys.argv[1]}, name="prod")
found = [perform(store, "audit_info", {"dest": path, "limit": 100}, AccessContext(uid=1)).result for path in sys.argv[2:]]
peak = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"peak": peak, "totals": [each["total"] for each in found], "status": found[0]["verification"]["status"]}))
"""


def fill(directory, number):
    """Make a store with a trail of so many more entries, in several files."""
    store = open_store({"backend": "local", "path": str(directory / "store")}, name="prod")
    store.create(DesiredCredential("db", value=Secret("x")))
    store.flush()
    journal = Journal(store.trail.path, 8 * MIB)
    for start in range(0, number, BATCH):
        journal.append([build_entry(start + each) for each in range(BATCH)], False, store.trail.key)
    store.close()


def build_entry(number):
    return {
        "time": "2026-11-22T04:{0:02d}:{1:02d}.{2:06d}Z".format(number // 6000 % 60, number // 100 % 60, number),
        "action": "read",
        "result": "ok",
        "store": "prod",
        "tenant": "default",
        "uid": 1000,
        "process": 4711,
        "name": "app/credential_{0}".format(number % 1000),
        "version": "1",
        "stage": "current",
        "operation": "get",
        "username": "deploy",
        "controller": "ci7",
        "run": str(number),
        "host": "web{0}".format(number % 500),
        "task": "Write the configuration",
    }


def export(directory, number):
    """Export a trail of so many entries in a new process. Return what it says."""
    directory.mkdir()
    fill(directory, number)
    paths = [str(directory / name) for name in ("out.jsonl", "out.csv")]
    command = [sys.executable, "-c", EXPORT, str(directory / "store"), *paths]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(COLLECTION_ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout), lines=[count_lines(path) for path in paths])


def count_lines(path):
    with open(path, "rb") as file:
        return sum(1 for _line in file)


@pytest.mark.long
def test_fifty_times_as_many_entries_take_no_more_memory(tmp_path):
    few, many = export(tmp_path / "few", FEW), export(tmp_path / "many", MANY)
    for found, number in ((few, FEW), (many, MANY)):
        assert found["status"] == "verified"
        assert found["totals"] == [number + 1, number + 1]
        assert found["lines"] == [number + 1, number + 2]
    assert many["peak"] - few["peak"] < ALLOWED
