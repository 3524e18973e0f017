"""Swift stores: OpenStack's own and others that speak v1. The driver never carries data."""

from stowage_stores.swift.driver import SwiftDriver
from stowage_stores.swift.provider import SwiftProvider
from stowage_stores.swift.settings import SwiftSettings

__all__ = ["SwiftDriver", "SwiftProvider", "SwiftSettings"]
