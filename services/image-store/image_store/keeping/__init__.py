"""What is wished for is kept: placed, made from siblings, moved off, read again."""
