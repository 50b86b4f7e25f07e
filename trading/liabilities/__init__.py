"""What the venue owes its customers, summed in trees that anybody can check (docs/liabilities.md)."""
