"""Fields: how a value is declared, checked, stored and looked up."""
