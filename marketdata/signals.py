"""What staff did with markets, for whoever keeps the records (accounts does). Sent inside the change's transaction."""

from django.dispatch import Signal

staff_acted = Signal()
"""Arguments: `actor` (user or None), `action`, `subject`, `reason`, `command_id`, `ip_address`, `details`."""
