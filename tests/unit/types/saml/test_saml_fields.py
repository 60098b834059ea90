# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of a service and its identity provider, and the metadata of both."""

from __future__ import annotations

import sys

import pytest
from lxml import etree

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidCallback, InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import registry
from ansible_collections.nebula.credential.plugins.module_utils.types.saml import decryption, documents
from ansible_collections.nebula.credential.plugins.module_utils.types.saml.responses import Expectation, read_response
from tests.unit.types.saml.forge import ACS, IDP, NAMES, NOW, REQUEST, SERVICE, SSO, assertion, encrypted, party, post, response, sign
from tests.unit.types.saml.services import make_fields, settings_with_key

KIND = registry.type_named("saml", {})
MD = {"md": "urn:oasis:names:tc:SAML:2.0:metadata", **NAMES}
IN_METADATA = {"idp_entity_id": None, "idp_sso_url": None, "idp_certificates": None}


def check(**changes):
    """The fields as they are stored."""
    return KIND.validate({name: Secret(value) for name, value in make_fields(**changes).items()})


def metadata(inner=None, **changes):
    """The metadata of an identity provider."""
    info = "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{1}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
    key = "<md:KeyDescriptor{0}>" + info + "</md:KeyDescriptor>"
    parts = {
        "entity": ' entityID="{0}"'.format(IDP),
        "wants": "",
        "keys": key.format(' use="signing"', party("idp").certificate_text),
        "places": '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{0}"/>'.format(SSO),
        **changes,
    }
    role = inner or "<md:IDPSSODescriptor{wants}>{keys}{places}</md:IDPSSODescriptor>".format(**parts)
    return '<md:EntityDescriptor xmlns:md="{0}" xmlns:ds="{1}"{2}>{3}</md:EntityDescriptor>'.format(
        MD["md"], MD["ds"], parts["entity"], role
    )


def described(**changes):
    """The metadata of the service, parsed."""
    return etree.fromstring(KIND.read(check(**changes), {}, "metadata").expose())


def test_the_metadata_of_a_service_has_its_address_and_its_key_for_both_uses():
    service = described(name_id_format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent")
    role = service.find("md:SPSSODescriptor", MD)
    assert (service.get("entityID"), role.get("AuthnRequestsSigned"), role.get("WantAssertionsSigned")) == (SERVICE, "true", "true")
    assert [key.get("use") for key in role.findall("md:KeyDescriptor", MD)] == ["signing", "encryption"]
    assert {text.text for text in role.iter("{*}X509Certificate")} == {party("service").certificate_text}
    place = role.find("md:AssertionConsumerService", MD)
    assert (place.get("Location"), place.get("Binding")) == (ACS, "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST")
    assert [child.tag.rpartition("}")[2] for child in role] == [
        "KeyDescriptor",
        "KeyDescriptor",
        "NameIDFormat",
        "AssertionConsumerService",
    ]
    assert "rsa-1_5" not in etree.tostring(service).decode()


def test_a_service_without_a_key_says_that_it_signs_nothing():
    role = described(private_key=None, certificate=None).find("md:SPSSODescriptor", MD)
    assert role.get("AuthnRequestsSigned") == "false"
    assert role.find("md:KeyDescriptor", MD) is None


def test_the_metadata_of_a_provider_stands_for_its_fields():
    comment = metadata().replace("<md:IDPSSO", "<!-- a comment --><md:IDPSSO")
    for text in (metadata(), comment, '<?xml version="1.0" encoding="UTF-8"?>\n' + metadata() + "\n"):
        assert KIND._read_settings(check(idp_metadata=text, **IN_METADATA))[0].provider[:2] == (IDP, SSO)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"idp_entity_id": None}, "'idp_entity_id' of type 'saml' is missing"),
        ({"idp_certificates": None}, "'idp_certificates' of type 'saml' is missing"),
        ({"idp_metadata": metadata()}, "'idp_entity_id' of type 'saml' is not used with 'idp_metadata'"),
        ({"certificate": None}, "'certificate' of type 'saml' is missing"),
        ({"private_key": None}, "'private_key' of type 'saml' is missing"),
        ({"private_key": "c4n4ry"}, "'private_key' of type 'saml' cannot be read"),
        ({"certificate": "c4n4ry"}, "'certificate' of type 'saml' holds no certificates"),
        ({"certificate": party("idp").certificate_pem}, "'certificate' of type 'saml' is not the one certificate of 'private_key'"),
        (
            {"private_key": party("ec-service", "ec").pem, "certificate": party("ec-service", "ec").certificate_pem},
            "'private_key' of type 'saml' is not an RSA key",
        ),
        ({"idp_certificates": "c4n4ry"}, "'idp_certificates' of type 'saml' holds no certificates"),
        ({"acs_url": "c4n4ry"}, "'acs_url' of type 'saml' is not, or does not hold, a URL"),
        ({"acs_url": "http://c4n4ry.example.com"}, "'acs_url' of type 'saml' is plain HTTP"),
        ({"idp_sso_url": "http://c4n4ry.example.com"}, "'idp_sso_url' of type 'saml' is plain HTTP"),
        ({"idp_sso_url": "https://ada:c4n4ry@idp.example.com"}, "'idp_sso_url' of type 'saml' is not, or does not hold, a URL"),
        ({"assertion": "c4n4ry"}, "'assertion' of type 'saml' is written by a login alone. Start a login"),
        ({"binding": "artifact"}, "'binding' of type 'saml' is none of the values allowed. Use one of: redirect, post"),
    ],
)
def test_fields_that_no_login_could_use_are_refused_by_name(changes, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        check(**changes)
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("c4n4ry", "cannot be read: it is no XML"),
        ("<!DOCTYPE x>" + metadata(), "cannot be read: it holds something else than elements and texts"),
        (metadata() + "<!--" * 100000, "cannot be read: it holds something else than elements and texts"),
        (metadata(entity=""), "does not describe one entity"),
        ("<md:EntitiesDescriptor xmlns:md='{0}'>{1}</md:EntitiesDescriptor>".format(MD["md"], metadata()), "does not describe one entity"),
        (metadata("<md:SPSSODescriptor/>"), "does not describe one identity provider"),
        (metadata(keys=""), "holds no certificate for signatures"),
        (metadata(keys="").replace("<md:Sing", "<md:KeyDescriptor use='encryption'/><md:Sing"), "holds no certificate for signatures"),
        (metadata(entity=' entityID="x" validUntil="soon"'), "has a 'validUntil' that is no time in UTC"),
        (metadata().replace(SSO, "ftp://idp.example.com"), "is not, or does not hold, a URL"),
    ],
)
def test_metadata_that_describes_no_provider_is_refused(text, said):
    with pytest.raises(InvalidInput, match="'idp_metadata' of type 'saml' " + said) as caught:
        check(idp_metadata=text, **IN_METADATA)
    assert "c4n4ry" not in str(caught.value)


def test_a_binding_that_the_provider_does_not_have_is_refused_with_the_other_one():
    with pytest.raises(InvalidInput, match=r"'binding' of type 'saml' is not one of those of the identity provider\. Set it to 'redirect'"):
        check(idp_metadata=metadata(), binding="post", **IN_METADATA)


def test_a_provider_that_wants_signed_requests_needs_a_service_with_a_key():
    text = metadata(wants=' WantAuthnRequestsSigned="true"')
    assert check(idp_metadata=text, **IN_METADATA)
    with pytest.raises(InvalidInput, match=r"'private_key' of type 'saml' is missing\. The identity provider refuses"):
        check(idp_metadata=text, private_key=None, certificate=None, **IN_METADATA)


def test_what_a_response_says_shows_no_assertion():
    found = read_response(post(response(sign(assertion()))), Expectation(settings_with_key(), REQUEST, frozenset(), NOW))
    assert b"<saml:Assertion" in found.assertion.expose()
    assert "<saml:Assertion" not in repr(found)


def test_a_key_shows_nothing_of_itself():
    settings = settings_with_key()
    assert "PRIVATE" not in repr(settings)
    assert repr(settings.key) == "ServiceKey(***)"


def test_packages_with_different_libraries_of_xml_are_an_error_that_says_what_to_do(monkeypatch, tmp_path):
    """So xmlsec fails when it is imported beside an lxml that was built with another libxml2."""
    (tmp_path / "xmlsec.py").write_text("raise RuntimeError('lxml & xmlsec libxml2 library version mismatch')\n", encoding="ascii")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "xmlsec", raising=False)
    text = post(response(encrypted(sign(assertion()))))
    with pytest.raises(InvalidConfiguration, match=r"were built with different versions of libxml2.*pip install"):
        read_response(text, Expectation(settings_with_key(), REQUEST, frozenset(), NOW))


def test_an_assertion_that_is_not_encrypted_needs_no_xmlsec(monkeypatch):
    monkeypatch.setattr(decryption, "_load_xmlsec", None)
    assert read_response(post(response(sign(assertion()))), Expectation(settings_with_key(), REQUEST, frozenset(), NOW)).name_id == "ada"


@pytest.mark.parametrize("text", ["", "a", "=", "ä"])
def test_what_is_no_base64_is_refused(text):
    with pytest.raises(InvalidCallback):
        documents.parse(documents.decode_base64(text))
