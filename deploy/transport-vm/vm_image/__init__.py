"""Building the image of a transport VM from Debian packages."""
