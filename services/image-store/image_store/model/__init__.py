"""Rules of image-store: replicas, room, placement, what is wished for; no I/O."""
