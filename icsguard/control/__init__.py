"""The operator's language: typed requests and replies of the control socket, and who may ask for what.

Spoken by ``cli`` on one side and by the gateway in ``runtime`` on the other.
"""
