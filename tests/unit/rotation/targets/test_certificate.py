# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `certificate` with a real nginx: files that change together, a server that does not load them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Optional

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.certificate import Certificate
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_driver import StepModules
from tests.servers import nginx, once
from tests.target_suite.local_runner import LocalRunner
from tests.targets.certificate import issue, read_fingerprint, wait_for
from tests.unit.rotation.targets.recorded_modules import Recorded

OPTIONS: Mapping[str, Any] = {"host": "box", "directory": "/srv/tls/shop", "reload": ["true"], "port": 443, "mode": "0600"}


class Place:
    """A server that presents a stored certificate."""

    def __init__(self, server: nginx.Server, directory: Path) -> None:
        self.server, self.directory, self.current = server, directory, make_value(directory)
        self.notes: list[str] = []
        runner = LocalRunner({"box": LocalRunner(connection={"host": server.host})})
        self.modules = StepModules(runner, lambda: 0.0, 30.0, 30.0, self.notes.append)
        assert self.target().apply(self.modules, self.current) == steps.APPLIED
        wait_for(server, find_fingerprint(self.current))

    def target(self, **options: Any) -> Certificate:
        own = {
            "directory": str(self.server.directory),
            "port": self.server.port,
            "owner": self.server.owner,
            "reload": self.server.reload(),
        }
        return Certificate({**OPTIONS, **own, **options}, self.current)

    def files(self) -> Mapping[str, Path]:
        return {path.name: path for path in self.server.directory.iterdir()}

    def kept(self) -> list[str]:
        """The directories of certificates, and what is left of writing one."""
        return [path.name for path in self.server.directory.parent.glob("tls.*") if path.name != "tls.first"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(once.nginx(), tmp_path)


def make_value(directory: Path) -> Value:
    return Value({name: Secret(text) for name, text in issue(directory).items()}, primary="private_key")


def find_fingerprint(value: Value) -> str:
    return read_fingerprint(value.fields["certificate"].expose().decode())


@pytest.mark.server
def test_key_and_certificate_are_written_together_and_presented_and_the_old_files_go(place: Place) -> None:
    new = make_value(place.directory)
    target = place.target(mode="0640")
    target.precheck(place.modules)
    assert target.probe(place.modules, place.current) == steps.ACCEPTED
    assert target.apply(place.modules, new) == steps.APPLIED
    assert target.probe(place.modules, new) == steps.ACCEPTED
    assert target.probe(place.modules, place.current) == steps.REFUSED
    assert place.kept() == ["tls." + find_fingerprint(new)]
    files = place.files()
    assert {name: path.stat().st_mode & 0o777 for name, path in files.items()} == {
        "privkey.pem": 0o640,
        "fullchain.pem": 0o644,
        "bundle.pem": 0o640,
    }
    assert files["privkey.pem"].read_bytes() + files["fullchain.pem"].read_bytes() == files["bundle.pem"].read_bytes()


@pytest.mark.server
@pytest.mark.parametrize("certificate", ["of another key", "of this key"])
def test_files_that_the_server_does_not_load_are_taken_back(place: Place, certificate: str) -> None:
    new, other = make_value(place.directory), make_value(place.directory)
    reload = place.server.reload()
    if certificate == "of another key":
        new = Value({**new.fields, "certificate": other.fields["certificate"]}, primary="private_key")
    else:
        reload = ["/bin/sh", "-c", 'case $(readlink "$0") in *."$1") exit 1 ;; esac', str(place.server.directory), find_fingerprint(new)]
    assert place.target(reload=reload).apply(place.modules, new) == steps.REFUSED
    assert "reload" in place.notes[-1]
    assert place.target().probe(place.modules, place.current) == steps.ACCEPTED
    assert place.server.fingerprint() == find_fingerprint(place.current)


@pytest.mark.server
def test_a_late_request_deletes_no_files_to_which_the_link_leads_by_then(place: Place) -> None:
    current = "tls." + find_fingerprint(place.current)
    # While the server loads the files of the late request, the link is led back.
    reload = ["/bin/sh", "-c", 'ln -sfn "$1" "$0"', str(place.server.directory), current]
    place.target(reload=reload).apply(place.modules, make_value(place.directory))
    assert current in place.kept()
    assert place.target().probe(place.modules, place.current) == steps.ACCEPTED


@pytest.mark.server
def test_a_server_that_presents_another_certificate_than_the_host_has_is_said(place: Place) -> None:
    new = make_value(place.directory)
    target = place.target(reload=["true"])
    assert target.apply(place.modules, new) == steps.APPLIED
    assert target.probe(place.modules, new) == steps.UNAVAILABLE
    assert "presents another one" in place.notes[-1]
    assert target.probe(place.modules, place.current) == steps.REFUSED


@pytest.mark.server
def test_a_directory_that_is_no_link_and_a_program_that_is_missing_are_refused(place: Place, tmp_path: Path) -> None:
    (tmp_path / "tls").mkdir()
    with pytest.raises(errors.InvalidInput) as raised:
        place.target(directory=str(tmp_path / "tls")).precheck(place.modules)
    assert "ln -s" in str(raised.value)
    with pytest.raises(errors.InvalidInput):
        place.target(directory=str(tmp_path / "no" / "tls")).precheck(place.modules)
    with pytest.raises(errors.NotFound):
        place.target(reload=["no-such-program"]).precheck(place.modules)


@pytest.mark.parametrize(("status", "sent"), [(1, steps.UNKNOWN), (None, steps.UNKNOWN), (21, steps.REFUSED), (22, steps.REFUSED)])
def test_what_another_end_of_the_shell_means(status: Optional[int], sent: str, tmp_path: Path) -> None:
    value = make_value(tmp_path)
    assert Certificate(OPTIONS, value).apply(Recorded(status), value) == sent
    assert Certificate(OPTIONS, value).probe(Recorded(status), value) == steps.UNAVAILABLE


def test_the_key_is_in_no_argument_and_is_not_encrypted_there(tmp_path: Path) -> None:
    modules, value = Recorded(0), make_value(tmp_path)
    Certificate(OPTIONS, value).apply(modules, value)
    ((argv, given),) = modules.programs
    assert not any("PRIVATE KEY-----\n" in argument for argument in argv)
    assert given.startswith(b"-----BEGIN PRIVATE KEY-----")


def test_a_host_that_does_not_answer_is_said_before_anything_is_begun(tmp_path: Path) -> None:
    with pytest.raises(errors.Unavailable):
        Certificate(OPTIONS, make_value(tmp_path)).precheck(Recorded(None))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("directory", "tls"),
        ("directory", "/tls"),
        ("directory", "/srv/tls/"),
        ("reload", []),
        ("mode", "416"),
        ("mode", "0644"),
        ("mode", "600"),
    ],
)
def test_an_option_that_does_not_fit_is_refused_by_its_name(tmp_path: Path, option: str, value: Any) -> None:
    with pytest.raises(errors.InvalidInput) as raised:
        Certificate({**OPTIONS, option: value}, make_value(tmp_path)).check()
    assert raised.value.option == "certificate." + option


def test_a_credential_without_a_certificate_is_refused(tmp_path: Path) -> None:
    value = make_value(tmp_path)
    key = Value({"private_key": value.fields["private_key"]}, primary="private_key")
    for current in (key, Value({"password": Secret("x")})):
        with pytest.raises(errors.InvalidInput):
            Certificate(OPTIONS, current).check()
