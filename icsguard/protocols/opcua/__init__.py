"""OPC UA over TCP: chunks (`uacp`), secure channel (`channel`), codec, `services`, `correlate`, `meaning`, `refuse`.

The order of the names is the order of the story, as for Modbus. Sources, by the short names used in comments: *P4*,
*P6* and *P7* are Parts 4, 6 and 7 of OPC 10000; sections of P4 are those of 1.04, in 1.05 each stands one number
further (CreateSession §5.6.2 → §5.7.2).

What is here: framing and reassembly with every bound checked before bytes are kept; sequence numbers of both laws and
their renumbering; the channel's state for both ends under None, Sign and SignAndEncrypt of Basic256Sha256,
Aes128_Sha256_RsaOaep and Aes256_Sha256_RsaPss, RSA work handed out as job values; the whole binary codec of built-in
types; the services that matter with requests and responses, read and written from one table; pairing; sessions with
their aliases, subscriptions and namespaces; meanings, observations, refusals of one item among many.

What is not here: endpoint rewriting, session signatures and user tokens belong to `conversation.opcua`, which drives
all this. Query services and SessionlessInvoke are known by name only; ECC and AEAD policies are unknown.

Within the codec a breach unwinds as one private exception (`codec.Malformed`) and ends at the door as a `Defect` from
the one table in `defects`: what a peer sends never raises to a caller. Encoders raise ValueError for values that no
bytes hold, because those values are ours.
"""
