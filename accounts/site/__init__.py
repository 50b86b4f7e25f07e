"""What a person keeps on the site: favourites, preferences, sign-ins, and what the account was worth day by day."""
