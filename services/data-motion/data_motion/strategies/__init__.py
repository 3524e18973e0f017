"""Built-in data motion strategies."""
