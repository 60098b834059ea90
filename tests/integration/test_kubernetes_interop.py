# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real kubectl reads what we write, we read what it writes, and no write of it is overwritten unseen (A7, J3)."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, InvalidInput, ReadOnly, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.layers.limits import Limits
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.conformance.records import METADATA, a_record, value_of
from tests.integration.kubernetes_store import KubeStore, encoded
from tests.servers import once
from tests.unit.store.managing import ask

pytestmark = pytest.mark.server
FOR_ALL = replace(METADATA, scope=Scope())
NAME = "nebula-db.1pass"


@pytest.fixture
def store():
    return KubeStore(once.kubernetes())


@pytest.fixture
def kubectl(store, tmp_path):
    return lambda *arguments, stdin=None: store.kubectl(tmp_path, *arguments, stdin=stdin)


def test_kubectl_reads_each_field(store, kubectl):
    store.backend().put(a_record(value="s3cret ü"))
    assert kubectl("get", "secret", NAME, "-o", "jsonpath={.data.password}") == encoded("s3cret ü")
    assert kubectl("get", "secret", NAME, "-o", "jsonpath={.data.username}") == encoded("app")
    assert kubectl("get", "secret", NAME, "-o", "jsonpath={.type}") == "kubernetes.io/basic-auth"
    assert kubectl("get", "secrets", "-l", "env=prod", "-o", "name").split() == ["secret/" + NAME]
    assert "nebula.credential/metadata" in kubectl("describe", "secret", NAME)


@pytest.mark.parametrize(
    ("fields", "kind", "expected"),
    [
        ({"tls.crt": "c", "tls.key": "k"}, "custom", "kubernetes.io/tls"),
        ({"ssh-privatekey": "k"}, "opaque", "kubernetes.io/ssh-auth"),
        ({"username": "u", "password": "p"}, "basic", "kubernetes.io/basic-auth"),
        ({"username": "u", "password": "p"}, "database", "Opaque"),
        ({"value": "v"}, "opaque", "Opaque"),
    ],
)
def test_a_new_secret_gets_the_type_that_fits(store, fields, kind, expected):
    record = a_record(type=kind, fields={key: Secret(value) for key, value in fields.items()}, state={})
    store.backend().put(record)
    assert store.secret(NAME)["type"] == expected
    store.backend().put(replace(record, stage="pending"))
    assert store.secret(NAME + ".9pending")["type"] == "Opaque"


def test_a_value_that_the_type_does_not_take_is_refused_before_it_is_sent(store):
    """A Secret's type never changes. What fits it can be stored, whatever the credential's type."""
    backend = store.backend()
    backend.put(a_record())
    backend.put(a_record(type="database", fields={"password": Secret("2"), "host": Secret("h")}))
    with pytest.raises(InvalidInput) as caught:
        backend.put(a_record(type="opaque", fields={"value": Secret("x")}))
    assert "of the type kubernetes.io/basic-auth, which needs the field username or password" in str(caught.value)
    assert value_of(backend.get("db_pass")) == b"2"


def test_what_kubectl_created_is_read(store, kubectl):
    """As type opaque, its labels as tags; as type basic where it is one to Kubernetes. In a listing too."""
    kubectl("create", "secret", "generic", "nebula-theirs", "--from-literal=token=t", "--from-literal=port=5432")
    kubectl("label", "secret", "nebula-theirs", "team=a")
    kubectl("create", "secret", "generic", "nebula-login", "--type=kubernetes.io/basic-auth", "--from-literal=password=p")
    kubectl("create", "secret", "generic", "someone-elses", "--from-literal=token=t")
    backend = store.backend()
    found = backend.get("theirs")
    assert (found.type, found.serial, found.record_id, found.full_metadata.tags) == ("opaque", None, None, {"team": "a"})
    assert {key: value.expose() for key, value in found.fields.items()} == {"token": b"t", "port": b"5432"}
    assert backend.get("login").type == "basic"
    assert {record.name: record.type for record in backend.list()} == {"theirs": "opaque", "login": "basic"}
    assert [record.name for record in store.backend(label_selector="team=a").list()] == ["theirs"]
    everything = {record.name for record in store.backend(prefix="").list(Filter(names_only=True))}
    assert everything == {"nebula-theirs", "nebula-login", "someone-elses"}


@pytest.mark.parametrize(
    ("kind", "fields", "value"),
    [
        ("kubernetes.io/basic-auth", {"username": "app", "password": "p"}, "p"),
        ("kubernetes.io/ssh-auth", {"ssh-privatekey": "k", "known_hosts": "h"}, "k"),
        ("kubernetes.io/tls", {"tls.crt": "c", "tls.key": "k", "ca.crt": "a"}, "k"),
        ("Opaque", {"username": "app", "password": "p"}, "p"),
        ("Opaque", {"value": "v", "password": "p"}, "v"),
        ("Opaque", {"anything": "a"}, "a"),
        ("Opaque", {"a": "1", "b": "2"}, None),
    ],
)
def test_get_returns_the_primary_field_of_the_secrets_type(store, kubectl, kind, fields, value):
    """Before a write of ours and after it; where none is known by its kind, the error lists the fields."""
    literals = ["--from-literal={0}={1}".format(name, text) for name, text in fields.items()]
    kubectl("create", "secret", "generic", "nebula-theirs", "--type=" + kind, *literals)
    manager = store.manager()
    for _each in range(2):
        if value is None:
            with pytest.raises(InvalidInput, match="It has: a, b"):
                ask(manager, "get", name="theirs")
        else:
            assert ask(manager, "get", name="theirs").result["value"] == value
        ask(manager, "credential", name="theirs", state="present", tags={"team": "a"})


def test_a_value_of_kubectl_is_kept_when_ours_replaces_it(store, kubectl):
    kubectl("create", "secret", "generic", NAME, "--from-literal=password=theirs")
    backend = store.backend()
    stored = backend.put(a_record(), backend.get("db_pass").etag)
    assert [info.version for info in backend.versions("db_pass")] == [stored.version, "1"]
    assert value_of(backend.get("db_pass", "1")) == b"theirs"
    assert store.secret(NAME)["type"] == "Opaque"


def edit(kubectl, directory, monkeypatch, change):
    """`kubectl edit` with an editor that replaces text."""
    editor = directory / "editor"
    editor.write_text("#!{0}\nimport sys\nfrom pathlib import Path\np = Path(sys.argv[1])\n{1}\n".format(sys.executable, change))
    editor.chmod(0o700)
    monkeypatch.setenv("KUBE_EDITOR", str(editor))
    kubectl("edit", "secret", NAME)


def applied(password):
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME}, "stringData": {"password": password}})


WAYS = {
    "patch": lambda kubectl, _store: kubectl("patch", "secret", NAME, "-p", json.dumps({"data": {"password": encoded("theirs")}})),
    "patch of text": lambda kubectl, _store: kubectl("patch", "secret", NAME, "-p", json.dumps({"stringData": {"password": "theirs"}})),
    "apply": lambda kubectl, _store: kubectl("apply", "-f", "-", stdin=applied("theirs")),
    "server-side apply": lambda kubectl, _store: kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=applied("theirs")),
    "replace": lambda kubectl, store: kubectl(
        "replace", "-f", "-", stdin=json.dumps(dict(store.secret(NAME), data={"password": encoded("theirs"), "username": encoded("app")}))
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_write_of_kubectl_over_ours_is_noticed(store, kubectl, way):
    """Twice: who writes what was read before gets a Conflict, who has read it does not, and then all begins anew."""
    backend = store.backend()
    backend.put(a_record(fields={"username": Secret("app"), "password": Secret("1")}, state={}))
    ours = backend.get("db_pass").etag
    for _round in range(2):
        WAYS[way](kubectl, store)
        found = backend.get("db_pass")
        assert value_of(found) == b"theirs"
        assert found.version != ours.version
        with pytest.raises(Conflict):
            backend.put(a_record(value="3"), ours)
        stored = backend.put(a_record(fields={"username": Secret("app"), "password": Secret("2")}, state={}), found.etag)
        ours = backend.get("db_pass").etag
        assert (ours, value_of(backend.get("db_pass"))) == (stored.etag, b"2")
        assert [record.version for record in backend.list()] == [ours.version]


def test_an_edit_is_noticed_also_when_it_takes_a_field_away(store, kubectl, tmp_path, monkeypatch):
    """Nobody is noted for what is not there."""
    backend = store.backend()
    first = backend.put(a_record(state={}))
    edit(kubectl, tmp_path, monkeypatch, "p.write_text(''.join(line for line in p.open() if 'username:' not in line))")
    found = backend.get("db_pass")
    assert set(found.fields) == {"password"}
    assert found.version.startswith("1+")
    assert [record.version for record in backend.list()] == [found.version]
    with pytest.raises(Conflict):
        backend.put(a_record(), first.etag)


def test_labels_and_annotations_of_others_stay_and_change_no_version(store, kubectl):
    """Ours come and go with our tags."""
    backend = store.backend()
    stored = backend.put(a_record(metadata=replace(METADATA, tags={"env": "prod", "team": "a", "no label ü": "x"})))
    kubectl("label", "secret", NAME, "owner=someone")
    kubectl("annotate", "secret", NAME, "note=keep")
    found = backend.get("db_pass")
    assert found.version == stored.version
    assert found.full_metadata.tags == {"env": "prod", "team": "a", "no label ü": "x"}
    patched = backend.patch_metadata(found.with_metadata(tags={"env": "test"}), 0)
    backend.put(a_record(value="2", metadata=replace(METADATA, tags={"env": "test"})), patched.etag)
    metadata = store.secret(NAME)["metadata"]
    assert metadata["labels"].pop("app.kubernetes.io/managed-by") == "nebula-credential"
    assert metadata["labels"] == {
        "env": "test",
        "owner": "someone",
        "nebula.credential/stage": "current",
        "nebula.credential/type": "basic",
    }
    assert metadata["annotations"]["note"] == "keep"


def test_labels_and_annotations_of_others_stay_on_their_secret_alone(store, kubectl):
    """A selector of another tool finds one Secret, whatever is kept beside it. A manager that it names stays its manager."""
    theirs = {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "shop", "team": "a"}
    kubectl("create", "secret", "generic", NAME, "--from-literal=password=theirs")
    kubectl("label", "secret", NAME, *("{0}={1}".format(*each) for each in theirs.items()))
    kubectl("annotate", "secret", NAME, "meta.helm.sh/release-name=shop")
    backend = store.backend()
    for value in ("2", "3"):
        found = backend.get("db_pass")
        backend.put(replace(found, fields={"password": Secret(value)}, serial=None), found.etag)
    found = backend.get("db_pass")
    for stage in ("pending", "previous"):
        backend.put(replace(found, stage=stage, serial=None), create=True)
    labels = store.secret(NAME)["metadata"]["labels"]
    assert {key: labels.get(key) for key in theirs} == theirs
    for selector in ("team=a", "app.kubernetes.io/instance=shop", "app.kubernetes.io/managed-by=Helm"):
        assert kubectl("get", "secrets", "-l", selector, "-o", "name").split() == ["secret/" + NAME]
    others = [name for name in store.names() if name.startswith(NAME + ".")]
    assert len(others) == 4
    assert not [name for name in others if "meta.helm.sh/release-name" in store.secret(name)["metadata"]["annotations"]]
    assert {version.version for version in backend.versions("db_pass")} == {"1", "2", "3"}
    assert backend.get("db_pass", version="2").full_metadata.tags == theirs
    assert [record.name for record in store.backend(label_selector="team=a").list()] == ["db_pass"]


def test_a_selector_of_the_store_chooses_stages_by_their_credential(store):
    backend = store.backend()
    for name, team in (("one", "a"), ("two", "b")):
        record = a_record(name, metadata=replace(METADATA, tags={"team": team}))
        backend.put(record)
        backend.put(replace(record, stage="pending"))
    selecting = store.backend(label_selector="team=a")
    assert [record.name for record in selecting.list(Filter(stage="pending"))] == ["one"]


def test_labels_on_older_values_that_an_earlier_release_wrote_are_read_and_removed(store, kubectl):
    """Such a stage is found, and its labels go with its next write."""
    backend = store.backend()
    metadata = replace(METADATA, tags={"team": "a"})
    backend.put(a_record(metadata=metadata, stage="previous"))
    kubectl("label", "secret", NAME + ".9previous", "team=a")
    found = backend.get("db_pass", stage="previous")
    assert found.full_metadata.tags == {"team": "a"}
    backend.put(a_record(value="2", metadata=metadata, stage="previous"), found.etag)
    assert "team" not in store.secret(NAME + ".9previous")["metadata"]["labels"]


def test_metadata_of_a_foreign_secret_can_be_changed_and_its_version_stays(store, kubectl):
    kubectl("create", "secret", "generic", NAME, "--from-literal=password=theirs")
    backend = store.backend()
    found = backend.get("db_pass")
    for revision in range(2):
        patched = found.with_metadata(description="ours {0}".format(revision))
        backend.patch_metadata(patched, revision)
        after = backend.get("db_pass")
        assert (after.version, after.revision, after.full_metadata.description) == (
            found.version,
            revision + 1,
            patched.full_metadata.description,
        )
    kubectl("patch", "secret", NAME, "-p", json.dumps({"data": {"password": encoded("again")}}))
    assert backend.get("db_pass").version != found.version


def test_an_immutable_secret_is_not_written_and_its_metadata_are(store, kubectl):
    """Refused before anything is sent; what is immutable can be deleted."""
    backend = store.backend()
    stored = backend.put(a_record())
    kubectl("patch", "secret", NAME, "-p", '{"immutable": true}')
    with pytest.raises(ReadOnly) as caught:
        backend.put(a_record(value="2"), stored.etag)
    assert "the Secret is immutable" in str(caught.value)
    backend.patch_metadata(backend.get("db_pass").with_metadata(description="new"), 0)
    assert backend.get("db_pass").full_metadata.description == "new"
    backend.delete("db_pass")


def test_what_kubernetes_does_not_take_is_refused_before_it_is_sent(store):
    """1 MiB of values, 256 KiB of annotations, the characters of a key."""
    backend = Limits(store.backend())
    backend.put(a_record("full", b"x" * (1024 * 1024 - 100)))
    described = replace(METADATA, description="x" * 300000)
    refused = [
        (a_record("new", b"x" * (1024 * 1024 + 1)), TooLarge),
        (a_record("new", metadata=described), TooLarge),
        (a_record("new", fields={"a b": Secret("1")}), InvalidInput),
        (a_record("new", fields={"nebula.state": Secret("1")}), InvalidInput),
    ]

    def write_all():
        for record, kind in refused:
            with pytest.raises(kind):
                backend.put(record)

    assert {each.split()[0] for each in store.asked(write_all)} == {"get"}


def test_an_encrypted_value_is_one_key_of_raw_bytes(store):
    """Its tags are labels all the same; a plain value in its place is refused, and so is it in a plain store."""
    manager = store.manager(encrypt=True)
    with manager.acting():
        manager.backend.put(a_record(metadata=FOR_ALL))
        assert value_of(manager.backend.get("db_pass")) == b"s3cret"
    secret = store.secret(NAME)
    assert list(secret["data"]) == ["nebula.envelope"]
    assert (secret["type"], secret["metadata"]["labels"]["env"]) == ("Opaque", "prod")
    assert "nebula.credential/metadata" not in secret["metadata"]["annotations"]
    with pytest.raises(InvalidInput) as caught:
        store.backend().get("db_pass")
    assert "encrypt: true" in str(caught.value)


def test_it_says_once_that_kubernetes_does_not_encrypt(store):
    for encrypt, expected in ((None, 1), (False, 0), (True, 0)):
        warnings = []
        manager = KubeStore(store.server).manager(warn=warnings.append, encrypt=encrypt)
        with manager.acting():
            manager.backend.put(a_record("n{0}".format(expected), metadata=FOR_ALL))
            manager.backend.get_many(["n0", "n1"])
        assert len([each for each in warnings if "does not encrypt" in each]) == expected


def test_a_listing_of_more_than_a_page_is_whole(store):
    """Of 1,050 Secrets, 500 a page."""
    path = store.server.secrets_path(store.namespace)
    for number in range(1050):
        store.server.call("POST", path, {"metadata": {"name": "nebula-n{0}".format(number)}, "data": {"v": ""}})
    names = []
    asked = store.asked(lambda: names.extend(record.name for record in store.backend().list(Filter(names_only=True))))
    assert sorted(names) == sorted("n{0}".format(number) for number in range(1050))
    assert len(asked) == 3


def test_a_name_that_is_too_long_for_a_secret_is_kept_under_a_digest(store):
    """With a prefix as long as one may be."""
    backend = store.backend(prefix="p" * 100)
    name = "X" * 120
    backend.put(a_record(name))
    backend.put(a_record(name, "2"))
    assert [record.name for record in backend.list()] == [name]
    assert (value_of(backend.get(name)), value_of(backend.get(name, "1"))) == (b"2", b"s3cret")
    backend.delete(name)
    assert backend.last_serial(name) == 2
