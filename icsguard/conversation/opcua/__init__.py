"""OPC UA conversations: `terminate` ends both channels in the gateway, `passthrough` looks into the one of two others.

Both judge by `enforce`, keep what outlives a connection in `ledger`, and leave records through `ending`; `traffic` is
what they share of a request's life.
"""
