"""Objects and their replicas: registered, asked for, ready, failed, forgotten."""
