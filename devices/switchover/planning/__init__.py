"""Who visits whom, when: what a visit is worth, the plan, the check of it, and the plan when somebody is ill."""
