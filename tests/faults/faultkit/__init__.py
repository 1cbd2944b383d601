"""The kit of the fault cases: a device that misbehaves on order, clients, a bystander, guards under test, a table.

`python -m faultkit` (with tests/faults on the path) is the full form behind `make faults`; pytest runs the short one.
"""
