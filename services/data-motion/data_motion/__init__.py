"""Plans and follows every copy: strategy, endpoint, slots, leases, commit."""
