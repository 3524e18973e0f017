"""Runs beside the disks: opens grants, moves bytes, judges images."""
