"""Files for those who run the exchange; the tests use what makes a certificate."""
