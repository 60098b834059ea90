# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract stays small, and what only some do is found through every stack of layers."""

from __future__ import annotations

import inspect
import re
from abc import ABC
from datetime import datetime, timezone
from itertools import product
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import NoSeals
from ansible_collections.nebula.credential.plugins.module_utils.audit.layer import Audit
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import Journal
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import Trail
from ansible_collections.nebula.credential.plugins.module_utils.backends import protocols
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    AuditSink,
    EnvelopeRewriter,
    Flushable,
    KeyAdmin,
    Recoverable,
    Renewable,
    SchemaAdmin,
    find_protocol,
    flush_backend,
    require_protocol,
)
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import EphemeralKeyring
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache, CacheTerms
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.encrypt import Encrypt
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.breaker import Breaker
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.circuit import Circuit
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.retry import Retry
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.timeout import TimeLimits
from ansible_collections.nebula.credential.plugins.module_utils.layers.scope_guard import ScopeGuard
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.layer import SharedCache
from ansible_collections.nebula.credential.plugins.module_utils.metrics.layer import Metrics
from ansible_collections.nebula.credential.plugins.module_utils.metrics.recorder import Recorder
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.records import a_record
from tests.unit.layers.cache.world import World

CONTRACT = {
    *("connect", "close", "health"),
    *("put", "get", "get_many", "patch_metadata", "delete", "list", "versions", "last_serial"),
    *("read_store_document", "write_store_document"),
}
SAVING = {"find_stages", "read_vacancy"}
"""Methods with a default, which a backend overrides to save requests."""
DEVELOPMENT = next(parent for parent in Path(__file__).resolve().parents if (parent / "galaxy.yml").exists()) / "docs" / "development.md"
NOW = datetime.now(timezone.utc)
PLAIN = {"backend": "memory", "encrypt": False, "allow_plaintext": True}


class Noting:
    """Notes each call of a protocol with its arguments."""

    def note(self, method, *arguments, answer=None, **named):
        self.__dict__.setdefault("noted", []).append((method, arguments, named))
        return answer


class Able(Noting, Memory, SchemaAdmin, AuditSink, Renewable, Recoverable):
    """A backend that does whatever a backend can do."""

    def __init__(self):
        super().__init__({}, BackendContext("prod"))

    def ensure_schema(self, *, check=False):
        return self.note("ensure_schema", check=check, answer="schema")

    def append_audit(self, entries):
        return self.note("append_audit", entries)

    def purge_audit(self, before, *, check=False):
        return self.note("purge_audit", before, check=check, answer=3)

    def read_audit(self, page):
        return self.note("read_audit", page, answer=[])

    def renew_due(self):
        return self.note("renew_due", answer=7.0)

    def flush(self):
        return self.note("flush")

    def rewrite_envelope(self, record, replaces):
        return self.note("rewrite_envelope", record, replaces)

    def restore(self, name, stage="current", *, version=None, check=False):
        return self.note("restore", name, stage, version=version, check=check, answer=Record(name, metadata=Metadata(NOW, NOW)))


class Encrypting(Noting, Encrypt):
    """The layer that encrypts, which answers for its key and for what is restored."""

    def ensure_key(self, *, check=False):
        return self.note("ensure_key", check=check, answer="key")

    def rotate_master_key(self, *, compromised=False, drop_sources=(), keep_until=None, check=False):
        how = {"compromised": compromised, "drop_sources": drop_sources, "keep_until": keep_until, "check": check}
        return self.note("rotate_master_key", answer="rotated", **how)

    restore = Able.restore


def layers_of_a_store(directory):
    """What makes each layer, in the order in which a store has them, and the protocols whose calls the layer has to see."""
    requests = {SchemaAdmin, AuditSink, Recoverable, EnvelopeRewriter}
    trail = str(directory / "audit.jsonl")
    return (
        (lambda inner: Retry(inner, 1), requests),
        (lambda inner: Breaker(inner, Circuit(5, 30.0, 2)), requests),
        (lambda inner: TimeLimits(inner, 5.0, 10.0), requests),
        (lambda inner: Metrics(inner, Recorder()), requests),
        (lambda inner: Encrypting(inner, EphemeralKeyring(inner), None), {KeyAdmin, Recoverable}),
        (lambda inner: SharedCache(inner, None, lambda: None, None, 60.0), {Recoverable}),
        (lambda inner: Cache(inner, CacheTerms(), print), {Recoverable}),
        (ScopeGuard, {Recoverable}),
        (lambda inner: Audit(inner, Trail(Journal(trail), NoSeals(trail), "prod")), {KeyAdmin, Recoverable}),
    )


def every_stack(directory):
    """Every choice of layers around the backend."""
    layers = [wrap for wrap, _seen in layers_of_a_store(directory)]
    for chosen in product((False, True), repeat=len(layers)):
        stack = Able()
        for wrap in (layer for layer, is_chosen in zip(layers, chosen) if is_chosen):
            stack = wrap(stack)
        yield stack


def part_of(stack, kind):
    while stack is not None and not isinstance(stack, kind):
        stack = stack.inner
    return stack


RECORD = a_record(envelope=b"new")
RESTORING = ("restore", ("db", "pending"), {"version": "2", "check": True})
CALLS = {
    SchemaAdmin: (lambda found: found.ensure_schema(check=True), ("ensure_schema", (), {"check": True}), "schema"),
    AuditSink: (lambda found: found.append_audit(iter([{"id": "1"}])), ("append_audit", ([{"id": "1"}],), {}), None),
    Renewable: (lambda found: found.renew_due(), ("renew_due", (), {}), 7.0),
    Flushable: (lambda found: found.flush(), ("flush", (), {}), None),
    EnvelopeRewriter: (lambda found: found.rewrite_envelope(RECORD, b"old"), ("rewrite_envelope", (RECORD, b"old"), {}), None),
}


def plain(call):
    """A call whose iterators are lists."""
    method, arguments, named = call
    return method, tuple(list(one) if hasattr(one, "__next__") else one for one in arguments), named


def test_the_contract_has_thirteen_methods_and_two_that_save_requests():
    """`setting` is for the backend itself."""
    methods = {name for name, _each in inspect.getmembers(Backend, inspect.isfunction) if not name.startswith("_")}
    assert methods - {"setting"} == CONTRACT | SAVING
    assert len(CONTRACT) == 13
    assert not SAVING & Backend.__abstractmethods__


@pytest.mark.parametrize("protocol", CALLS, ids=lambda each: each.__name__)
def test_what_a_backend_does_is_found_through_every_stack_of_layers(protocol, tmp_path):
    call, expected, answer = CALLS[protocol]
    for stack in every_stack(tmp_path):
        assert call(require_protocol(stack, protocol)) == answer
        assert [plain(each) for each in part_of(stack, Able).noted] == [expected]


def test_a_layer_sees_the_calls_that_it_is_there_for_and_no_others(tmp_path):
    for wrap, seen in layers_of_a_store(tmp_path):
        layer = wrap(Able())
        assert {protocol for protocol in (*CALLS, KeyAdmin, Recoverable) if find_protocol(layer, protocol) is layer} == seen


def test_what_is_restored_is_the_encrypting_layers_or_else_the_backends(tmp_path):
    for stack in every_stack(tmp_path):
        assert require_protocol(stack, Recoverable).restore("db", "pending", version="2", check=True).name == "db"
        assert (part_of(stack, Encrypting) or part_of(stack, Able)).noted == [RESTORING]


def test_a_key_is_found_through_every_stack_that_encrypts_and_in_no_other(tmp_path):
    how = {"compromised": True, "drop_sources": ("a",), "keep_until": NOW, "check": True}
    for stack in every_stack(tmp_path):
        layer = part_of(stack, Encrypting)
        if layer is None:
            with pytest.raises(InvalidInput, match="it is not encrypted by this collection, so it has no key"):
                require_protocol(stack, KeyAdmin).ensure_key()
            continue
        admin = require_protocol(stack, KeyAdmin)
        assert (admin.ensure_key(check=True), admin.rotate_master_key(**how)) == ("key", "rotated")
        assert layer.noted == [("ensure_key", (), {"check": True}), ("rotate_master_key", (), how)]


@pytest.fixture(params=["off", "batched", "strict"])
def manager(request, tmp_path):
    opened = open_store({**PLAIN, "audit": request.param, "audit_path": str(tmp_path / "audit.jsonl")}, name="prod")
    yield opened
    opened.close()


def restore(manager):
    with manager.acting():
        require_protocol(manager.backend, Recoverable, "db").restore("db")


def test_a_store_without_a_key_says_so(manager):
    for use in (manager.ensure_key, manager.rotate_key):
        with pytest.raises(InvalidInput) as caught:
            use()
        assert (caught.value.option, caught.value.store, caught.value.name) == ("store", "prod", None)
        assert "it is not encrypted by this collection, so it has no key" in str(caught.value)


def test_a_store_without_tables_says_so(manager):
    with pytest.raises(InvalidInput, match="it keeps no tables") as caught:
        manager.ensure_schema()
    assert (caught.value.option, caught.value.store) == ("store", "prod")


def test_a_store_that_restores_nothing_says_so(manager):
    with pytest.raises(StorageError, match="this store keeps no high-water marks, so it refuses no value as rolled back") as caught:
        restore(manager)
    assert (caught.value.name, caught.value.store) == ("db", "prod")


class Bare(Backend):
    """A backend of nothing but the contract."""

    def __init__(self):
        super().__init__({}, BackendContext("prod"))

    put = get = patch_metadata = delete = list = versions = last_serial = read_store_document = write_store_document = health = None


Bare.__abstractmethods__ = frozenset()


def test_a_backend_that_rewrites_no_envelope_says_so():
    with pytest.raises(StorageError, match="this backend cannot rewrite an envelope in place") as caught:
        Retry(Bare(), 0).rewrite_envelope(RECORD, b"old")
    assert (caught.value.name, caught.value.store) == ("db_pass", "prod")


def test_a_backend_that_keeps_no_audit_log_says_so():
    with pytest.raises(StorageError, match="this store keeps no audit log"):
        Metrics(Bare(), Recorder()).append_audit([])


def test_a_store_that_holds_nothing_back_and_nothing_at_a_server_has_nothing_to_do():
    for protocol in (Flushable, Renewable):
        assert find_protocol(Metrics(Bare(), Recorder()), protocol) is None
    flush_backend(Metrics(Bare(), Recorder()))


def test_a_local_store_rewrites_envelopes_flushes_them_and_does_nothing_else_beside_the_contract(tmp_path):
    local = Local({"path": str(tmp_path / "store")}, BackendContext("prod"))
    found = [each.__name__ for each in (*CALLS, Recoverable, KeyAdmin) if find_protocol(local, each) is not None]
    assert found == ["Flushable", "EnvelopeRewriter"]


@pytest.mark.parametrize("manager", ["batched", "strict"], indirect=True)
def test_the_trail_and_the_metrics_have_what_was_refused(manager, tmp_path):
    for use in (manager.ensure_key, manager.ensure_schema, lambda: restore(manager)):
        with pytest.raises((InvalidInput, StorageError)):
            use()
    manager.flush()
    trail = (tmp_path / "audit.jsonl").read_text(encoding="ascii")
    for entry in ('"action":"keys","result":"invalid_input"', '"action":"restore","result":"storage"'):
        assert trail.count(entry) == 1
    counted = manager.metering.totals().operations
    assert {("ensure_schema", "invalid_input"), ("restore", "storage")} <= set(counted)


def test_a_restore_drops_what_the_cache_has_read():
    world = World()
    able = Able()
    able._values = world.backend.inner._values
    world.backend.inner = able
    assert (world.read(), world.backend.asked) == (b"a", ["a"])
    world.cache.restore("a")
    assert (world.read(), world.backend.asked) == (b"a", ["a", "a"])


def test_the_documentation_lists_the_methods_and_the_protocols():
    section = DEVELOPMENT.read_text(encoding="utf-8").split("## What only some backends do")[1].split("\n## ")[0]
    methods, table = section.split("\n| protocol |")
    assert set(re.findall(r"`(\w+)`", methods)) == CONTRACT | SAVING
    documented = {name: set(re.findall(r"\w+", cell)) for name, cell in re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.MULTILINE)}
    assert documented == {name: set(kind.__abstractmethods__) for name, kind in vars(protocols).items() if is_protocol(kind)}


def is_protocol(kind):
    return inspect.isclass(kind) and kind.__module__ == protocols.__name__ and issubclass(kind, ABC)
