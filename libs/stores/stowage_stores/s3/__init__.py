"""S3 stores of any dialect. The driver signs, lists and completes; it never carries data."""

from stowage_stores.s3.driver import S3Driver
from stowage_stores.s3.provider import S3Provider
from stowage_stores.s3.settings import S3Settings

__all__ = ["S3Driver", "S3Provider", "S3Settings"]
