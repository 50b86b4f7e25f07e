"""What an account did and what moved its money, for people: pages, CSV files, and the archive (docs/history.md)."""
