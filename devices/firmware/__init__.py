"""The firmware of hubs: images, and how they come to a fleet in waves that halt by themselves."""
