import pytest

from icsguard.config.node_file import outranked, read_nodes
from icsguard.config.node_schema import OpcuaSection
from icsguard.core.clock import SECOND
from icsguard.core.decision import RuleState
from icsguard.core.method import Effect
from icsguard.policy.nodes.rules import Argument, IdentityGroup, NodeRule, UaLimits
from icsguard.policy.nodes.services import MONITORING
from icsguard.policy.terms import Action, Rate, Window
from icsguard.protocols.opcua.services import BY_NAME

PIN = "ab" * 32


def read(values):
    """Return the draft of a section, and its faults as (path, text)."""
    faults = []
    section = OpcuaSection.model_validate(values)
    draft = read_nodes(section, lambda path, text, hint: faults.append((path, f"{text} ({hint})")))
    return draft, faults


def rule(**more):
    return {"rule": [{"id": "r", "clients": ["hmi"], "services": ["Read"], **more}]}


def test_a_full_section_becomes_values():
    draft, faults = read(
        {
            "security": "SignAndEncrypt",
            "security_policies": ["Basic256Sha256"],
            "anonymous": True,
            "namespaces": {"plant": "urn:plant;1"},
            "limits": {"items": 5},
            "identities": {"op": {"clients": ["hmi"], "users": ["anna", "anonymous"], "certificates": [PIN.upper()]}},
            "rule": [
                {
                    "id": "full",
                    "clients": ["op"],
                    "services": ["Write", "Call"],
                    "nodes": ["plant:s=Pump.*", "i=2258", "plant:*"],
                    "subtrees": ["plant:i=5"],
                    "points": ["speed"],
                    "methods": ["nsu=urn:other;s=Start"],
                    "objects": ["plant:s=P*"],
                    "attributes": ["Value"],
                    "arguments": [{"place": 0, "min": 0, "max": 5.5, "allowed": [1, "slow"], "type": "Double"}],
                    "sets": [{"point": "speed", "argument": 0}, {"point": "run", "value": 1}],
                    "min": 1,
                    "max": 2,
                    "index_range": True,
                    "stamped": True,
                    "structures": True,
                    "rate": "3/s",
                    "hours": "Mon 06:00-07:00",
                    "action": "hold",
                    "state": "alert",
                    "reply": "BadOutOfRange",
                    "technique": "T0855",
                    "text": "why",
                },
            ],
        }
    )
    assert [] == faults
    policy = draft.policy(())
    plant = "nsu=urn:plant%3B1;"
    assert (3, True, UaLimits(items=5)) == (policy.mode, policy.anonymous, policy.limits)
    assert ("http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256",) == policy.security_policies
    assert (IdentityGroup("op", ("hmi",), (), (PIN,), ("anna", ""), 2),) == policy.identities
    assert (
        NodeRule(
            "full",
            ("op",),
            (BY_NAME["Write"].number, BY_NAME["Call"].number),
            nodes=(f"{plant}s=Pump.*", "i=2258", f"{plant}*"),
            subtrees=(f"{plant}i=5",),
            points=("speed",),
            methods=("nsu=urn:other;s=Start",),
            objects=(f"{plant}s=P*",),
            attributes=(13,),
            arguments=(Argument(0, 0.0, 5.5, (1.0, "slow"), "Double"),),
            sets=(Effect("speed", 0), Effect("run", value=1.0)),
            minimum=1.0,
            maximum=2.0,
            index_range=True,
            stamped=True,
            structures=True,
            rate=Rate(3, SECOND),
            hours=(Window((0,), 360, 420),),
            action=Action.HOLD,
            state=RuleState.ALERT,
            reply=0x803C0000,
            technique="T0855",
            text="why",
        ),
    ) == policy.rules


def test_a_preset_is_spelled_out_and_everyone_is_nobody_named():
    draft, faults = read({"rule": [{"id": "r", "clients": ["*"], "preset": "monitoring"}]})
    assert [] == faults
    assert ((), tuple(sorted(MONITORING))) == (draft.rules[0].clients, draft.rules[0].services)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (rule(services=["Raed"]), "'Raed' is no service"),
        (rule(services=["QueryFirst"]), "QueryFirst is not looked into"),
        (rule(services=["CreateSession"]), "CreateSession needs no rule"),
        (rule(services=[]), "names no service"),
        (rule(nodes=["ns=2;s=A"]), "by index"),
        (rule(nodes=["plant:s=A"]), "[opcua.namespaces] has no 'plant'"),
        (rule(nodes=["nsu=u;s=*"]), "needs letters before its *"),
        (rule(subtrees=["nsu=u;s=A*"]), "takes no *"),
        (rule(methods=["nsu=u;s=A*"], services=["Call"]), "takes no *"),
        (rule(objects=["nsu=u;s=A"]), "limits calls and names no methods"),
        (rule(sets=[{"point": "p", "value": 1}]), "limits calls and names no methods"),
        (rule(methods=["nsu=u;s=A"], sets=[{"point": "p"}]), "by an argument or to a value"),
        (rule(methods=["nsu=u;s=A"], sets=[{"point": "p", "argument": 0, "value": 1}]), "exactly one of them"),
        (rule(action="deny", methods=["nsu=u;s=A"], sets=[{"point": "p", "value": 1}]), "denies: it takes no"),
        (rule(attributes=["Walue"]), "did you mean 'Value'?"),
        (rule(min=2, max=1), "min 2 is above max 1"),
        (rule(action="deny", min=1), "denies: it takes no min"),
        (rule(action="deny", subtrees=["nsu=u;s=A"]), "denies a subtree"),
        (rule(rate="fast"), "fast"),
        (rule(reply="Good"), "no StatusCode of a refusal"),
        (rule(reply="BadUserAccesDenied"), "did you mean 'BadUserAccessDenied'?"),
        (rule(methods=["nsu=u;s=A"], arguments=[{"place": 0, "min": 2, "max": 1}]), "min 2 is above max 1"),
        (rule(methods=["nsu=u;s=A"], arguments=[{"place": 0, "type": "Duble"}]), "did you mean 'Double'?"),
        ({"security_policies": ["Basic256"]}, "its algorithms are broken"),
        ({"namespaces": {"1plant": "urn:x"}}, "names no namespace"),
        ({"identities": {"op": {}}}, "it would be everybody"),
        ({"identities": {"op": {"certificates": ["12"]}}}, "no SHA-256"),
    ],
)
def test_faults_are_told_with_their_place(values, text):
    _, faults = read(values)
    assert any(text in told for _, told in faults), faults
    assert all(path[0] == "opcua" for path, _ in faults)


def test_what_a_site_names_outranks_a_pack():
    call, cancel, add = (BY_NAME[name].number for name in ("Call", "Cancel", "AddNodes"))
    pack = [
        NodeRule("p1", (), (cancel, add), action=Action.DENY),
        NodeRule("p2", (), (call,), methods=("i=1", "i=2"), action=Action.DENY),
        NodeRule("p3", (), (cancel,), action=Action.DENY),
    ]
    own = [
        NodeRule("o", ("hmi",), (cancel, call), methods=("i=1",)),
        NodeRule("w", (), tuple(MONITORING), "monitoring"),
    ]
    left = outranked(pack, own)
    assert [("p1", (add,), ()), ("p2", (call,), ("i=2",))] == [(rule.id, rule.services, rule.methods) for rule in left]
    assert pack == outranked(pack, [])
