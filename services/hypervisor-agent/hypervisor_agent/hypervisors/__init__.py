"""Hypervisor plug-ins: what a host can do."""
