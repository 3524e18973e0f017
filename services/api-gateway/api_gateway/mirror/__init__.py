"""CloudStack's own events come in: each says what to look at, and CloudStack's API what is there.

``listener`` → ``events`` (read) → ``intake`` (rows to look at) → ``looking`` (asks ``api``) →
``comparing`` (pure) → ``doing`` (what the REST routes would do).
"""
