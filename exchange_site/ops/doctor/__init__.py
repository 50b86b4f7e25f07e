"""`manage.py doctor`: everything a fresh or a broken installation can have wrong, and the mend for each."""
