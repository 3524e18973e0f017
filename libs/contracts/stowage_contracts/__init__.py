"""What Stowage's services and plug-ins say to each other: values, messages, interfaces."""
