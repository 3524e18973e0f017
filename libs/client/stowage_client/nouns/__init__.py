"""What a client may do with each noun."""
