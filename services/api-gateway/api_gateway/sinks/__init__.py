"""Sinks: webhooks and exchanges that are told what happens, each at its own pace."""
