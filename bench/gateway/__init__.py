"""Parts of ``bench.api``."""
