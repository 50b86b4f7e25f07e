"""Running the exchange: figures, jobs, the doctor, backups and the page that says whether everything is all right."""
