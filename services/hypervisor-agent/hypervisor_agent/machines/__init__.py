"""Ways to run transport VMs on this host, and what the agent does with them."""
