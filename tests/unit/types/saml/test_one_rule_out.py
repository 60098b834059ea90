# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each rule about responses is needed: without it an attack of the corpus is accepted, or another rule stands behind it."""

from __future__ import annotations

import ast
import inspect
from types import CodeType

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.types.saml import decryption, documents, responses, signatures
from tests.servers import scripted
from tests.unit.types.saml.corpus import list_attacks
from tests.unit.types.saml.test_corpus import read

LONG = pytest.mark.long(reason="the corpus is read once for each rule")
MODULES = (documents, signatures, decryption, responses)
SECOND = {
    "decryption._is_accepted: _has_only(data, _PARTS_OF_DATA)": "xmlsec is given data of our own making",
    "decryption._is_accepted: _holds_value(key)": "xmlsec is given a key of our own making",
    "decryption.decrypt: key is None": "nothing decrypts without a key",
    "documents.need_child: found is None": "what is read next is not there",
    "documents.parse: len(text) > MAX_BYTES": "a longer document is refused before base64 is taken away",
    "responses._check_confirmation: ends_at is None": "a time that is not there is not compared",
    "responses._check_confirmations: not ends": "an end that is not there is not computed",
    "responses._check_decrypted: _count_assertions(assertion) != 1": "an assertion has no assertion for a child",
    "responses._read_assertion: issued is None": "a time that is not there is not compared",
    "responses._read_attributes: attribute.tag != name_of(SAML, 'Attribute')": "what else there may be has no name",
    "responses._read_session: logged_in is None": "a time that is not there is not compared",
    "responses._read_session: not statements": "a statement that is not there is not read",
    "responses.read_response: root.tag != name_of(SAMLP, 'Response')": "others have no signature where one is verified",
    "signatures._check_form: need_child(info, DS, 'SignatureMethod').get('Algorithm') not in METHODS": "signxml is given the same list",
    "signatures._check_form: parts not in (allowed, allowed[:2])": "no assertion may be in a signature, and signxml checks its schema",
    "signatures._check_reference: need_child(reference, DS, 'DigestMethod').get('Algorithm') not in DIGESTS": "so is signxml",
    "signatures._check_reference: not signed_id": "signxml finds no element without an id",
    "signatures.check_signatures: parent is None": "a document that is a signature is no response",
    "signatures.check_signatures: parent.tag not in _SIGNED": "a signature elsewhere is not counted, and its reference has another id",
}
"""The rules without which no attack is accepted, and what then refuses it."""


def list_rules(module):
    """Each rule of a module: what it says, the function that it is in, and its number there."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.FunctionDef):
            for number, (rule, _take_out) in enumerate(find_rules(node)):
                yield "{0}.{1}: {2}".format(module.__name__.rpartition(".")[2], node.name, ast.unparse(rule)), node.name, number


def find_rules(function):
    """Each condition under which a function refuses, alone or in an `or`, or accepts, in an `and`; and how it is taken out."""
    for node in ast.walk(function):
        if isinstance(node, ast.If) and len(node.body) == 1 and isinstance(node.body[0], ast.Raise):
            yield from list_parts(node, "test", ast.Or, False)
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.BoolOp) and isinstance(node.value.op, ast.And):
            yield from list_parts(node, "value", ast.And, True)


def list_parts(node, attribute, operator, without):
    """The parts of a condition, each with a function that puts what it is `without` the part in its place."""
    whole = getattr(node, attribute)
    if isinstance(whole, ast.BoolOp) and isinstance(whole.op, operator):
        for place, part in enumerate(whole.values):
            yield part, lambda place=place: whole.values.__setitem__(place, ast.Constant(without))
    else:
        yield whole, lambda: setattr(node, attribute, ast.Constant(without))


def compile_without(module, name, number):
    """The code of a function of a module without one of its rules."""
    tree = ast.parse(inspect.getsource(module))
    function = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name)
    _rule, take_out = list(find_rules(function))[number]
    take_out()
    code = compile(ast.fix_missing_locations(tree), module.__file__, "exec")
    return next(each for each in code.co_consts if isinstance(each, CodeType) and each.co_name == name)


def is_accepted(case):
    """Whether a response is accepted. A rule that is missing may let other code fail in any way."""
    try:
        read(case)
    except Exception:  # noqa: BLE001  # of whatever class
        return False
    return True


@pytest.fixture(scope="module")
def attacks():
    with scripted.running() as server:
        yield list_attacks(server.url)


def test_a_rule_that_is_taken_out_is_missed(attacks, monkeypatch):
    """One of them, in every run."""
    monkeypatch.setattr(responses._check_confirmation, "__code__", compile_without(responses, "_check_confirmation", 1))
    assert [case.name for case in attacks if is_accepted(case)] == ["an assertion for another request", "an assertion for no request"]


@LONG
def test_without_a_rule_an_attack_is_accepted_or_another_rule_refuses_it(attacks, monkeypatch):
    useless = set()
    for module in MODULES:
        for label, name, number in list_rules(module):
            with monkeypatch.context() as changed:
                changed.setattr(getattr(module, name), "__code__", compile_without(module, name, number))
                if not any(is_accepted(case) for case in attacks):
                    useless.add(label)
    print("\n".join(sorted(useless)))
    assert useless == set(SECOND)
