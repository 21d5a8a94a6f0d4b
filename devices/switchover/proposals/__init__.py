"""Times that a plan proposes to households that have not agreed yet: whom to ring, and what they answered."""
