"""Visits: the swap of one unit, step by step, with evidence; nobody is without a proven hub at any of them."""
