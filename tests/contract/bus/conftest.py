"""Asserts of the shipped suite show their values."""
