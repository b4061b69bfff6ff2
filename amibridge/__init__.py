"""A card for whoever talked to the client, and for nobody else."""
