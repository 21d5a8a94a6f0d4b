"""Analogue units on lines that are digital already: on the list until they are so no longer."""
