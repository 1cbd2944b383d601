"""Nine simulated plants of different physics, each with operators, maintenance and a Modbus register map.

They exist to be learnt and attacked by the hundred (`icsguard evaluate`). Each plant is a pure function of its state,
its commands and the world outside; `site` puts a clock, noise and registers around it.
"""
