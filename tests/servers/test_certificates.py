# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates of the test servers."""

from __future__ import annotations

import socket
import ssl
import threading

from tests.servers.certificates import Authority


def test_who_follows_the_standard_to_the_letter_trusts_them(tmp_path):
    """As Python does from 3.13 on, and OpenSSL with X509_V_FLAG_X509_STRICT before."""
    authority = Authority(tmp_path)
    issued = authority.issue("server", ["127.0.0.1", "localhost"])
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(issued.certificate, issued.key)
    asking = ssl.create_default_context(cafile=str(authority.certificate))
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    here, there = socket.socketpair()
    with here, there:
        answering = threading.Thread(target=serving.wrap_socket, args=(there,), kwargs={"server_side": True})
        answering.start()
        with asking.wrap_socket(here, server_hostname="localhost") as connection:
            assert connection.getpeercert()
        answering.join()
