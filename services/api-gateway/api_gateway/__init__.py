"""Stowage's front door: REST in, commands out, read models and live events."""
