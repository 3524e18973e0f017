"""Fan-out: agents behind shaped links that want one template."""
