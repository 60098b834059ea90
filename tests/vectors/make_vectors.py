# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the committed vectors: python tests/vectors/make_vectors.py. Every byte is fixed, so a second run changes nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.vectors import plain_format as plain  # noqa: E402  # found through the line above
from tests.vectors.plain_format import Plan, checked, text, u32, u64  # noqa: E402

KEY = hashlib.sha256(b"nebula.credential vector: master key").digest()
OTHER_KEY = hashlib.sha256(b"nebula.credential vector: another master key").digest()
PLAIN = Plan(KEY, plain.payload({"password": b"correct horse", "username": b"app"}, {}), plain.metadata(1_700_000_000_000_000, "the app's"))
TAGS = plain.text_map({"a": "1", "b": "2"})
EVERYTHING = PLAIN.but(
    tenant="team-a",
    name=text("db/pass#pending"),
    scope=text("deploy") + text("alice") + plain.text_map({"env": "prod"}),
    payload=plain.payload({"": b"", "binary": bytes(range(256))}, {"refresh_token": "ä".encode()}),
    metadata=plain.metadata(0, "ümlaut", TAGS),
    revision=7,
    serial=2**40,
)
MARK = {"record_id": PLAIN.record_id.hex(), "serial": 3, "revision": 0, "deleted": False}


def flipped(data: bytes, position: int) -> bytes:
    """The bytes with the lowest bit of one of them flipped."""
    position %= len(data)
    return data[:position] + bytes((data[position] ^ 1,)) + data[position + 1 :]


def case(title: str, refusal: str | None, envelope: bytes, **asked: object) -> dict[str, object]:
    """One vector. `asked` says for what place it is offered; the default is the one it was made for."""
    place = {"tenant": "default", "name": "db_pass", "stage": "current", "version": None, "mark": None}
    return {"case": title, "refusal": refusal, "key": KEY.hex(), **place, **asked, "envelope": envelope.hex()}


def good() -> list[dict[str, object]]:
    fields = {"password": b"correct horse".hex(), "username": b"app".hex()}
    everything = {"": "", "binary": bytes(range(256)).hex()}
    return [
        case("plain", None, PLAIN.envelope(), fields=fields, state={}, serial=3, revision=0),
        case("seen before", None, PLAIN.envelope(), mark=MARK, fields=fields, state={}, serial=3, revision=0),
        case(
            "every optional part",
            None,
            EVERYTHING.envelope(),
            tenant="team-a",
            name="db/pass",
            stage="pending",
            fields=everything,
            state={"refresh_token": "ä".encode().hex()},
            serial=2**40,
            revision=7,
        ),
    ]


def broken() -> list[dict[str, object]]:
    whole = PLAIN.envelope()
    wrong_order = plain.metadata(0, "", b"\x06" + u32(2) + text("b") + text("2") + text("a") + text("1"))
    twice = plain.metadata(0, "", b"\x06" + u32(2) + text("a") + text("1") + text("a") + text("2"))
    return [
        case("plain text", "not_encrypted", b"password=correct horse\n"),
        case("one bit of the magic flipped", "not_encrypted", flipped(whole, 0)),
        case("nothing", "damaged", b""),
        case("cut within the magic", "damaged", whole[:5]),
        case("cut in half", "damaged", whole[: len(whole) // 2]),
        case("one bit of the checksum flipped", "damaged", flipped(whole, -1)),
        case("one bit of the ciphertext flipped", "damaged", flipped(whole, len(PLAIN.header()) + 4)),
        case("bytes after the end, checksum right", "damaged", checked(PLAIN.body() + b"\x00")),
        case("no MAC, checksum right", "damaged", checked(PLAIN.body()[:-32])),
        case("a presence byte of 2", "damaged", PLAIN.but(scope=b"\x02\x00" + plain.NO_MAP).envelope()),
        case("a name that is absent", "damaged", PLAIN.but(name=b"\x00").envelope()),
        case("a name that is not UTF-8", "damaged", PLAIN.but(name=b"\x01" + u32(1) + b"\xff").envelope()),
        case("a name written overlong", "damaged", PLAIN.but(name=b"\x01" + u32(2) + b"\xc1\xa4").envelope()),
        case("a length beyond the end", "damaged", PLAIN.but(name=b"\x01" + u32(2**32 - 1) + b"a").envelope()),
        case("tags of a scope that are no mapping", "damaged", PLAIN.but(scope=b"\x00\x00" + plain.NO_LIST).envelope()),
        case("metadata with keys out of order", "damaged", PLAIN.but(metadata=wrong_order).envelope()),
        case("metadata with a key twice", "damaged", PLAIN.but(metadata=twice).envelope()),
        case("metadata that goes on", "damaged", PLAIN.but(metadata=PLAIN.metadata + b"\x00").envelope()),
        case("a value that goes on, tag right", "damaged", PLAIN.but(payload=PLAIN.payload + b"\x00").envelope()),
        case("format 2", "unknown_format", PLAIN.but(format=2).envelope()),
        case("suite 2", "unknown_format", PLAIN.but(suite=2).envelope()),
    ]


def misused() -> list[dict[str, object]]:
    whole = PLAIN.envelope()
    other = PLAIN.but(serial=4, salt=bytes(32))
    return [
        case("another store's key", "wrong_key", PLAIN.but(key=OTHER_KEY).envelope()),
        case("another name", "misplaced", whole, name="db_admin"),
        case("another stage", "misplaced", whole, stage="previous"),
        case("another tenant", "misplaced", whole, tenant="team-a"),
        case("another version", "misplaced", whole, version="2"),
        case("serial changed", "tampered", PLAIN.envelope(header=other.header())),
        case("type changed", "tampered", PLAIN.envelope(header=PLAIN.but(type="opaque").header())),
        case("scope widened", "tampered", PLAIN.but(scope=text("deploy") + b"\x00" + plain.NO_MAP).envelope(header=PLAIN.header())),
        case("record id changed", "tampered", PLAIN.envelope(header=PLAIN.but(record_id=bytes(16)).header())),
        case("ciphertext changed", "tampered", PLAIN.envelope(ciphertext=flipped(PLAIN.ciphertext(), 0))),
        case("tag changed", "tampered", PLAIN.envelope(ciphertext=flipped(PLAIN.ciphertext(), -1))),
        case("metadata changed", "tampered", PLAIN.envelope(metadata=plain.metadata(0, "mine"))),
        case("revision changed", "tampered", PLAIN.envelope(revision=u64(1))),
        case("MAC changed", "tampered", PLAIN.envelope(mac=flipped(PLAIN.mac(), 0))),
        case("metadata and MAC of another version", "tampered", PLAIN.envelope(metadata=other.metadata, mac=other.mac())),
        case("an older version put back", "rolled_back", whole, mark=dict(MARK, serial=4)),
        case("older metadata put back", "rolled_back", whole, mark=dict(MARK, revision=1)),
        case("put back after a delete", "rolled_back", whole, mark=dict(MARK, deleted=True)),
        case("the version of an earlier life", "rolled_back", whole, mark=dict(MARK, record_id=bytes(16).hex())),
        case(
            "a kept version from before a delete", "rolled_back", whole, version="3", mark=dict(MARK, serial=9, record_id=bytes(16).hex())
        ),
    ]


def first_of_two() -> list[dict[str, object]]:
    """Two faults at once: the order of refusals decides."""
    stranger = PLAIN.but(key=OTHER_KEY)
    return [
        case("damaged, and another key", "damaged", flipped(stranger.envelope(), -1)),
        case("another key, and another name", "wrong_key", stranger.envelope(), name="db_admin"),
        case("another name, and changed", "misplaced", PLAIN.envelope(ciphertext=flipped(PLAIN.ciphertext(), 0)), name="db_admin"),
        case("changed, and older", "tampered", PLAIN.envelope(ciphertext=flipped(PLAIN.ciphertext(), 0)), mark=dict(MARK, serial=4)),
        case("metadata changed, and older", "tampered", PLAIN.envelope(revision=u64(1)), mark=dict(MARK, serial=4)),
    ]


def slots() -> list[dict[str, object]]:
    store, other_store, secret, salt = bytes(range(16)), bytes(16), hashlib.sha256(b"key file").digest(), bytes(range(200, 216))
    from_file = (KEY, "key_file", "main", b"\x00", salt, secret)
    derived, kdf = plain.argon2id(b"open sesame", 1, 1, 19 * 1024, salt)
    remembered = plain.slot(KEY, "passphrase", "", kdf, salt, derived, store)
    huge = plain.slot(KEY, "passphrase", "", b"\x01" + u32(3) + u32(4) + u32(2**21), salt, derived, store)
    weak = plain.slot(KEY, "passphrase", "", b"\x01" + u32(1) + u32(1) + u32(64), salt, derived, store)
    whole = plain.slot(*from_file, store)
    decrypted = (KEY, "vault_transit", "transit/nebula", b"\x00", b"vault:v1:" + base64.b64encode(bytes(range(60))), secret)
    relabelled = whole[:-32].replace(text("main"), text("male"))

    def entry(name: str, refusal: str | None, content: bytes, **given: str) -> dict[str, object]:
        return {"case": name, "refusal": refusal, "store_id": store.hex(), "slot": content.hex(), "key": KEY.hex(), **given}

    return [
        entry("key file", None, whole, secret=secret.hex()),
        entry("passphrase", None, remembered, passphrase="open sesame"),
        entry("transit, whose ciphertext is the salt", None, plain.slot(*decrypted, store), secret=secret.hex()),
        entry("another key file", "wrong_passphrase", whole, secret=bytes(32).hex()),
        entry("another passphrase", "wrong_passphrase", remembered, passphrase="open barley"),
        entry("another store", "wrong_passphrase", plain.slot(*from_file, other_store), secret=secret.hex()),
        entry("label changed, checksum right", "wrong_passphrase", checked(relabelled), secret=secret.hex()),
        entry("one bit flipped", "damaged", flipped(whole, 40), secret=secret.hex()),
        entry("cut", "damaged", whole[:-1], secret=secret.hex()),
        entry("bytes after the end, checksum right", "damaged", checked(whole[:-32] + b"\x00"), secret=secret.hex()),
        entry("an unknown derivation", "damaged", plain.slot(KEY, "key_file", "main", b"\x02", salt, secret, store), secret=secret.hex()),
        entry("format 2", "damaged", checked(b"\x02" + whole[1:-32]), secret=secret.hex()),
        entry("too much memory", "tampered", huge, passphrase="open sesame"),
        entry("too little memory", "tampered", weak, passphrase="open sesame"),
        entry("the id of another key", "tampered", plain.slot(*from_file, store, plain.key_id(OTHER_KEY)), secret=secret.hex()),
    ]


def main() -> None:
    for name, cases in (("envelopes", good() + broken() + misused() + first_of_two()), ("slots", slots())):
        (HERE / (name + ".json")).write_text(json.dumps(cases, indent=1, ensure_ascii=True) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
