"""Who may do what to which node: the rules, identities, limits and the judge of OPC UA conduits.

`rules` holds the values that a policy file becomes and is imported by every process; all else only where a conduit
speaks OPC UA. `judge` is the door: one verdict for the service and one for each node that a request names.
"""
