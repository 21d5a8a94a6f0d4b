"""Cover: the control room of one council sees and handles the alarms of another while that one cannot."""
