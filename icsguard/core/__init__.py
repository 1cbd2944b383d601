"""The nouns of icsguard: what every other package speaks of, and nothing that does anything.

Standard library only. Values that are made once per frame or transaction are `NamedTuple`s (measured three
times cheaper than frozen dataclasses); everything else is a frozen, slotted dataclass. All of them survive a
round trip through msgspec, because the three processes exchange them.
"""
