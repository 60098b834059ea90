# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of the type `ssh_key`, with `ssh-keygen` as the counterpart (C8)."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import openssh, private_keys
from tests.unit.types.ssh import EVERY_KEY, KIND, PASSPHRASE, generate, keygen, needs_keygen, secrets, shown, sign, text, write


@needs_keygen
@pytest.mark.parametrize(
    ("options", "passphrase"), [*((each, None) for each in EVERY_KEY), ({}, PASSPHRASE), ({"kind": "rsa"}, PASSPHRASE)]
)
def test_ssh_keygen_reads_a_generated_key_and_finds_the_same_public_key_and_fingerprint(tmp_path, options, passphrase):
    fields = generate(options, comment="deploy@example.com", **({} if passphrase is None else {"passphrase": passphrase}))
    path = write(tmp_path / "key", shown(fields, "private_key"))
    public = write(tmp_path / "key.pub", shown(fields, "public_key") + "\n")
    assert keygen("-y", "-P", passphrase or "", "-f", path).split()[:2] == public.read_text().split()[:2]
    bits, found, comment, algorithm = keygen("-l", "-f", public).split()
    assert (found, comment) == (shown(fields, "fingerprint"), "deploy@example.com")
    assert algorithm == "({0})".format(options.get("kind", "ed25519").upper())
    assert int(bits) == options.get("bits", {"ecdsa": 256, "rsa": 3072}.get(options.get("kind"), 256))


@needs_keygen
@pytest.mark.parametrize(
    ("algorithm", "form", "passphrase"),
    [
        ("ed25519", "RFC4716", ""),
        ("ed25519", "RFC4716", PASSPHRASE),
        ("ecdsa", "PEM", ""),
        ("ecdsa", "PKCS8", PASSPHRASE),
        ("rsa", "PEM", PASSPHRASE),
        ("rsa", "PKCS8", ""),
    ],
)
def test_a_key_that_ssh_keygen_made_is_taken_as_it_is(tmp_path, algorithm, form, passphrase):
    """RFC4716 is ssh-keygen's name of OpenSSH's own format, in which it writes every Ed25519 key."""
    path = tmp_path / "key"
    keygen("-q", "-t", algorithm, *(["-b", "2048"] if algorithm == "rsa" else []), "-m", form, "-N", passphrase, "-C", "", "-f", path)
    given = secrets(private_key=path.read_text(), **({"passphrase": passphrase} if passphrase else {}))
    fields = KIND.validate(given)
    assert text(fields["private_key"]) == path.read_text()
    assert shown(fields, "public_key") == (tmp_path / "key.pub").read_text().strip()


def test_a_key_gets_the_newline_back_that_a_lookup_takes_from_it():
    key = generate()["private_key"]
    stripped = Secret(text(key).strip().replace("\n", "\r\n"))
    assert KIND.validate({"private_key": stripped})["private_key"] == key


def test_a_key_is_replaced_by_one_of_the_same_kind_and_size():
    before = generate({"kind": "ecdsa", "bits": 384})
    after = KIND.validate(KIND.generate({}, before))
    assert private_keys.describe_key(private_keys.read_private_key(after["private_key"].expose(), None, "ssh_key"), "ssh_key") == (
        "ecdsa",
        384,
    )
    assert after["private_key"] != before["private_key"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kind": "dsa"}, "ed25519, ecdsa, rsa"),
        ({"kind": "password"}, "ed25519, ecdsa, rsa"),
        ({"bits": 256}, "one size"),
        ({"kind": "rsa", "bits": 1024}, "3072, 4096, 8192"),
        ({"kind": "ecdsa", "bits": 255}, "256, 384, 521"),
        ({"length": 32}, "unknown: length. Allowed for type 'ssh_key': kind, bits"),
    ],
)
def test_an_option_that_does_not_fit_is_refused_with_those_that_do(options, says):
    with pytest.raises(InvalidInput) as caught:
        KIND.generate(options, {})
    assert str(caught.value).startswith("option 'generate': ")
    assert says in str(caught.value)


def build_weak_key():
    from cryptography.hazmat.primitives.asymmetric import rsa

    return openssh.write_private_key(rsa.generate_private_key(65537, 1024), None)  # noqa: S505  # to be refused


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (lambda: {"private_key": "c4n4ry"}, "'private_key' of type 'ssh_key' cannot be read"),
        (lambda: {"private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nc4n4ry\n-----END OPENSSH PRIVATE KEY-----\n"}, "cannot be read"),
        (lambda: dict(generate(passphrase=PASSPHRASE), passphrase="c4n4ry"), "cannot be read with this passphrase"),
        (lambda: {"private_key": generate(passphrase=PASSPHRASE)["private_key"]}, "is encrypted, and there is no passphrase"),
        (lambda: dict(generate(), passphrase="c4n4ry"), "is not encrypted, and there is a passphrase"),
        (lambda: {"private_key": build_weak_key()}, "RSA of 2048 bits or more"),
        (lambda: dict(generate(), comment="two\nc4n4ry"), "'comment' of type 'ssh_key' is not one line"),
        (lambda: dict(generate(), principals="c4n4ry"), "'principals' of type 'ssh_key' has no effect without 'ca'"),
        (lambda: dict(generate(), ca="ca"), "'principals' of type 'ssh_key' is missing"),
        (lambda: dict(generate(), ca="ca", principals="a,,c4n4ry"), "'principals' of type 'ssh_key' is missing, or has an empty name"),
        (lambda: dict(generate(), ca="ca", principals="a", extensions="c4n4ry"), "permit-pty"),
        (lambda: dict(generate(), ca="ca", principals="a", extensions="permit-pty", certificate_kind="host"), "is given for a host"),
        (lambda: dict(generate(), ca="ca", principals="a", valid_for="11y"), "not a duration"),
        (lambda: dict(generate(), ca="ca", principals="a", valid_for="0"), "lives 0 seconds"),
        (lambda: dict(generate(), ca="ca", principals="a", valid_for="4000d"), "longer than 3660 days"),
        (lambda: dict(generate(), certificate="c4n4ry"), "no OpenSSH certificate"),
        (lambda: dict(generate(), certificate=shown(generate(), "public_key")), "no OpenSSH certificate"),
        (lambda: dict(generate(), certificate=sign(generate(), generate())), "'certificate' of type 'ssh_key' is of another key"),
        (lambda: dict(generate(), public_key="c4n4ry"), "unknown: 'public_key'"),
    ],
)
def test_fields_that_do_not_fit_are_refused_and_never_shown(fields, says):
    given = {name: value if isinstance(value, Secret) else Secret(value) for name, value in fields().items()}
    with pytest.raises(InvalidInput) as caught:
        KIND.validate(given)
    assert says in str(caught.value)
    assert "c4n4ry" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
