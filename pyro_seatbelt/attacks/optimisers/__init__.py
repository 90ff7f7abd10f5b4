"""How an attack searches: batched minimisers of many problems at once."""
