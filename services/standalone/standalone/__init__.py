"""All five services in one process, for a laptop and a first look."""
