"""Owns zones, hosts, stores, images and their replicas."""
