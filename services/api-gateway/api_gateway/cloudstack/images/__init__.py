"""Templates and ISOs as CloudStack's clients see them: what they ask for and what they are told."""
