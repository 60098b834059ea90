# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attacks in which a signed part stays in the document, and another one is put where it is read."""

from __future__ import annotations

from lxml import etree

from tests.unit.types.saml.cases import Case, edit, find, signed, signed_whole
from tests.unit.types.saml.forge import (
    DS,
    FORGED,
    NAMES,
    SAML,
    SAMLP,
    assertion,
    post,
    response,
)

IDS = {"another id": "_evil", "the same id": "_a1", "no id": None}
HOLDERS = {
    "in Extensions": "samlp:Extensions",
    "in StatusDetail": "samlp:Status/samlp:StatusDetail",
    "in another namespace": "{urn:x}wrap",
}


def list_wrapped():
    """A signed part stays in the document, and another one is put where it is read."""
    for label, evil_id in IDS.items():
        evil = assertion(FORGED, id=' ID="{0}"'.format(evil_id) if evil_id else "")
        for place, wrap in WRAPS.items():
            yield Case("wrapped, {0}, {1}".format(place, label), post(wrap(evil)), FORGED)
    for label, evil_id in {"another id": "_evil", "the same id": "_r1"}.items():
        for place, wrap in WHOLE_WRAPS.items():
            evil = response(assertion(FORGED), id=' ID="{0}"'.format(evil_id))
            yield Case("response wrapped, {0}, {1}".format(place, label), post(wrap(evil)), FORGED)


def _beside(evil, index):
    return edit(signed(), lambda root: root.insert(index, etree.fromstring(evil)))


def _inside(evil):
    """The original within the other assertion."""
    return edit(signed(), lambda root: _replace(root, evil, lambda inner, original: inner.append(original)))


def _replace(root, evil, join):
    original, inner = find(root, "saml:Assertion"), etree.fromstring(evil)
    root.replace(original, inner)
    join(inner, original)


def _with_its_signature(inner, original, hold):
    signature = find(original, "ds:Signature")
    original.remove(signature)
    inner.insert(1, signature)
    hold(inner, signature, original)


def _in_object(signature, original):
    etree.SubElement(signature, "{{{}}}Object".format(DS)).append(original)


def _in_key_info(signature, original):
    find(signature, "ds:KeyInfo").append(original)


def _held(path):
    def wrap(evil):
        def change(root):
            holder = root
            for step in path.split("/"):
                tag = step if step.startswith("{") else "{{{}}}{}".format(NAMES[step.split(":")[0]], step.split(":")[1])
                found = holder.find(tag)
                if found is None:
                    found = etree.Element(tag)
                    holder.insert(1 if holder is root else len(holder), found)
                holder = found
            holder.append(etree.fromstring(evil))

        return edit(signed(), change)

    return wrap


def _moved(hold):
    def wrap(evil):
        return edit(signed(), lambda root: _replace(root, evil, lambda inner, original: _with_its_signature(inner, original, hold)))

    return wrap


WRAPS = {
    "before the original": lambda evil: _beside(evil, 1),
    "before the issuer": lambda evil: _beside(evil, 0),
    "after the original": lambda evil: _beside(evil, 3),
    "around the original": _inside,
    "with the signature, the original after it": _moved(lambda inner, _signature, original: inner.getparent().append(original)),
    "with the signature, the original before it": _moved(lambda inner, _signature, original: inner.getparent().insert(1, original)),
    "with the signature, around the original": _moved(lambda inner, _signature, original: inner.append(original)),
    "with the signature, the original in its Object": _moved(lambda _inner, signature, original: _in_object(signature, original)),
    "with the signature, the original in its KeyInfo": _moved(lambda _inner, signature, original: _in_key_info(signature, original)),
    "with the signature, the original in an Advice": _moved(
        lambda inner, _signature, original: etree.SubElement(inner, "{{{}}}Advice".format(SAML)).append(original)
    ),
    **{label: _held(path) for label, path in HOLDERS.items()},
}


def _wrap_response(evil, hold):
    root, original = etree.fromstring(evil), etree.fromstring(signed_whole())
    hold(root, original)
    return etree.tostring(root).decode()


def _take_signature(root, original):
    signature = find(original, "ds:Signature")
    original.remove(signature)
    root.insert(1, signature)
    return signature


WHOLE_WRAPS = {
    "the original in the signature": lambda evil: _wrap_response(
        evil, lambda root, original: _in_object(_take_signature(root, original), original)
    ),
    "the original beside the signature": lambda evil: _wrap_response(
        evil, lambda root, original: (_take_signature(root, original), root.append(original))
    ),
    "the original in Extensions": lambda evil: _wrap_response(
        evil, lambda root, original: _put_into(root, "{{{}}}Extensions".format(SAMLP), original)
    ),
    "the original after the assertion": lambda evil: _wrap_response(evil, lambda root, original: root.append(original)),
}


def _put_into(root, tag, original):
    holder = etree.Element(tag)
    root.insert(1, holder)
    holder.append(original)
