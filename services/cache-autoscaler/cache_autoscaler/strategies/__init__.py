"""Built-in AutoscaleStrategy plug-ins."""
