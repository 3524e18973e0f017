"""Built-in CacheSelector plug-ins."""
