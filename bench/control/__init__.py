"""Parts of the control plane's measurement."""
