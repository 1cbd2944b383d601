"""Which services rules can speak of: presets, what is always open, what must be named one by one, what never passes."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from icsguard.protocols.opcua.services import BY_NAME, SERVICES

ATTRIBUTES: Final = MappingProxyType(
    {
        name: number
        for number, name in enumerate(
            (
                "NodeId",
                "NodeClass",
                "BrowseName",
                "DisplayName",
                "Description",
                "WriteMask",
                "UserWriteMask",
                "IsAbstract",
                "Symmetric",
                "InverseName",
                "ContainsNoLoops",
                "EventNotifier",
                "Value",
                "DataType",
                "ValueRank",
                "ArrayDimensions",
                "AccessLevel",
                "UserAccessLevel",
                "MinimumSamplingInterval",
                "Historizing",
                "Executable",
                "UserExecutable",
                "DataTypeDefinition",
                "RolePermissions",
                "UserRolePermissions",
                "AccessRestrictions",
                "AccessLevelEx",
            ),
            start=1,
        )
    }
)
"""Attribute name to id (P6 §A.1)."""
VALUE: Final = ATTRIBUTES["Value"]


def _numbers(*names: str) -> frozenset[int]:
    return frozenset(BY_NAME[name].number for name in names)


ALWAYS: Final = _numbers(
    "FindServers",
    "GetEndpoints",
    "OpenSecureChannel",
    "CloseSecureChannel",
    "CreateSession",
    "ActivateSession",
    "CloseSession",
)
"""Without these nobody can introduce himself; what they may bring about is judged by channel and identity."""
NEVER: Final = frozenset(law.number for law in SERVICES.values() if law.request is None)
"""Known by name only: nobody can judge what they carry (Query, RegisterServer, SessionlessInvoke)."""
NAMED_ONLY: Final = _numbers(
    "FindServersOnNetwork",
    "Cancel",
    "AddNodes",
    "AddReferences",
    "DeleteNodes",
    "DeleteReferences",
    "HistoryUpdate",
    "SetTriggering",
    "TransferSubscriptions",
)
"""In no preset: a rule must name them."""
MONITORING: Final = _numbers(
    "Read",
    "HistoryRead",
    "Browse",
    "BrowseNext",
    "TranslateBrowsePaths",
    "RegisterNodes",
    "UnregisterNodes",
    "CreateMonitoredItems",
    "ModifyMonitoredItems",
    "SetMonitoringMode",
    "DeleteMonitoredItems",
    "CreateSubscription",
    "ModifySubscription",
    "SetPublishingMode",
    "Publish",
    "Republish",
    "DeleteSubscriptions",
)
OPERATOR: Final = MONITORING | _numbers("Write", "Call")
PRESETS: Final = MappingProxyType({"monitoring": MONITORING, "operator": OPERATOR})
READ, WRITE, CALL, HISTORY_UPDATE = (BY_NAME[name].number for name in ("Read", "Write", "Call", "HistoryUpdate"))
BROWSE: Final = _numbers("Browse", "TranslateBrowsePaths")
LOOKING: Final = _numbers("Read", "CreateMonitoredItems") | BROWSE
"""Services by which every admitted client may look at the server's own description."""

STANDARD_NODES: Final = frozenset(
    f"i={number}"
    for number in (
        *(2253, 2254, 2255, 2267, 2994, 11312, 11314),
        *range(2256, 2267),  # ServerStatus with its BuildInfo
        *(2992, 2993),
        *(2268, 2269, 2271, 2272, 2735, 2736, 2737, 11702, 11703, 12911),  # ServerCapabilities
        *(11704, 11705, 11707, *range(11709, 11715), *range(12165, 12169)),  # and its OperationLimits
        *range(24095, 24101),
        24104,
    )
)
"""The server's status, namespaces, capabilities and limits (P5 §8): stacks read them before any value of the plant.

Its diagnostics, which tell of other clients' sessions, are not among them.
"""


def service_number(name: str) -> int:
    """Return the number of a service that rules can name; ValueError says what is wrong."""
    law = BY_NAME.get(name)
    if law is None:
        known = ", ".join(sorted(law.name for law in SERVICES.values() if law.number not in ALWAYS | NEVER))
        raise ValueError(f"{name!r} is no service: {known}")
    if law.number in NEVER:
        raise ValueError(f"{name} is not looked into, so it cannot be permitted")
    if law.number in ALWAYS:
        raise ValueError(f"{name} needs no rule: who may open a session stands in [opcua] and its identities")
    return law.number


def service_name(number: int) -> str:
    """Return the name of a service, or its number."""
    law = SERVICES.get(number)
    return law.name if law else f"service {number}"
