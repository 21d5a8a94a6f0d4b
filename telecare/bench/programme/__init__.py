"""Simulated programmes: homes, engineers, weather, stock and a clock of their own, under the real rules of visits."""
