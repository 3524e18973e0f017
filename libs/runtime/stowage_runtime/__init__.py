"""How a Stowage service runs: bus, outbox, database, HTTP, telemetry; no domain words."""
