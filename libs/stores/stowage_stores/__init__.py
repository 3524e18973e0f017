"""Stowage's built-in store drivers: directory, S3, memory."""
