"""Traces and rivals of the autoscaling measurement."""
