"""Domains, accounts and users: the rules of who may make, change and end which."""
