"""What an attacker does to the water cell: one file an attack, each with what it must not achieve behind a gateway.

All of them use the shared codec and the client of `icsguard.lab.wire`; what breaks the protocol is written as bytes.
`icsguard.lab.attacks.book` lists them in the order of the demo.
"""
