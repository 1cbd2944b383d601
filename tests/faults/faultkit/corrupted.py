"""A small site as text, and ways to damage it."""

SITE = {
    "policy.toml": """[clients]
hmi = ["10.0.0.21", "10.1.0.0/24"]
[[rule]]
id = "watch"
clients = ["hmi"]
units = [1]
preset = "monitoring"
[[rule]]
id = "pump"
clients = ["hmi"]
units = [1]
functions = [6, 16]
points = ["pump_speed"]
rate = "6/min"
hours = "Mon-Fri 06:00-18:00"
""",
    "points.csv": """name,unit_id,table,address,type,min,max,unit
pump_speed,1,holding,100,u16,0,1500,rpm
level,1,input,5,u16,,,mm
""",
    "icsguard.toml": """[gateway]
state = "state"
run = "run"
[conduit.main]
listen = "127.0.0.1:15020"
device = "127.0.0.1:15021"
mode = "enforce"
policy = "policy.toml"
points = "points.csv"
""",
}


def damaged(rng, text):
    """Return the text with a few characters changed, cut, doubled, or its end gone."""
    letters = list(text)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(letters))
        kind = rng.randrange(4)
        if kind == 0:
            letters[at] = chr(rng.choice((0, 10, 34, 39, 44, 61, 91, 93, 0xE9, rng.randrange(32, 127))))
        elif kind == 1:
            del letters[at : at + rng.randrange(1, 12)]
        elif kind == 2:
            letters[at:at] = letters[at : at + rng.randrange(1, 12)]
        else:
            letters = letters[: max(at, 1)]
        letters = letters or [" "]
    return "".join(letters)
