"""Taking over another cloud: its database is read and nothing of it is changed."""
