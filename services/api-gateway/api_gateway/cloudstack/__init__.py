"""CloudStack's query API at /client/api: the same owners, in the words existing clients speak.

``request`` → ``callers`` → ``values`` (as ``spec/*.toml`` wants them) → ``commands`` → ``writing``.
"""
