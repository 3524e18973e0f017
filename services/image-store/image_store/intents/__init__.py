"""Side effects on stores, each a durable intent; ``kinds`` has the table."""
