"""Contract suites: what every plug-in of an interface must do, for ours and for strangers'."""
