"""Welfare: who could have pressed while nobody could hear them, asked one by one until everybody is accounted for."""
