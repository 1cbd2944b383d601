"""Real clients through the gateway, unchanged: each reads, writes, reads back, and meets one refusal."""

import asyncio
import os
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.peer


def mbpoll(port, *arguments):
    if shutil.which("mbpoll") is None:
        pytest.skip("no mbpoll here: apt install mbpoll")
    command = ["mbpoll", "-m", "tcp", "-p", str(port), "-a", "1", "-0", "-1", "-q", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, done.stdout + done.stderr


def test_mbpoll_reads_and_writes(guarded):
    port, mode = guarded
    status, said = mbpoll(port, "-r", "10", "127.0.0.1", "123")
    assert 0 == status, said
    status, said = mbpoll(port, "-r", "10", "-c", "2", "127.0.0.1")
    assert 0 == status, said
    assert "[10]: \t123" in said
    status, said = mbpoll(port, "-r", "60", "127.0.0.1", "7")
    if mode == "enforce":
        assert "Illegal data address" in said
    else:
        assert 0 == status, said


def test_mbpoll_coils(guarded):
    port, _ = guarded
    status, said = mbpoll(port, "-t", "0", "-r", "3", "127.0.0.1", "1")
    assert 0 == status, said
    status, said = mbpoll(port, "-t", "0", "-r", "3", "-c", "1", "127.0.0.1")
    assert "[3]: \t1" in said


async def test_pymodbus_reads_and_writes(guarded):
    client_module = pytest.importorskip("pymodbus.client")
    port, mode = guarded
    client = client_module.AsyncModbusTcpClient("127.0.0.1", port=port)
    assert await client.connect()
    assert not (await client.write_registers(20, [1, 2, 3], device_id=1)).isError()
    assert [1, 2, 3] == (await client.read_holding_registers(20, count=3, device_id=1)).registers
    answer = await client.write_register(70, 9, device_id=1)
    assert (mode == "enforce") == answer.isError()
    if mode == "enforce":
        assert 2 == answer.exception_code
    assert [1, 2, 3] == (await client.read_holding_registers(20, count=3, device_id=1)).registers, (
        "the connection lives"
    )
    client.close()


NODE = """
const Modbus = require('modbus-serial');
(async () => {
  const client = new Modbus();
  await client.connectTCP('127.0.0.1', { port: Number(process.argv[1]) });
  client.setID(1);
  client.setTimeout(3000);
  await client.writeRegisters(30, [7, 8]);
  const read = await client.readHoldingRegisters(30, 2);
  let refusal = 0;
  try { await client.writeRegister(80, 1); } catch (error) { refusal = error.modbusCode; }
  const many = await Promise.all([0, 1, 2, 3, 4].map((n) => client.readHoldingRegisters(n, 1)));
  console.log(JSON.stringify({ read: read.data, refusal, many: many.length }));
  client.close(() => process.exit(0));
})().catch((error) => { console.error(error); process.exit(1); });
"""


async def test_modbus_serial_reads_and_writes(guarded, node_modules):
    port, mode = guarded
    node = await asyncio.create_subprocess_exec(
        "node",
        "-e",
        NODE,
        str(port),
        env={**os.environ, "NODE_PATH": str(node_modules)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, said = await asyncio.wait_for(node.communicate(), 30)
    assert 0 == node.returncode, said.decode()
    refusal = 2 if mode == "enforce" else 0
    assert f'{{"read":[7,8],"refusal":{refusal},"many":5}}' == out.decode().strip()
