"""Private, real servers for the tests: a broker, a database, stores of every kind, Docker."""
