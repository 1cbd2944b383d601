import subprocess
import sys
from dataclasses import replace

import msgspec
import pytest

from icsguard.config.settings import Conduit, GatewaySettings, Settings, SyslogSettings
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point
from icsguard.policy.rules import ClientGroup, Grant, Policy, Rate, Rule, Service, Target, Window, ZoneShift


def a_full_policy() -> Policy:
    return Policy(
        digest="ab",
        groups=(ClientGroup("hmi", ("10.0.0.21/32",)),),
        points=(Point("speed", 1, Table.HOLDING, 12, DataType.I16, limits=Limits(minimum=0, allowed=(1.0, 2.0))),),
        rules=(
            Rule(
                "r1",
                ("hmi",),
                (1,),
                (Service(3), Service(8, 0)),
                targets=(Target(Table.HOLDING, AddressRange(0, 9)),),
                rate=Rate(10, 1_000_000_000),
                hours=(Window((0, 1), 360, 1080),),
            ),
        ),
        grants=(Grant("g1", "hmi", 1_900_000_000_000_000_000, "works", points=("speed",)),),
        zone=(ZoneShift(0, 3600),),
    )


@pytest.fixture
def settings() -> Settings:
    return Settings(GatewaySettings(), (Conduit("plc1", "127.0.0.1", 1502, "127.0.0.1", 502, policy=a_full_policy()),))


def test_settings_survive_the_trip_to_another_process(settings):
    shipped = replace(settings, recorder=replace(settings.recorder, syslog=SyslogSettings("siem")))

    assert shipped == msgspec.msgpack.decode(msgspec.msgpack.encode(shipped), type=Settings)
    assert shipped == msgspec.json.decode(msgspec.json.encode(shipped), type=Settings)


def test_a_conduit_is_found_by_its_name(settings):
    assert settings.conduits[0] is settings.conduit("plc1")


def test_an_unknown_conduit_is_a_key_error(settings):
    with pytest.raises(KeyError, match="plc2"):
        settings.conduit("plc2")


def test_settings_are_imported_without_pydantic_and_without_a_toml_parser():
    code = "import sys, icsguard.config.settings; print(sorted({'pydantic', 'tomllib', 'numpy'} & set(sys.modules)))"

    assert "[]\n" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
