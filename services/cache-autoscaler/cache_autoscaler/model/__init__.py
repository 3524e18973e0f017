"""The rules of caching, pure: values in, values out."""
