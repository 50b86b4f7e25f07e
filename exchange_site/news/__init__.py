"""What the venue tells everybody: announcements, incidents, and how fast it answers."""
