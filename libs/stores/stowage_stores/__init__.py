"""Stowage's built-in store drivers: directory, NFS, S3, Swift, memory."""
