"""An asyncua server as a process: the nodes of the matrix, one user, and a log of what arrived.

Usage: asyncua_server.py PORT FOLDER, where FOLDER has server.der, server.pem; it writes arrived.jsonl there.
"""

import asyncio
import json
import logging
import sys
from pathlib import Path

from asyncua import Server, ua, uamethod
from asyncua.common.callback import CallbackType
from asyncua.crypto.permission_rules import User, UserRole

NAMESPACE = "urn:example:plant"
POLICIES = [
    ua.SecurityPolicyType.NoSecurity,
    ua.SecurityPolicyType.Basic256Sha256_Sign,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]


class Users:
    """One user with a password, and everybody without a name."""

    def get_user(self, iserver, username=None, password=None, certificate=None):
        if username is None or (username, password) == ("operator", "secret"):
            return User(role=UserRole.User)
        return None


async def main(port, folder):
    arrived = (folder / "arrived.jsonl").open("a", buffering=1)

    def note(what, **facts):
        arrived.write(json.dumps({"what": what, **facts}) + "\n")

    server = Server(user_manager=Users())
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/plant")
    await server.set_application_uri("urn:example:server")
    server.set_security_policy(POLICIES)
    await server.load_certificate(folder / "server.der")
    await server.load_private_key(folder / "server.pem")
    index = await server.register_namespace(NAMESPACE)
    plant = await server.nodes.objects.add_object(ua.NodeId("Plant", index), "Plant")
    names = ["Allowed", "Denied", "Ranged", *(f"P{number}" for number in range(500))]
    for name in names:
        kind = ua.VariantType.Double
        node = await plant.add_variable(ua.NodeId(name, index), name, 1.0, varianttype=kind)
        await node.set_writable()
    array = await plant.add_variable(ua.NodeId("Array", index), "Array", [1.0, 2.0, 3.0])
    await array.set_writable()

    def method(name):
        @uamethod
        def called(parent, value):
            note("call", node=name, value=value)
            return value * 2

        return plant.add_method(ua.NodeId(name, index), name, called, [ua.VariantType.Double], [ua.VariantType.Double])

    await method("Safe")
    await method("Danger")

    async def written(event, _service):
        if not event.is_external:
            return  # the server's own clock
        for item in event.request_params.NodesToWrite:
            note("write", node=str(item.NodeId.Identifier), value=repr(item.Value.Value.Value))

    server.subscribe_server_callback(CallbackType.PreWrite, written)
    async with server:
        print("ready", flush=True)  # noqa: T201 - the test waits for it
        await asyncio.Event().wait()


logging.basicConfig(level=logging.ERROR)
asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
