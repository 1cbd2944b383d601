import asyncio

from icsguard.lab import plc as plc_module
from icsguard.lab import registers as at


async def test_reads_show_the_registers_of_the_program(plc, wire):
    plc.program.registers.inputs[:2] = [1234, 567]
    assert await wire.ask(bytes.fromhex("0400000002")) == bytes.fromhex("0404 04d2 0237".replace(" ", ""))
    assert await wire.ask(bytes.fromhex("0100000004")) == bytes.fromhex("01010f")


async def test_every_writing_function_reaches_the_program_and_is_counted(plc, wire):
    await wire.ask(bytes.fromhex("0600000898"))
    await wire.ask(bytes.fromhex("100001000102089a"))
    await wire.ask(bytes.fromhex("050003 0000".replace(" ", "")))
    await wire.ask(bytes.fromhex("0f000000020102"))
    await wire.ask(bytes.fromhex("1600077fff8000"))
    await wire.ask(bytes.fromhex("17000000010002000102 0123".replace(" ", "")))
    assert plc.program.registers.holding[:3] == [0x0898, 0x089A, 0x0123]
    assert plc.program.registers.coils[:4] == [0, 1, 1, 0]
    assert plc.program.registers.holding[at.CONTROL_WORD] == at.BYPASS_BIT
    assert [write.function for write in plc.arrivals.writes] == [6, 16, 5, 15, 22, 23]
    assert plc.arrivals.written == 6
    assert {write.peer for write in plc.arrivals.writes} == {"127.0.0.1"}


async def test_any_unit_is_answered_and_an_address_beyond_the_tables_is_not(wire):
    assert (await wire.ask(bytes.fromhex("0300000001"), unit=9))[0] == 3
    assert await wire.ask(bytes.fromhex("0300100001")) == b"\x83\x02"
    assert await wire.ask(bytes.fromhex("0600100001")) == b"\x86\x02"


async def test_an_unknown_function_is_answered_illegal_function(wire):
    assert await wire.ask(b"\x63") == b"\xe3\x01"


async def test_stacked_requests_are_all_worked_through_in_order(plc, wire):
    wire.writer.write(
        wire.adu(bytes.fromhex("0300000001"))
        + wire.adu(bytes.fromhex("060000 0001".replace(" ", "")))
        + wire.adu(bytes.fromhex("0300000001")),
    )
    assert await wire.answer() == bytes.fromhex("030207d0")
    assert await wire.answer() == bytes.fromhex("0600000001")
    assert await wire.answer() == bytes.fromhex("03020001")


async def test_an_adu_of_another_protocol_is_counted_and_the_connection_lives(plc, wire):
    wire.writer.write(bytes.fromhex("0001 beef 0006 01 0300000001".replace(" ", "")))
    assert (await wire.ask(bytes.fromhex("0300000001")))[0] == 3
    assert plc.arrivals.garbage == 1


async def test_bytes_that_are_no_modbus_end_the_connection(wire):
    wire.writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await wire.reader.read(10) == b""


async def test_listen_only_mode_silences_the_device_until_its_restart(plc, wire, monkeypatch):
    monkeypatch.setattr(plc_module, "RESTART_S", 0.05)
    wire.writer.write(wire.adu(bytes.fromhex("0800040000")))
    wire.writer.write(wire.adu(bytes.fromhex("0300000001")))
    assert await wire.silence()
    assert "the device is silent" in plc.harms
    assert await wire.ask(bytes.fromhex("0800010000")) == bytes.fromhex("0800010000")
    wire.writer.write(wire.adu(bytes.fromhex("0300000001")))
    assert await wire.silence(0.1)
    assert (await wire.ask(bytes.fromhex("0300000001")))[0] == 3
    assert plc.harms == ()


async def test_query_data_is_echoed_and_other_diagnostics_are_refused(wire):
    assert await wire.ask(bytes.fromhex("08000012ab")) == bytes.fromhex("08000012ab")
    assert await wire.ask(bytes.fromhex("08000a0000")) == b"\x88\x01"


async def test_a_programming_command_stops_and_starts_the_control_program(plc, wire):
    assert await wire.ask(bytes.fromhex("5a0041ff")) == bytes.fromhex("5a00fe")
    assert plc.program.running is False
    await wire.ask(bytes.fromhex("5a0040ff"))
    assert plc.program.running is True


async def test_everything_that_arrives_is_counted(plc, wire):
    for pdu in ("0300000001", "0300000001", "08000012ab", "63"):
        await wire.ask(bytes.fromhex(pdu))
    assert dict(plc.arrivals.functions) == {3: 2, 8: 1, 0x63: 1}


async def test_one_connection_too_many_throws_the_oldest_out(plc, wire):

    others = [await asyncio.open_connection("127.0.0.1", plc.port) for _ in range(plc_module.MAX_CONNECTIONS)]
    assert await wire.reader.read(1) == b""
    assert "clients were thrown off the device" in plc.harms
    for _reader, writer in others:
        writer.close()
