"""The copy loop: buffers, claims, digests, progress, and one hop from redeem to receipt."""
