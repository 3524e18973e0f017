"""How one message is handled: inbox, transaction, what it says and intends, the desk beside it."""
