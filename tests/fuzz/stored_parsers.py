# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parsers of what a store, a server or a file holds. Each returns a parser, with the use of what it read, and what spoils its input."""

from __future__ import annotations

import json
import struct
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from hashlib import sha256
from random import Random
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Tuple
from uuid import UUID

from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import NoSeals
from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import ChainKey, Link, read_checkpoint, write_checkpoint
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import Journal as AuditFile
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import Trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.usage import read_usage
from ansible_collections.nebula.credential.plugins.module_utils.audit.usage_totals import TotalsFile as UsageTotals
from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import query, verify_chain
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.rows import columns_of, read_column
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.rows import record_of as row_record
from ansible_collections.nebula.credential.plugins.module_utils.backends.local import change_log, plain_formats
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.history import Tombstones
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.layout import Layout
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory import snapshot
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import Description, write_data
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_object import read_object, write_object
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import kv2_metadata, kv2_records, kv2_requests
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.lease import read_lease
from ansible_collections.nebula.credential.plugins.module_utils.crypto import key_slots, store_document
from ansible_collections.nebula.credential.plugins.module_utils.crypto.argon2id import RECOMMENDED
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources import key_file
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey
from ansible_collections.nebula.credential.plugins.module_utils.crypto.payload import read_payload, write_payload
from ansible_collections.nebula.credential.plugins.module_utils.encoding import envelope, metadata_json, record_json
from ansible_collections.nebula.credential.plugins.module_utils.metrics.documents import describe_totals, encode_totals
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals import Totals
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals_file import TotalsFile
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import read_schedule
from ansible_collections.nebula.credential.plugins.module_utils.model.deployments import (
    DeployedFile,
    Place,
    find_holders,
    read_deployed,
    write_deployed,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import Importing, read_importing
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.refresh_status import RefreshStatus, read_refresh_status
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, mismatch
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import Journal, as_time
from ansible_collections.nebula.credential.plugins.module_utils.rotation.lease_holder import may_live
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from tests.conformance.records import METADATA, a_record
from tests.conformance.sealing import seal
from tests.fuzz.mutations import spoil_bytes, spoil_data, spoil_json

NOW = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)
STATUS = RefreshStatus("1", 1764417600, "host|boot 4026|17|99|part", 1764417660, True).write({})
POLICY = {"kind": "periodic", "every": 7776000, "warning": 86400, "grace": 3600}
RECORD = a_record(
    metadata=replace(METADATA, policy=POLICY, attributes={**STATUS, "importing": Importing("3", 0, 1).write(), "idempotency_key": "k"}),
    version="3",
    serial=3,
    record_id=bytes(range(16)),
    revision=2,
)
SEALED = seal(RECORD, 3, 2)

Parser = Callable[[Any], Any]
"""Reads an input, or raises; or returns False if it refuses it in another way."""
Spoil = Callable[[Random], Any]
Made = Tuple[Parser, Spoil]


def use(record: Record) -> None:
    """Do with a record what any reader does."""
    credential = Credential(record, NOW)
    json.dumps(credential.describe())
    mismatch(record.full_metadata.scope, AccessContext())
    status = read_refresh_status(record)
    if status.holder is not None:
        may_live(status.holder)
    read_importing(record.full_metadata)
    read_schedule(record.full_metadata).is_due(NOW)
    metadata_json.write_metadata(record.full_metadata)


def with_checksum(seeds: List[bytes]) -> Spoil:
    """Spoil bytes that end with a checksum, three times in four with the right one: else nothing behind it would be tried."""

    def spoil(random: Random) -> bytes:
        data = spoil_bytes(seeds, random)
        body = data[:-32]
        return data if random.randrange(4) == 0 else body + sha256(body).digest()

    return spoil


def of_envelopes(_tmp_path: Any) -> Made:
    return lambda data: use(envelope.public_record("db_pass", "current", data)), with_checksum([SEALED, seal(a_record("x", "y"), 1)])


def of_payloads(_tmp_path: Any) -> Made:
    return read_payload, partial(spoil_bytes, [write_payload(RECORD.fields, RECORD.state), write_payload({}, {})])


def of_plain_records(codec: plain_formats.Codec) -> Callable[[Any], Made]:
    written = record_json.write_document(RECORD)

    def parse(data: bytes) -> None:
        use(record_json.read_document("db_pass", "current", codec.read(data)))

    def make(_tmp_path: Any) -> Made:
        if codec is plain_formats.JSON:
            return parse, partial(spoil_json, [written])
        plain = codec.write(written)
        return parse, with_checksum([plain]) if codec is plain_formats.BINARY else partial(spoil_bytes, [plain])

    return make


def of_tombstones(tmp_path: Any) -> Made:
    layout = Layout(str(tmp_path), ".enc")
    layout.prepare()

    def parse(data: bytes) -> None:
        with open(layout.tombstone("x", "current"), "wb") as file:
            file.write(data)
        Tombstones(layout).serial("x", "current")

    return parse, partial(spoil_json, [{"serial": 7, "record_id": "00" * 16, "deleted_at": NOW.isoformat()}])


def of_kv_metadata(_tmp_path: Any) -> Made:
    custom = kv2_metadata.describe_version({}, 3, Description("basic", RECORD.full_metadata, RECORD.record_id, 2))
    whole = {"custom": custom, "data": write_data(RECORD)}

    def parse(given: Any) -> None:
        found = given if isinstance(given, dict) else {}
        texts = kv2_requests._custom({"custom_metadata": found.get("custom")})
        data = found.get("data") if isinstance(found.get("data"), dict) else None
        value = kv2_requests.Value(data, kv2_requests.Version(3, NOW, None, deleted=False, destroyed=False), texts)
        record = kv2_records.record_of("db_pass", "current", value, "default")
        if record is not None:
            use(record)

    return parse, partial(spoil_data, [whole])


def of_kv_listings(_tmp_path: Any) -> Made:
    version = {"created_time": "2026-11-29T12:00:00.123456789Z", "deletion_time": "", "destroyed": False}
    told = {"versions": {"1": version, "2": version}, "current_version": 2, "current_metadata_version": 1, "custom_metadata": {"a": "b"}}
    return lambda given: kv2_requests._sheet(given if isinstance(given, dict) else {}), partial(spoil_data, [told])


def of_kv_objects(_tmp_path: Any) -> Made:
    plain, sealed = write_object(StoredObject(RECORD, written_at=NOW)), write_object(StoredObject(replace(RECORD, envelope=SEALED)))

    def parse(given: Any) -> None:
        for encrypted in (False, True):
            found = read_object(ObjectKey("db_pass"), given if isinstance(given, dict) else {}, "t", encrypted=encrypted, tenant="default")
            if found is not None and found.problem is not None:
                raise found.problem
            if found is not None:
                use(found.record)

    return parse, partial(spoil_data, [plain, sealed])


def of_rows(_tmp_path: Any) -> Made:
    columns = dict(columns_of(RECORD), id=str(UUID(int=1)), created_at=None, updated_at=None, expires_at=None, written_at=None)

    def parse(given: Any) -> None:
        found = dict(columns, **(given if isinstance(given, dict) else {}))
        times = {"created_at": NOW, "updated_at": NOW, "expires_at": None, "id": UUID(int=1), "envelope": None}
        for column in ("input_data", "state_data", "metadata"):
            found[column] = read_column(json.dumps(found[column]))
        use(row_record(SimpleNamespace(**dict(found, **times)), "db_pass", "current", None))

    return parse, partial(spoil_data, [columns])


def of_audit_trails(tmp_path: Any) -> Made:
    path = tmp_path / "audit.jsonl"
    entry = {"time": "2026-11-29T12:00:00.000001Z", "action": "read", "result": "ok", "store": "s", "name": "a", "uid": 0}
    seals = NoSeals(str(path))
    AuditFile(str(path)).append([dict(entry, action=action) for action in ("read", "refresh", "delete", "read")], False, seals())
    seeds = [path.read_bytes(), *path.read_bytes().splitlines(keepends=True)]

    def parse(data: bytes) -> bool:
        path.write_bytes(data)
        findings = verify_chain(str(path))
        list(query(str(path), since=NOW))
        read_usage(Trail(AuditFile(str(path)), seals, "s"), ["a"], [])
        AuditFile(str(path)).append([entry], False, seals())
        return not findings

    return parse, partial(spoil_bytes, seeds)


def of_audit_checkpoints(_tmp_path: Any) -> Made:
    key = ChainKey(b"k" * 32)
    seeds = [write_checkpoint(Link(number, b"ab" * 32), key) for number in (1, 10**19)]
    return lambda data: read_checkpoint(data, key) is not None, partial(spoil_bytes, seeds)


def of_usage_totals(tmp_path: Any) -> Made:
    path = tmp_path / "audit.jsonl"
    entry = {"time": "2026-11-29T12:00:00.000001Z", "action": "read", "result": "ok", "store": "s", "name": "a", "uid": 0}
    seals = NoSeals(str(path))
    AuditFile(str(path)).append([dict(entry, name=name, host="h" * 2000) for name in "ab" * 100], False, seals())
    trail = Trail(AuditFile(str(path)), seals, "s")
    read_usage(trail, ["a"], [])
    totals = UsageTotals(str(path), None)
    seeds = [(tmp_path / "audit.jsonl.usage").read_bytes()]

    def parse(data: bytes) -> bool:
        (tmp_path / "audit.jsonl.usage").write_bytes(data)
        read_usage(trail, ["a"], [])
        with closing(totals):
            return totals.read_state() is not None and (tmp_path / "audit.jsonl.usage").read_bytes() == data

    return parse, partial(spoil_bytes, seeds)


def of_change_logs(_tmp_path: Any) -> Made:
    """Anything else than the entries that a writer makes gives no list of changes."""
    whole = b">a.enc\t1:2:3:4\t1:2:5:5\n>b.enc\t1:2:5:5\t1:2:6:6\n"
    return lambda data: change_log._follow(data, "1:2:3:4", "1:2:6:6") is not None, partial(spoil_bytes, [whole])


def of_key_files(_tmp_path: Any) -> Made:
    content = b"".join(key_file.write_line(bytes([number]) * 32) for number in range(3))
    return lambda data: key_file._parse(data, "it.key"), partial(spoil_bytes, [content])


def of_key_slots(_tmp_path: Any) -> Made:
    key = MasterKey(bytes(32))
    seeds = [
        key_slots.wrap(key, key_slots.Terms("passphrase", "office", RECOMMENDED, bytes(16)), bytes(32), bytes(16)),
        key_slots.wrap(key, key_slots.Terms("retired", "1764417600000000", None, bytes(16)), bytes(32), bytes(16)),
    ]
    return key_slots.read_slot, with_checksum(seeds)


def of_documents(_tmp_path: Any) -> Made:
    key = MasterKey(bytes(32))
    slot = key_slots.wrap(key, key_slots.Terms("key_file", "ab" * 16, None, bytes(16)), bytes(32), bytes(16))
    written = json.loads(store_document.write_document(key, store_document.Ring(bytes(16), key.key_id, created_at=5), (slot,)))

    def parse(data: bytes) -> None:
        document = store_document.read_document(data)
        store_document.readable_slots(document)
        store_document.check_ring(key, document)

    return parse, partial(spoil_json, [written, dict(written, slots=written["slots"] * 40)])


def of_snapshots(_tmp_path: Any) -> Made:
    body = snapshot._encode(
        snapshot.Snapshot({("db_pass", "current"): [replace(RECORD, envelope=SEALED)]}, {("db_pass", "current"): 3}, b"{}")
    )
    frame = struct.pack(">Q", len(body)) + body + sha256(body).digest()
    whole = struct.pack(">9s7xQ", snapshot.MAGIC, 24 + len(frame)) + frame
    former = snapshot.FORMER_MAGIC + body
    return lambda data: snapshot._parse("it.mem", data), with_checksum([whole, former + sha256(former).digest()])


def of_metrics(tmp_path: Any) -> Made:
    totals = Totals(1764417600.0)
    totals.operations, totals.hits, totals.misses = {("get", "ok"): 3}, 1, 2
    written = {"format": 1, "stores": [dict({"store": "s", "backend": "local"}, **encode_totals(totals))]}
    path = tmp_path / "metrics.json"

    def parse(data: bytes) -> None:
        path.write_bytes(data)
        found = TotalsFile(str(path), "s", "local").totals()
        if found is not None:
            describe_totals(found, 1764417600.0)

    return parse, partial(spoil_json, [written])


def of_deployed_files(_tmp_path: Any) -> Made:
    files = {Place(host, "/etc/db"): DeployedFile("3", {"credential": "db"}, "", "here") for host in ("web1", "web2")}
    written = json.loads(write_deployed("db", files, METADATA).fields["files"].expose())

    def parse(given: Any) -> None:
        found = read_deployed(Record("db", fields={"files": Secret(json.dumps(given, default=str))}))
        write_deployed("db", found, METADATA), find_holders(found, "3")

    return parse, partial(spoil_data, [written])


def of_journals(_tmp_path: Any) -> Made:
    journal = Journal("id", "3", "dual", "whole", 60, 1764417600000000, sending=5, places=("a", "b"), target={"kind": "command"}, until=9)
    written = {"rotation": dict(journal.write(), holder="host|boot|17|99|", retire_after=1764417600000000)}

    def parse(given: Any) -> None:
        found = given.get("rotation") if isinstance(given, dict) else None
        read = Journal.read(found if isinstance(found, dict) else {})
        read.quiet(5), read.quiet_back(5), read.quiet_at(), read.free_for("x", 5)
        for stamped in (read.started, read.retire_after, read.until):
            if stamped is not None:
                as_time(stamped)
        if read.holder is not None:
            may_live(read.holder)

    return parse, partial(spoil_data, [written])


def of_leases(_tmp_path: Any) -> Made:
    answer = {"lease_id": "database/creds/a/x", "lease_duration": 3600, "renewable": True, "data": {"username": "u", "password": "p"}}
    certificate = {"lease_id": "", "lease_duration": 0, "renewable": False, "data": {"certificate": "c", "expiration": 1764417600}}

    def parse(given: Any) -> None:
        lease = read_lease("a", given if isinstance(given, dict) else {}, 5.0)
        lease.record("default")
        lease.prolong(given, 6.0)

    return parse, partial(spoil_data, [answer, certificate])


PARSERS: Dict[str, Callable[[Any], Made]] = {
    "envelope": of_envelopes,
    "payload of an envelope": of_payloads,
    "record as JSON": of_plain_records(plain_formats.JSON),
    "record as YAML": of_plain_records(plain_formats.YAML),
    "record in the binary layout": of_plain_records(plain_formats.BINARY),
    "tombstone": of_tombstones,
    "KV metadata and fields": of_kv_metadata,
    "KV listing": of_kv_listings,
    "KV object": of_kv_objects,
    "row of a database": of_rows,
    "audit trail": of_audit_trails,
    "audit checkpoint": of_audit_checkpoints,
    "usage totals": of_usage_totals,
    "log of changes": of_change_logs,
    "key file": of_key_files,
    "key slot": of_key_slots,
    "document of a store": of_documents,
    "file of a memory store": of_snapshots,
    "file of metrics": of_metrics,
    "files on hosts": of_deployed_files,
    "journal of a rotation": of_journals,
    "lease": of_leases,
}
