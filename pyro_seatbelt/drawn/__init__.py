"""Images made by a program, with every factor known."""
