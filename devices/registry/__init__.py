"""The register of councils, premises, people, hubs and what is paired to them."""
