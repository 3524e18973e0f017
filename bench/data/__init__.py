"""Parts of the data plane's measurement."""
