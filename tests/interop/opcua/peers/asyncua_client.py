"""An asyncua client as a process: it goes through the steps of the matrix and prints what it saw as JSON.

Usage: asyncua_client.py URL POLICY MODE USER FOLDER STEPS, where FOLDER has client.der, client.pem; POLICY is None or a
name, USER `anonymous` or `operator:secret`, STEPS a list with commas.
"""

import asyncio
import json
import logging
import sys
from pathlib import Path

from asyncua import Client, ua

NAMESPACE = "urn:example:plant"
MODES = {"None": ua.MessageSecurityMode.None_, "Sign": ua.MessageSecurityMode.Sign}
MODES["SignAndEncrypt"] = ua.MessageSecurityMode.SignAndEncrypt


def named(error):
    code = getattr(error, "code", None)
    return ua.status_codes.get_name_and_doc(code)[0] if code is not None else f"{type(error).__name__}: {error}"


class Heard:
    """What a subscription delivers."""

    def __init__(self):
        self.values = []
        self.lost = []

    def datachange_notification(self, node, value, data):
        self.values.append(value)

    def status_change_notification(self, status):
        self.lost.append(str(status))


class Steps:
    """Each step returns what it saw."""

    def __init__(self, client, index):
        self.client = client
        self.index = index

    def node(self, name):
        return self.client.get_node(ua.NodeId(name, self.index))

    async def write_all(self, pairs):
        params = ua.WriteParameters()
        for name, value in pairs:
            item = ua.WriteValue()
            item.NodeId, item.AttributeId = ua.NodeId(name, self.index), ua.AttributeIds.Value
            item.Value = ua.DataValue(ua.Variant(value, ua.VariantType.Double))
            params.NodesToWrite.append(item)
        return [code.name for code in await self.client.uaclient.write(params)]

    async def browse(self):
        children = await self.node("Plant").get_children()
        return len(children)

    async def read(self):
        return await self.node("P3").read_value()

    async def read500(self):
        values = await self.client.read_values([self.node(f"P{number}") for number in range(500)])
        return len([value for value in values if isinstance(value, float)])

    async def write(self):
        return await self.write_all([("Allowed", 7.5)]), await self.node("Allowed").read_value()

    async def deny(self):
        return await self.write_all([("Denied", 66.0)]), await self.node("Denied").read_value()

    async def range(self):
        return await self.write_all([("Ranged", 500.0)]), await self.write_all([("Ranged", 50.0)])

    async def nan(self):
        return await self.write_all([("Ranged", float("nan"))])

    async def mixed(self):
        return await self.write_all([("Allowed", 8.0), ("Denied", 66.0), ("P1", 9.0)])

    async def fifty(self):
        pairs = [(f"P{number}", 100.0 + number) for number in range(50)]
        pairs[17] = ("Denied", 66.0)
        pairs[30] = ("Nowhere", 1.0)
        return await self.write_all(pairs)

    async def fifty_range(self):
        pairs = [(f"P{number}", 200.0 + number) for number in range(50)]
        pairs[41] = ("Ranged", 1e6)
        return await self.write_all(pairs)

    async def call(self):
        return await self.node("Plant").call_method(ua.NodeId("Safe", self.index), 21.0)

    async def danger(self):
        try:
            return await self.node("Plant").call_method(ua.NodeId("Danger", self.index), 1.0)
        except ua.UaStatusCodeError as error:
            return named(error)

    async def subscribe(self):
        heard = Heard()
        subscription = await self.client.create_subscription(100, heard)
        await subscription.subscribe_data_change(self.node("Allowed"))
        for value in (31.0, 32.0, 33.0):
            await self.write_all([("Allowed", value)])
            for _ in range(100):
                if heard.values and heard.values[-1] == value:
                    break
                await asyncio.sleep(0.05)
        await subscription.delete()
        return heard.values[-3:]

    async def renew(self):
        """Renew the channel six times while four readers read."""
        done = 0
        running = True

        async def reader():
            nonlocal done
            while running:
                await self.node("P3").read_value()
                done += 1

        readers = [asyncio.create_task(reader()) for _ in range(4)]  # noqa: TID251 - a peer, no part of icsguard
        for _ in range(6):
            await asyncio.sleep(0.1)
            await self.client.open_secure_channel(renew=True)
        await asyncio.sleep(0.1)
        running = False
        await asyncio.gather(*readers)
        return done > 20

    async def interleave(self):
        """Denials among requests and answers of several chunks, while Publish requests are pending."""
        heard, seen = Heard(), []
        subscription = await self.client.create_subscription(100, heard)
        await subscription.subscribe_data_change(self.node("Allowed"))
        many = [self.node(f"P{number % 500}") for number in range(3000)]
        for denials in (1, 2, 100):
            reading = asyncio.get_running_loop().create_task(self.client.read_values(many))
            answers = await asyncio.gather(*(self.write_all([("Denied", 66.0)]) for _ in range(denials)))
            await self.write_all([("Allowed", 1000.0 + denials)])
            seen.append([len(await reading), sorted({status for (status,) in answers}), len(answers)])
        for _ in range(100):
            if heard.values and heard.values[-1] == 1100.0:
                break
            await asyncio.sleep(0.05)
        await subscription.delete()
        return [*seen, heard.values[-1:]]

    async def soak(self):
        """Two hundred values by subscription while the channel is renewed again and again: none may be missing."""
        heard, wanted, renewals = Heard(), [5000.0 + number for number in range(200)], 0
        subscription = await self.client.create_subscription(50, heard)
        await subscription.subscribe_data_change(self.node("Allowed"), queuesize=1000)
        await asyncio.sleep(0.3)
        for number, value in enumerate(wanted):
            await self.write_all([("Allowed", value)])
            if number % 5 == 0:
                await self.client.open_secure_channel(renew=True)
                renewals += 1
            await asyncio.sleep(0.03)
        for _ in range(100):
            if heard.values[-1:] == wanted[-1:]:
                break
            await asyncio.sleep(0.05)
        await subscription.delete()
        return [heard.values[-200:] == wanted, renewals, heard.lost]

    async def endpoints(self):
        """Check what strict clients check: the endpoints of CreateSession are those of GetEndpoints."""
        other = Client(self.client.server_url.geturl(), timeout=10)
        other.application_uri = self.client.application_uri
        other.security_policy = self.client.security_policy
        other.uaclient.set_security(self.client.security_policy)
        await other.connect_socket()
        try:
            await other.send_hello()
            await other.open_secure_channel()
            told = await other.get_endpoints()
            created = await other.create_session()
            await other.close_session()
        finally:
            other.disconnect_socket()
        certificates = {bytes(one.ServerCertificate) for one in told} | {bytes(created.ServerCertificate)}
        return [told == created.ServerEndpoints, len(told), len(certificates), told[0].Server.ApplicationUri]

    async def alias(self):
        """Register the denied node and write by the alias."""
        nodes = await self.client.register_nodes([self.node("Denied")])
        try:
            await nodes[0].write_value(66.0, ua.VariantType.Double)
        except ua.UaStatusCodeError as error:
            return named(error)
        return "Good"


async def session(url, policy, mode, user, folder, steps):
    client = Client(url, timeout=10)
    client.application_uri = "urn:example:client"
    if policy != "None":
        await client.set_security_string(f"{policy},{mode},{folder}/client.der,{folder}/client.pem")
    if user != "anonymous":
        name, _, password = user.partition(":")
        client.set_user(name)
        client.set_password(password)
    seen = {}
    async with client:
        acting = Steps(client, await client.get_namespace_index(NAMESPACE))
        for step in steps:
            try:
                seen[step] = await getattr(acting, step)()
            except (ua.UaError, TimeoutError, ConnectionError) as error:
                seen[step] = f"failed: {named(error)}"
    return seen


async def main(url, policy, mode, user, folder, steps):
    names = steps.split(",")
    try:
        seen = await session(url, policy, mode, user, folder, [name for name in names if name != "reconnect"])
        if "reconnect" in names:
            seen["reconnect"] = (await session(url, policy, mode, user, folder, ["read"]))["read"]
    except Exception as error:  # noqa: BLE001 - whatever ends the run is its result
        seen = {"ended": named(error)}
    print(json.dumps(seen))  # noqa: T201 - the result goes to the test


logging.basicConfig(level=logging.CRITICAL)
asyncio.run(main(*sys.argv[1:4], sys.argv[4], Path(sys.argv[5]), sys.argv[6]))
