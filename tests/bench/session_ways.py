# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to a value that are compared: ours and others' lookups, each pair on the same server, which counts."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence

from tests.bench.session_runs import CALLBACK, Way
from tests.integration.counted import Counted
from tests.servers import kubernetes, once, processes
from tests.servers.processes import ServerUnavailable

REGION = "eu-central-1"
NAMESPACE = "bench"


def debug(expression: str) -> str:
    """A task that evaluates an expression and does nothing else."""
    return '{{name: ask, ansible.builtin.debug: {{msg: "{{{{ ({0}) is none }}}}"}}}}'.format(expression)


def constant() -> Way:
    """What the others are compared with."""
    return Way("lookup('env', 'HOME')", lambda _name: debug("lookup('env', 'HOME')"), {})


def our_lookup(name: str) -> str:
    """The same task for every backend."""
    return debug("lookup('nebula.credential.get', '{0}')".format(name))


@contextlib.contextmanager
def on_openbao(names: Sequence[str]) -> Iterator[List[Way]]:
    """Ours, ours with the callback, and community.hashi_vault, all logging in by AppRole."""
    counted = Counted()
    counted.fill(*names)
    ours = counted.configured()
    asked: Dict[str, Any] = {"logins": counted.logins, "reads": lambda: sum(counted.reads().values()), "start_over": counted.start_over}
    theirs = {
        "ansible_hashi_vault_url": counted.server.url,
        "ansible_hashi_vault_auth_method": "approle",
        "ansible_hashi_vault_mount_point": counted.role_mount,
        "ansible_hashi_vault_role_id": counted.auth["role_id"],
        "ansible_hashi_vault_secret_id": counted.auth["secret_id"],
        "ansible_hashi_vault_engine_mount_point": counted.store.mount,
        "nebula_bench_prefix": counted.store.prefix,
    }
    prefix = counted.store.prefix

    def vault_kv2_get(name: str) -> str:
        return debug("lookup('community.hashi_vault.vault_kv2_get', '{0}/{1}')".format(prefix, name))

    yield [
        Way("nebula.credential, OpenBao", our_lookup, {}, store=ours, **asked),
        Way("nebula.credential with its callback, OpenBao", our_lookup, {}, store=ours, environment=CALLBACK, **asked),
        Way("community.hashi_vault, OpenBao", vault_kv2_get, theirs, is_peer=True, **asked),
    ]
    once.stop_all()


@contextlib.contextmanager
def on_kubernetes(names: Sequence[str]) -> Iterator[List[Way]]:
    """Ours and kubernetes.core, both with a token. What is no Secret (kubernetes.core asks what the server offers) is not counted."""
    with kubernetes.running() as server:
        server.namespace(NAMESPACE)
        for name in names:
            body = {"metadata": {"name": "nebula-" + name}, "stringData": {"value": "of " + name}}
            server.call("POST", server.secrets_path(NAMESPACE), body)
        login = {"host": server.url, "api_key": server.token, "ca_cert": str(server.ca_cert)}
        config = {"backend": "kubernetes", "audit": "off", "encrypt": False, "namespace": NAMESPACE, **login}
        seen = [0]
        asked: Dict[str, Any] = {
            "reads": lambda: len(server.requests(NAMESPACE)) - seen[0],
            "start_over": lambda: seen.__setitem__(0, len(server.requests(NAMESPACE))),
        }
        given = ", ".join("{0}='{1}'".format(*pair) for pair in login.items())

        def k8s(name: str) -> str:
            what = "kind='Secret', namespace='{0}', resource_name='nebula-{1}'".format(NAMESPACE, name)
            return debug("lookup('kubernetes.core.k8s', {0}, {1})".format(what, given))

        yield [
            Way("nebula.credential, Kubernetes", our_lookup, {}, store=config, **asked),
            Way("kubernetes.core, Kubernetes", k8s, {}, is_peer=True, **asked),
        ]


@contextlib.contextmanager
def on_moto(names: Sequence[str]) -> Iterator[List[Way]]:
    """amazon.aws, at a server that answers as the Secrets Manager does; its log is what counts."""
    import boto3

    with processes.private_directory("moto", processes.Account()) as directory:
        port, log = processes.free_port(), directory / "server.log"
        command = [str(_program("moto_server")), "-H", processes.LOOPBACK, "-p", str(port)]
        process = processes.start(command, account=processes.Account(), log=log, directory=directory)
        try:
            processes.wait_until(lambda: b"Running on" in log.read_bytes(), process=process, within=60)
            url = "http://{0}:{1}".format(processes.LOOPBACK, port)
            login = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
            client = boto3.client("secretsmanager", endpoint_url=url, **login)
            for name in names:
                client.create_secret(Name=name, SecretString="of " + name)
            yield [_amazon(url, log)]
        finally:
            processes.stop(process)


def _amazon(url: str, log: Path) -> Way:
    given = "region='{0}', access_key='test', secret_key='test'".format(REGION)

    def asked() -> int:
        return log.read_bytes().count(b'"POST / ')

    seen = [0]

    def secret(name: str) -> str:
        return debug("lookup('amazon.aws.secretsmanager_secret', '{0}', {1})".format(name, given))

    return Way(
        "amazon.aws, moto",
        secret,
        {},
        reads=lambda: asked() - seen[0],
        start_over=lambda: seen.__setitem__(0, asked()),
        environment={"AWS_ENDPOINT_URL": url},
        is_peer=True,
    )


def _program(name: str) -> Path:
    return Path(sys.executable).parent / name


SERVERS: Sequence[Callable[[Sequence[str]], Any]] = (on_openbao, on_kubernetes, on_moto)


@contextlib.contextmanager
def all_ways(names: Sequence[str]) -> Iterator[List[Way]]:
    """The constant, and every way whose server can be had; what is left out is said."""
    with contextlib.ExitStack() as stack:
        ways = [constant()]
        for server in SERVERS:
            try:
                ways += stack.enter_context(server(names))
            except (ServerUnavailable, ImportError, FileNotFoundError) as error:
                print("left out, {0}: {1}".format(server.__name__[3:], error))
        yield ways
