# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible encrypts, as it is in files: whole files, and `!vault` variables in YAML, with the place of each value in the text.

ansible-core decrypts, with the vault passwords of the run. PyYAML, which ansible-core reads YAML with, says where each value begins and
ends; nothing is constructed, so a number stays as it is written.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, VaultSecretsContext, is_encrypted

from ansible_collections.nebula.credential.plugins.module_utils.adoption.text_files import missing_error, read_bytes, unreadable_error
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

HEADER = b"$ANSIBLE_VAULT;"
_MARKED_HEADERS = (
    codecs.BOM_UTF8 + HEADER,
    codecs.BOM_UTF16_LE + HEADER.decode().encode("utf-16-le"),
    codecs.BOM_UTF16_BE + HEADER.decode().encode("utf-16-be"),
)
"""As editors and PowerShell on Windows save a file again. Ansible takes such a one for a file that is not encrypted."""
_TAGS = ("!vault", "!vault-encrypted")
_MARKS = tuple(tag.encode() for tag in _TAGS)
_YAML = "tag:yaml.org,2002:"
_NATIVE = frozenset(_YAML + name for name in ("int", "float", "bool", "timestamp"))
_VARIABLES = frozenset(("group_vars", "host_vars"))
"""Folders in which Ansible reads files without an ending as YAML."""
_SKIPPED = frozenset((".git", ".venv", "node_modules", "__pycache__"))
Node = Any
"""A node of PyYAML, which has no types."""


class Leaf(NamedTuple):
    """One value in a file.

    Attributes:
        keys: the keys on the way to it.
        value: the value itself, decrypted.
        line: where it begins, from 1.
        start, end: its place in the text of the file, with its tag and anchor.
        is_native: YAML reads it as a number, a boolean or a time.
        is_template: Ansible would evaluate it.
    """

    keys: tuple[str, ...]
    value: bytes
    line: int
    start: int
    end: int
    is_native: bool = False
    is_template: bool = False

    def __repr__(self) -> str:  # values are secret
        return "Leaf({0!r}, {1!r})".format(self.keys, self.line)


@dataclass(frozen=True)
class VaultedFile:
    """One file.

    Attributes:
        path: where it is.
        content: its bytes, as they are.
        text: the text that the leaves are places in, decrypted; None if it is no mapping in YAML.
        is_whole: whether the file itself is encrypted.
        leaves: its values. A file that is no mapping has one, without keys.
    """

    path: str
    content: bytes = field(repr=False)
    text: str | None = field(repr=False)
    is_whole: bool
    leaves: tuple[Leaf, ...]


def read_vaulted(path: str) -> Iterator[VaultedFile]:
    """Yield each file at a path, or below it, that is encrypted or has `!vault` variables, in the order of their names.

    Raises:
        InvalidInput: there is nothing at the path; a file cannot be decrypted, or has a byte order mark before what
            is encrypted; a file with `!vault` is no YAML.
        CredentialError: a file cannot be read.
    """
    if not os.path.lexists(path):
        raise missing_error(path)
    for file in _walk(path):
        content = read_bytes(file)
        if content.startswith(HEADER):
            yield _read_whole(file, content)
        elif content.startswith(_MARKED_HEADERS):
            raise unreadable_error(file, "it is encrypted, but begins with a byte order mark, with which Ansible does not decrypt it")
        elif any(mark in content for mark in _MARKS):
            found = _read_inline(file, content)
            if found.leaves:
                yield found


def decrypt(ciphertext: bytes | str, path: str, line: int) -> bytes:
    """Return what ansible-core decrypts, with any of the passwords of the run.

    Raises:
        InvalidInput: none of them fits, or it is damaged.
    """
    secrets = VaultSecretsContext.current(optional=True)
    try:
        return bytes(VaultLib(secrets.secrets if secrets else None).decrypt(ciphertext))
    except AnsibleError:  # its text may show the passwords' places, and is repeated
        what = "no vault password of the run decrypts it" if is_encrypted(ciphertext) else "it is not what Ansible Vault writes"
    remedy = "Nothing was adopted. Give the password with --vault-id or --vault-password-file, or check the file."
    raise InvalidInput("'{0}', line {1}: {2}".format(path, line, what), option="path", remedy=remedy)


def _walk(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    seen: set[str] = set()
    for directory, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(files):
            file = os.path.join(directory, name)
            real = os.path.realpath(file)
            if real not in seen and os.path.isfile(file) and _may_be_vaulted(file):
                seen.add(real)
                yield file


def _may_be_vaulted(path: str) -> bool:
    """Whether a file is encrypted, or may be YAML."""
    try:
        with open(path, "rb") as stream:
            if stream.read(max(map(len, _MARKED_HEADERS))).startswith((HEADER, *_MARKED_HEADERS)):
                return True
    except OSError:
        return True  # reading it names the reason
    ending = os.path.splitext(path)[1]
    return ending in (".yml", ".yaml") or (not ending and not _VARIABLES.isdisjoint(path.split(os.sep)))


def _read_whole(path: str, content: bytes) -> VaultedFile:
    plain = decrypt(content, path, 1)
    whole = VaultedFile(path, content, None, True, (Leaf((), plain, 1, 0, 0),))
    try:
        text = plain.decode("utf-8")
        root = yaml.compose(text, yaml.SafeLoader)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return whole
    if not isinstance(root, yaml.MappingNode):
        return whole
    return VaultedFile(path, content, text, True, tuple(_find_leaves(root, path, every=True)))


def _read_inline(path: str, content: bytes) -> VaultedFile:
    try:
        text = content.decode("utf-8")
        roots = list(yaml.compose_all(text, yaml.SafeLoader))
    except UnicodeDecodeError:
        raise unreadable_error(path, "it is no UTF-8 text") from None
    except yaml.YAMLError as error:  # it holds a part of the text
        mark = getattr(error, "problem_mark", None)
        raise unreadable_error(path, "it is no YAML", 0 if mark is None else mark.line + 1) from None
    except RecursionError:
        raise unreadable_error(path, "it is nested too deeply") from None
    leaves = [leaf for root in roots for leaf in _find_leaves(root, path, every=False)]
    return VaultedFile(path, content, text, False, tuple(leaves))


def _find_leaves(root: Node, path: str, *, every: bool) -> Iterator[Leaf]:
    """Yield the values below a node that are encrypted, or every one. What aliases repeat is there once."""
    seen: set[int] = set()
    waiting: list[tuple[tuple[str, ...], Node]] = [((), root)]
    while waiting:
        keys, node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, (yaml.MappingNode, yaml.SequenceNode)):
            waiting.extend(reversed(list(list_parts(node, keys, path))))
        elif node is not None and (node.tag in _TAGS or (every and node.tag != _YAML + "null")):
            yield _read_leaf(keys, node, path)


def list_parts(node: Node, keys: tuple[str, ...], path: str) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Yield the parts of a mapping or a list, with the keys on the way to each. What `<<` merges has those of the mapping around it.

    Raises:
        InvalidInput: a key is no text.
    """
    if isinstance(node, yaml.SequenceNode):
        yield from (((*keys, str(number)), part) for number, part in enumerate(node.value))
        return
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise unreadable_error(path, "a key is no text", key.start_mark.line + 1)
        if key.tag != _YAML + "merge":
            yield (*keys, key.value), value
        else:
            yield from ((keys, part) for part in (value.value if isinstance(value, yaml.SequenceNode) else [value]))


def _read_leaf(keys: tuple[str, ...], node: Node, path: str) -> Leaf:
    line = node.start_mark.line + 1
    try:
        value = node.value.encode("utf-8")
    except UnicodeEncodeError:  # it holds the value itself
        raise unreadable_error(path, "a value holds half of a surrogate pair, which UTF-8 cannot write", line) from None
    if node.tag in _TAGS:
        value = decrypt(node.value, path, line)
    elif node.tag == _YAML + "binary":
        try:
            value = base64.b64decode("".join(node.value.split()), validate=True)
        except (binascii.Error, ValueError):
            raise unreadable_error(path, "this is no base64", line) from None
    is_template = node.tag != "!unsafe" and any(mark in value for mark in (b"{{", b"{%", b"{#"))
    return Leaf(keys, value, line, node.start_mark.index, node.end_mark.index, node.tag in _NATIVE, is_template)


def name_place(path: str) -> str:
    """Return the group, the host or the role that a file belongs to, else the name of the file without its ending."""
    parts = os.path.abspath(path).split(os.sep)
    for number in range(len(parts) - 2, -1, -1):
        if parts[number] in (*_VARIABLES, "roles"):
            return os.path.splitext(parts[number + 1])[0] if number + 2 == len(parts) else parts[number + 1]
    return os.path.splitext(parts[-1])[0]


def describe_origin(file: VaultedFile, leaf: Leaf) -> str:
    """Return where a value is, for people."""
    return "{0}, line {1}".format(file.path, leaf.line) if leaf.keys else file.path
