"""Modbus/TCP: frames (`mbap`), the law (`functions`), the codec (`pdu`), pairing (`correlate`), `meaning`, `refuse`.

The order of the names is the order of the story. Sources, by the short names used in comments: *AP* is the Modbus
Application Protocol Specification V1.1b3, *TCP* the Messaging on TCP/IP Implementation Guide V1.0b, *SL* the Serial
Line guide V1.02. A peer's fault is never raised: it is a `Defect` from the one table in `defects`.
"""
