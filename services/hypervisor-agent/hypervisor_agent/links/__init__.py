"""The door: single objects of stores without HTTP, served and taken in under revocable tokens."""
