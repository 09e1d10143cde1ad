"""Real small models as upstream servers: each one a process of its own, none of them needs the internet."""
