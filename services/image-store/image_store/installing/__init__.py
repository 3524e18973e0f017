"""How templates become volumes on pools: strategies, the choice among them, bases, volumes."""
