"""Cut-through: agents that copy the same bytes read what has arrived at each other."""
