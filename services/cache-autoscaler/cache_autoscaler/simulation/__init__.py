"""A fleet's day in virtual time: real strategy and controller, made-up copies and VMs. Pure."""
