# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parsers of what a run is configured with, and of what it and its session send to each other."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Callable, Dict

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential import CREDENTIAL
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import RotationPolicy, duration, moment
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.write import read_desired
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import RunConfig, resolve_store
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import LENGTH
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.connection import ClientConnection
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.request_handler import RequestHandler
from tests.fuzz.mutations import EVIL, spoil_bytes, spoil_data, spoil_json
from tests.fuzz.stored_parsers import NOW, Made
from tests.unit.crypto.sealed_stores import a_record, a_store, keys_directory

MEMORY = {"backend": "memory", "audit": "off"}


def of_marks(tmp_path: Any) -> Made:
    """Marks are authenticated: whatever is changed in one is refused, or it counts as lost."""
    store = a_store(tmp_path)
    store.put(a_record())
    store.put(a_record())
    (path,) = next(iter(keys_directory().glob("*.marks"))).iterdir()
    whole = path.read_bytes()
    ring = store.keyring.open()

    def parse(data: bytes) -> None:
        path.write_bytes(data)
        mark = store.marks.read(ring, "db_pass")
        if mark is not None and data != whole:
            raise AssertionError("a spoiled mark was accepted")

    return parse, partial(spoil_bytes, [whole])


def of_configuration_files(tmp_path: Any) -> Made:
    file = tmp_path / "nebula.yml"
    stores = {
        "local": dict(MEMORY, max_credentials=5, tenant="t"),
        "kept": {"backend": "local", "path": str(tmp_path / "kept"), "keep_versions": 3},
    }
    seeds = [{"default": "local", "stores": stores, "session": {"enabled": True}}]

    def load(path: str) -> Any:
        return yaml.safe_load(Path(path).read_bytes())

    def parse(data: bytes) -> None:
        file.write_bytes(data)
        around = RunConfig({}, {"NEBULA_CREDENTIAL_CONFIG": str(file)}, lambda value: value, load)
        found = resolve_store(None, around)
        if dict(found.config).get("backend") == "memory":
            open_store(found.config, name=found.name).close()

    return parse, partial(spoil_json, seeds)


def of_store_options(_tmp_path: Any) -> Made:
    around = RunConfig({}, {}, lambda value: value, lambda _path: None)

    def parse(data: bytes) -> None:
        found = resolve_store(data.decode("utf-8", "replace"), around)
        if dict(found.config).get("backend") == "memory":
            open_store(found.config, name=found.name).close()

    return parse, partial(spoil_json, [dict(MEMORY, max_credentials=5, key_sources=[{"source": "key_file"}], metrics_path=None)])


def of_policies(_tmp_path: Any) -> Made:
    seeds = [
        {"kind": "periodic", "every": "90d", "warning": "1w", "grace": "1h30m"},
        {"kind": "before_expiry", "before": 3600},
        {"kind": "scheduled", "at": "2027-01-31T02:00:00Z"},
    ]

    def parse(given: Any) -> None:
        policy = RotationPolicy.read(given if isinstance(given, dict) else {})
        policy.write()
        policy.next_rotation(NOW, NOW)

    return parse, partial(spoil_data, seeds)


def of_credentials(_tmp_path: Any) -> Made:
    """A task's description of a credential: scope, tags, expiry, fields, as the argument spec passes it on."""
    scope = {"workflow": "deploy", "user": "jo", "tags": {"team": "a"}}
    seeds = [{"scope": scope, "tags": {"env": "prod"}, "policy": {"every": "9d", "kind": "periodic"}, "fields": {"a": "b"}}]

    def parse(given: Any) -> bool:
        try:
            checked = ArgumentSpecValidator(CREDENTIAL.argument_spec).validate(dict(given, name="a") if isinstance(given, dict) else {})
        except (ArithmeticError, TypeError):
            return False  # ansible-core's own, before anything of ours
        if checked.error_messages:
            return False
        wanted = read_desired(checked.validated_parameters)
        wanted.resolve(wanted.kind(), {})
        return True

    return parse, partial(spoil_data, seeds)


def of_times(_tmp_path: Any) -> Made:
    seeds = [b"90d", b"1h30m", b"3600", b"2027-01-31T02:00:00Z", b"2027-01-31T02:00:00.000001+01:00", b"20270131T020000Z"]

    def spoil(random: Random) -> Any:
        return random.choice(EVIL) if random.randrange(8) == 0 else spoil_bytes(seeds, random).decode("utf-8", "replace")

    def parse(given: Any) -> bool:
        read = 0
        for work in (duration, moment):
            with suppress(InvalidInput):
                work(given, "option")
                read += 1
        return bool(read)

    return parse, spoil


def of_frames(_tmp_path: Any) -> Made:
    """What comes over the session's socket: a frame, and in it a request."""
    handler = RequestHandler({"ttl": 5.0})
    request = {
        "operation": "get",
        "parameters": {"name": "a"},
        "store": "team",
        "config": MEMORY,
        "context": dict(vars(AccessContext())),
        "check_mode": False,
        "question": None,
    }
    seeds = [request, {"question": "q", "names": ["a"], "host": None}, {"forget": ["a"]}, {"progress_of": "x"}, {"ending_of": "x"}]

    def spoil(random: Random) -> bytes:
        content = spoil_json(seeds, random)
        whole = LENGTH.pack(len(content)) + content
        return spoil_bytes([whole], random) if random.randrange(4) == 0 else whole

    def parse(data: bytes) -> bool:
        here, there = socket.socketpair()
        with here, there:
            there.sendall(data)
            try:
                asked = ClientConnection(here).receive()
                found = None if asked is None else json.loads(asked)
            except (ConnectionError, ValueError, RecursionError):
                return False  # the event loop drops the caller
        if not isinstance(found, dict):
            return False
        reply = handler.handle(found)
        return "error" not in json.loads(json.dumps(dict(reply)))

    return parse, spoil


PARSERS: Dict[str, Callable[[Any], Made]] = {
    "high-water mark": of_marks,
    "nebula.yml": of_configuration_files,
    "store as text": of_store_options,
    "rotation policy": of_policies,
    "credential of a task": of_credentials,
    "durations and times": of_times,
    "frame of a session": of_frames,
}
