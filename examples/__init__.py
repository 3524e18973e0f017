"""Programs that show Stowage at work."""
