# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scans of trees of files: what is found, what is skipped and why, and what is not searched for."""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import CATALOG
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.scanning.content import CHUNK
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.unit.scanning.scanned import CURRENT, REPLACED, Scanned, places, reasons


def test_a_value_is_found_with_its_file_line_credential_and_version(scanned):
    path = scanned.put("etc/app.conf", "a\nb\npassword = {0}\n".format(CURRENT))
    result = scanned.scan()
    assert result["findings"] == [
        {
            "kind": "value",
            "path": str(path),
            "object": None,
            "place": "content",
            "line": 3,
            "offset": 15,
            "form": "plain",
            "name": "db",
            "field": "password",
            "version": "2",
            "stage": "current",
            "looks_like": None,
        }
    ]
    assert (result["total"], result["truncated"], result["changed"], result["failed"]) == (1, False, False, False)
    assert result["counts"] == {"value": 1, "look_alike": 0}
    assert (result["scanned"]["files"], result["scanned"]["bytes"]) == (1, path.stat().st_size)


def test_values_are_found_in_every_kind_of_file(scanned):
    encoded = base64.b64encode(b"user:" + CURRENT.encode())
    scanned.put("binary", b"\0\1\2\n\n" + CURRENT.encode() + b"\xff")
    scanned.put("service.log", "line\n" * 70_000 + CURRENT)
    scanned.put("service.log.1.gz", gzip.compress(("line\n" * 100_000 + CURRENT).encode()))
    scanned.put("configmap.yaml", b"kind: ConfigMap\nbinaryData:\n  login: " + encoded + b"\n")
    scanned.put("pod.json", json.dumps({"env": [{"value": CURRENT}]}, indent=1))
    scanned.put("border", b"." * (CHUNK - 5) + CURRENT.encode() + b"\n")
    assert sorted(places(scanned.scan()), key=str) == [
        ("binary", None),
        ("border", 1),
        ("configmap.yaml", 3),
        ("pod.json", 4),
        ("service.log", 70_001),
        ("service.log.1.gz", 100_001),
    ]


def test_older_values_are_found_unless_they_are_not_wanted(scanned):
    scanned.put("old", REPLACED)
    (row,) = scanned.scan()["findings"]
    assert (row["version"], row["stage"]) == ("1", "older")
    assert scanned.scan(older=False)["findings"] == []


def test_the_values_of_a_rotation_in_its_grace_period_are_found(scanned):
    rotation = {"name": "db", "target": "none", "grace": "1h", "value": "canary-value-to-come"}
    perform(scanned.manager, "credential_rotate", rotation, NOBODY)
    scanned.put("a", CURRENT)
    scanned.put("b", "canary-value-to-come")
    assert [row["stage"] for row in scanned.scan()["findings"]] == ["previous", "current"]


def test_a_field_that_is_not_secret_is_not_searched_for(scanned):
    scanned.put("user", "canary-user-name")
    assert scanned.scan()["findings"] == []


def test_short_and_common_values_are_left_out_by_name(scanned):
    scanned.write("short", "abc123")
    scanned.write("common", "postgres")
    scanned.put("code.py", "abc123 postgres")
    result = scanned.scan()
    assert (result["findings"], result["left_out_total"]) == ([], 2)
    assert {(row["name"], row["reason"]) for row in result["left_out"]} == {("short", "too short"), ("common", "too common")}
    assert [row["name"] for row in scanned.scan(shortest=6)["findings"]] == ["short"]


def test_links_fifos_sockets_and_unreadable_files_are_no_obstacle(scanned, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text(CURRENT)
    (scanned.tree / "link").symlink_to(outside)
    (scanned.tree / "loop").symlink_to(scanned.tree)
    os.mkfifo(scanned.tree / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(scanned.tree / "socket"))
        scanned.put("damaged.gz", gzip.compress(os.urandom(1000))[:-20])
        result = scanned.scan()
    assert (result["findings"], result["scanned"]["links"]) == ([], 2)
    assert set(reasons(result)) == {"fifo", "socket", "damaged.gz"}
    assert "FIFO" in reasons(result)["fifo"]
    assert "damaged" in reasons(result)["damaged.gz"]
    assert places(scanned.scan(scanned.tree / "link")) == [("link", 1)]


def test_a_file_that_may_not_be_read_is_skipped_with_the_reason(scanned, monkeypatch):
    """The system's refusal, which root does not get."""
    scanned.put("closed", CURRENT)
    scanned.put("open", CURRENT)
    real = os.open

    def refuse(path, *arguments, **options):
        if str(path).endswith("/closed"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    result = scanned.scan()
    assert (places(result), reasons(result)) == ([("open", 1)], {"closed": "it cannot be read: Permission denied"})


def test_the_store_itself_is_not_searched_even_if_it_is_plain_text(tmp_path):
    scanned = Scanned(tmp_path, format="yaml", allow_plaintext=True)
    assert any(CURRENT in path.read_text() for path in scanned.store_directory.rglob("*.y*ml"))
    result = scanned.scan(tmp_path)
    assert (result["findings"], reasons(result)) == ([], {"store": "it is the store that is scanned for"})


def test_excluded_paths_are_not_searched(scanned):
    for name in ("a.iso", "build/b", "deep/build/c", "deep/docs/d", "e"):
        scanned.put(name, CURRENT)
    result = scanned.scan(exclude=["*.iso", "build/", "deep/docs"])
    assert (places(result), result["scanned"]["excluded"]) == ([("e", 1)], 4)


def test_a_value_in_the_name_of_a_file_is_found_and_not_shown(scanned):
    scanned.put("of-{0}.txt".format(CURRENT), "nothing")
    scanned.put(os.fsdecode(b"\xff\xfe-name"), CURRENT)
    result = scanned.scan()
    assert [(row["place"], os.path.basename(row["path"])) for row in result["findings"]] == [
        ("name", "of-*****.txt"),
        ("content", "\\xff\\xfe-name"),
    ]
    json.dumps(result).encode("utf-8")
    assert CURRENT not in json.dumps(result)


def test_more_findings_than_the_limit_are_counted(scanned):
    scanned.put("many", (CURRENT + "\n") * 50)
    result = scanned.scan(limit=7)
    assert (len(result["findings"]), result["total"], result["truncated"]) == (7, 50, True)
    assert [row["line"] for row in result["findings"]] == list(range(1, 8))


@pytest.mark.parametrize(("fail_on", "failed"), [(None, False), ("values", True), ("findings", True)])
def test_it_fails_only_if_that_is_wanted(scanned, fail_on, failed):
    scanned.put("a", CURRENT)
    result = scanned.scan(fail_on=fail_on)
    assert (result["failed"], result.get("code")) == (failed, "exposed" if failed else None)
    assert (scanned.tree / "a").unlink() is None
    assert not scanned.scan(fail_on=fail_on)["failed"]


def test_a_credential_that_cannot_be_read_fails_the_scan_after_the_others(scanned):
    scanned.write("other", "canary-value-of-another")
    scanned.put("a", "canary-value-of-another")
    Path(scanned.manager.locate("db")["file"]).write_text("{}")
    result = scanned.scan()
    assert (places(result), result["failed"], list(result["failures"])) == ([("a", 1)], True, ["db"])
    assert "1 of 2 failed" in result["msg"]


def test_credentials_out_of_the_callers_scope_are_not_searched_for(scanned):
    scanned.manager.create(DesiredCredential("far", value=Secret("canary-value-of-others"), scope=Scope(workflow="other")))
    scanned.put("a", "canary-value-of-others")
    assert scanned.scan()["findings"] == []
    assert [row["name"] for row in scanned.scan(scope={"workflow": "other"})["findings"]] == ["far"]


def test_revoked_credentials_are_searched_for_and_a_prefix_selects(scanned):
    scanned.write("shop/a", "canary-value-of-a-shop")
    scanned.manager.revoke("shop/a")
    scanned.put("a", "canary-value-of-a-shop\n" + CURRENT)
    assert [row["name"] for row in scanned.scan(prefix="shop/")["findings"]] == ["shop/a"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("paths", []),
        ("paths", ["relative"]),
        ("paths", ["/there/is/none"]),
        ("limit", 0),
        ("shortest", 0),
        ("fail_on", "all"),
        ("staged", True),
    ],
)
def test_a_wrong_option_is_refused_by_its_name(scanned, option, value):
    with pytest.raises(errors.InvalidInput) as caught:
        scanned.scan(**{"git": True, option: value} if option == "staged" else {option: value})
    assert caught.value.option == option


def test_a_store_on_a_network_is_asked_for_older_values_only_if_that_is_wanted(scanned, monkeypatch):
    scanned.put("old", REPLACED)
    backend = scanned.manager.backend
    monkeypatch.setattr(type(backend), "capabilities", replace(backend.capabilities, remote=True))
    assert scanned.scan()["findings"] == []
    assert [row["stage"] for row in scanned.scan(older=True)["findings"]] == ["older"]


def test_the_reads_are_in_the_audit_trail_as_a_scan_and_are_no_use(scanned):
    assert not CATALOG["scan"].counts_as_use
    scanned.scan()
    scanned.manager.flush()
    entries = [json.loads(line) for path in scanned.store_directory.rglob("*.jsonl") for line in path.read_text().splitlines()]
    reads = [entry for entry in entries if (entry["action"], entry["result"], entry.get("operation")) == ("read", "ok", "scan")]
    assert {(entry["name"], entry["version"]) for entry in reads} == {("db", "1"), ("db", "2")}
    usage = perform(scanned.manager, "credential_info", {"name": "db", "usage": True}, NOBODY).result["credentials"][0]["usage"]
    assert not usage.get("reads")


def test_a_scan_that_has_no_value_to_search_for_is_no_clean_one(scanned):
    for parameters in ({"prefix": "nothing/"}, {"shortest": 1000}):
        with pytest.raises(errors.NotFound, match="no value to search for"):
            scanned.scan(**parameters)
    pytest.importorskip("detect_secrets")
    assert scanned.scan(prefix="nothing/", look_alikes=True)["values"] == 0


def test_no_row_comes_from_a_tree_of_small_files_without_any(scanned):
    for number in range(300):
        scanned.put(
            "{0}/{1}.txt".format(number % 7, number), "line {0}\npassword: {{{{ other }}}}\n{1}\n".format(number, os.urandom(60).hex())
        )
    result = scanned.scan()
    assert (result["findings"], result["not_searched"], result["scanned"]["files"]) == ([], [], 300)


@pytest.mark.long
def test_no_row_comes_from_ten_thousand_small_files_for_a_thousand_values(scanned):
    for number in range(1000):
        scanned.write("many/{0}".format(number), os.urandom(9).hex())
    for number in range(10_000):
        scanned.put("{0}/{1}".format(number % 97, number), base64.b64encode(os.urandom(700)) + b"\n" + os.urandom(300))
    result = scanned.scan()
    assert (result["findings"], result["scanned"]["files"], result["values"]) == ([], 10_000, 1002)
