"""The audit log: who did what, when and why, as a chain of rows that nobody can change without being found out."""
