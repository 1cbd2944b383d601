"""Cost of an OPC UA conduit: an own server and load client, a plain relay, and icsguard between them."""
